# shunt_embed(TARGET FILE SYMBOL): the bytes of a file in the program, as `const unsigned char SYMBOL[]`, NUL behind them.
function(shunt_embed target file symbol)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${file})
    file(READ ${PROJECT_SOURCE_DIR}/${file} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
    set(source ${PROJECT_BINARY_DIR}/embedded/${symbol}.c)
    file(CONFIGURE OUTPUT ${source} CONTENT
        "extern const unsigned char ${symbol}[];\nconst unsigned char ${symbol}[] = {${bytes}0};\n")
    target_sources(${target} PRIVATE ${source})
endfunction()
