# Components: program (what a container needs), config (samples for /etc/shunt), system (unit, documents, manual, completion).
# The program looks for /etc/shunt/shunt.ini whatever the prefix is, so the samples go there, but never over a file that exists.
set(SHUNT_ETC_DIR /etc/shunt CACHE PATH "Where the sample settings and routes are installed")

configure_file(etc/shunt.service.in shunt.service @ONLY)

if(TARGET shunt)
    install(TARGETS shunt RUNTIME COMPONENT program)
endif()

set(samples)
foreach(sample etc/shunt.ini etc/routes.ini)
    if(EXISTS ${PROJECT_SOURCE_DIR}/${sample})
        list(APPEND samples ${PROJECT_SOURCE_DIR}/${sample})
    endif()
endforeach()
foreach(sample IN LISTS samples)
    cmake_path(GET sample FILENAME name)
    install(CODE "
        if(NOT EXISTS \"\$ENV{DESTDIR}${SHUNT_ETC_DIR}/${name}\")
            file(INSTALL \"${sample}\" DESTINATION \"${SHUNT_ETC_DIR}\")
        endif()" COMPONENT config)
endforeach()

# Where zsh looks: vendor-completions in Debian's packages.
set(SHUNT_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING "Where the completion for zsh is installed")
if(TARGET manual)
    set(made ${PROJECT_BINARY_DIR}/manual)
    install(FILES ${made}/shunt.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT system)
    install(FILES ${made}/shunt.ini.5 ${made}/routes.ini.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 COMPONENT system)
    install(FILES ${made}/completion.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME shunt COMPONENT system)
    install(FILES ${made}/completion.zsh DESTINATION ${SHUNT_ZSH_DIR} RENAME _shunt COMPONENT system)
endif()

install(FILES ${samples} DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT system)
install(FILES etc/templates/report.html etc/templates/report.txt DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples/templates
    COMPONENT system)
install(FILES CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT system)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright COMPONENT system)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT system)
install(DIRECTORY doc DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT system)
install(FILES ${PROJECT_BINARY_DIR}/shunt.service DESTINATION lib/systemd/system COMPONENT system)
