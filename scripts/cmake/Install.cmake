# What a packager expects, in FHS places: the daemon, its default configuration, and the message model as a library
# (find_package(culvert) gives culvert::http). Components: daemon, development.
include_guard(GLOBAL)
include(CMakePackageConfigHelpers)

install(TARGETS culvert RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT daemon)
install(FILES config/culvert.toml DESTINATION "${CMAKE_INSTALL_SYSCONFDIR}/culvert" COMPONENT daemon)
install(FILES config/egress.toml config/forward.toml DESTINATION "${CMAKE_INSTALL_DOCDIR}/examples" COMPONENT daemon)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT daemon)

set(culvert_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/culvert")
set(culvert_exported culvert_http culvert_wire culvert_net culvert_base culvert_asio culvert_llhttp)
if(TARGET culvert_llhttp_objs)  # llhttp compiled here rather than found installed
  list(APPEND culvert_exported culvert_llhttp_objs)
endif()
foreach(target ${culvert_exported})
  string(REPLACE "culvert_" "" name ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
endforeach()
install(TARGETS ${culvert_exported} EXPORT culvert_targets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
if(CULVERT_LTO)  # ordinary code is what is installed: the rest can be read by the same version of g++ only
  install(CODE "set(libraries \"${CMAKE_INSTALL_LIBDIR}\")\nset(objcopy \"${CMAKE_OBJCOPY}\")" COMPONENT development)
  install(CODE [[
    file(GLOB archives "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/${libraries}/libculvert_*.a")
    foreach(archive IN LISTS archives)
      execute_process(COMMAND "${objcopy}" --wildcard "--remove-section=.gnu.lto_*" "${archive}"
        COMMAND_ERROR_IS_FATAL ANY)
    endforeach()]] COMPONENT development)
endif()
install(DIRECTORY include/culvert DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development
  FILES_MATCHING PATTERN "*.hpp")
install(EXPORT culvert_targets NAMESPACE culvert:: FILE culvert-targets.cmake
  DESTINATION "${culvert_package_dir}" COMPONENT development)
configure_package_config_file(scripts/cmake/culvert-config.cmake.in "${PROJECT_BINARY_DIR}/culvert-config.cmake"
  INSTALL_DESTINATION "${culvert_package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/culvert-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/culvert-config.cmake" "${PROJECT_BINARY_DIR}/culvert-config-version.cmake"
  DESTINATION "${culvert_package_dir}" COMPONENT development)
