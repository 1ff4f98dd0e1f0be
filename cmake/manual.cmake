# The manual and the shells' completion, printed by the program itself. Not in instrumented builds, which are never installed.
set(pages)
foreach(page IN ITEMS shunt.1 shunt.ini.5 routes.ini.5)
    add_custom_command(OUTPUT manual/${page}
        COMMAND ${CMAKE_COMMAND} -E make_directory manual
        COMMAND shunt manual ${page} > manual/${page}
        DEPENDS shunt VERBATIM)
    list(APPEND pages ${PROJECT_BINARY_DIR}/manual/${page})
endforeach()
foreach(shell IN ITEMS bash zsh)
    add_custom_command(OUTPUT manual/completion.${shell}
        COMMAND ${CMAKE_COMMAND} -E make_directory manual
        COMMAND shunt completion ${shell} > manual/completion.${shell}
        DEPENDS shunt VERBATIM)
    list(APPEND pages ${PROJECT_BINARY_DIR}/manual/completion.${shell})
endforeach()
add_custom_target(manual ALL DEPENDS ${pages})
