# Release is optimised and hardened, and keeps its asserts: a daemon that has lost the thread must stop, not go on.
include(CheckCCompilerFlag)
include(CheckPIESupported)

set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
check_pie_supported()

# Some distributions predefine _FORTIFY_SOURCE, hence the -U before the -D.
set(hardening -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
foreach(flag -fstack-clash-protection -fcf-protection)
    string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
    check_c_compiler_flag(${flag} ${have})
    if(${have})
        list(APPEND hardening ${flag})
    endif()
endforeach()
add_compile_options("$<$<CONFIG:Release>:${hardening}>")
add_link_options("$<$<CONFIG:Release>:LINKER:-z,relro,-z,now,-z,noexecstack,--as-needed>")
