# One static library a room, that sees the contract headers of the rooms it may use and no others.
#
# Headers are included as "shunt/<room>/x.h", so every room gets an include root of its own in the build tree,
# rooms/<room>/shunt/<room> -> include/shunt/<room>, and a library only the roots it is entitled to: an include that points
# to the right in the house does not compile. Of packages after LOADED only the headers are used: dlopen(3) gets the library
# when it is needed. Header names after NEVER are kept out of a room by a stand-in that says so.

# All rooms that exist, and for each the rooms it may use.
set_property(GLOBAL PROPERTY SHUNT_ROOMS "")

function(shunt_room room)
    cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "ROOMS;PACKAGES;LOADED;NEVER")
    set(root ${PROJECT_BINARY_DIR}/rooms/${room})
    file(MAKE_DIRECTORY ${root}/shunt)
    if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/include/shunt/${room})
        file(CREATE_LINK ${PROJECT_SOURCE_DIR}/include/shunt/${room} ${root}/shunt/${room} SYMBOLIC)
    endif()
    set_property(GLOBAL PROPERTY SHUNT_ROOMS_OF_${room} "${ARG_ROOMS}")

    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${room}/*.c)
    if(NOT sources)
        return()
    endif()
    add_library(shunt_${room} STATIC ${sources})
    shunt_sees(shunt_${room} ${room})
    foreach(header IN LISTS ARG_NEVER)
        file(CONFIGURE OUTPUT ${root}/never/${header} CONTENT "#error \"the room ${room} does not use <${header}>\"\n")
        target_include_directories(shunt_${room} BEFORE PRIVATE ${root}/never)
    endforeach()
    foreach(package IN LISTS ARG_PACKAGES)
        if(NOT TARGET ${package})
            pkg_check_modules(${package} REQUIRED IMPORTED_TARGET ${package})
            set(package PkgConfig::${package})
        endif()
        target_link_libraries(shunt_${room} PRIVATE ${package})
    endforeach()
    foreach(package IN LISTS ARG_LOADED)
        pkg_check_modules(${package} REQUIRED ${package})
        target_include_directories(shunt_${room} SYSTEM PRIVATE ${${package}_INCLUDE_DIRS})
    endforeach()
    set_property(GLOBAL APPEND PROPERTY SHUNT_ROOMS ${room})
endfunction()

# Lets `target` include and link the given rooms and all that they may use.
function(shunt_sees target)
    set(rooms ${ARGN})
    foreach(room IN LISTS ARGN)
        get_property(uses GLOBAL PROPERTY SHUNT_ROOMS_OF_${room})
        list(APPEND rooms ${uses})
    endforeach()
    list(REMOVE_DUPLICATES rooms)
    foreach(room IN LISTS rooms)
        target_include_directories(${target} PRIVATE ${PROJECT_BINARY_DIR}/rooms/${room})
        if(TARGET shunt_${room} AND NOT target STREQUAL "shunt_${room}")
            target_link_libraries(${target} PRIVATE shunt_${room})
        endif()
    endforeach()
endfunction()
