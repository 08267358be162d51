# What a packager expects, in FHS places: the daemon, its default configuration, and the message model as a library
# (find_package(culvert) gives culvert::http).
include_guard(GLOBAL)
include(CMakePackageConfigHelpers)

install(TARGETS culvert RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT daemon)
install(FILES config/culvert.toml DESTINATION "${CMAKE_INSTALL_SYSCONFDIR}/culvert" COMPONENT daemon)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT daemon)
