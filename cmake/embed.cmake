# shunt_embed(TARGET NAME name FILES file...): files as part of the target, in the order given, as the table `name` of
# include/shunt/base/embedded.h. Files are named from this folder; one that changes is embedded again by the next build.
#
# This file is also the script that writes the table: cmake -DOUT=FILE.c -DNAME=name -DFILES=file;... -P embed.cmake
if(NOT CMAKE_SCRIPT_MODE_FILE)
    set(SHUNT_EMBED ${CMAKE_CURRENT_LIST_FILE})
    function(shunt_embed target)
        cmake_parse_arguments(PARSE_ARGV 1 ARG "" "NAME" "FILES")
        set(files)
        foreach(file IN LISTS ARG_FILES)
            cmake_path(ABSOLUTE_PATH file)
            list(APPEND files ${file})
        endforeach()
        set(out ${PROJECT_BINARY_DIR}/embedded/${ARG_NAME}.c)
        add_custom_command(OUTPUT ${out}
            COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DNAME=${ARG_NAME} "-DFILES=${files}" -P ${SHUNT_EMBED}
            DEPENDS ${files} ${SHUNT_EMBED} VERBATIM)
        target_sources(${target} PRIVATE ${out})
    endfunction()
    return()
endif()

set(rows)
set(count 0)
foreach(file IN LISTS FILES)
    cmake_path(GET file FILENAME name)
    file(READ ${file} hex HEX)
    string(LENGTH "${hex}" size)
    math(EXPR size "${size} / 2")
    string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${hex}")
    string(APPEND rows "    {\"${name}\", \"${bytes}\", ${size}},\n")
    math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUT} "#include \"shunt/base/embedded.h\"

extern const struct embedded ${NAME}[];
extern const size_t ${NAME}_count;

const struct embedded ${NAME}[] = {
${rows}};
const size_t ${NAME}_count = ${count};
")
