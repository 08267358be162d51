# Every library that culvert does not own, each as one culvert:: target with the definitions it needs.
include_guard(GLOBAL)
include(Llhttp)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

culvert_provide_llhttp()

# Asio, standalone, compiled once. ASIO_HAS_STD_ALIGNED_ALLOC: Asio 1.22 reads its configuration before any standard
# header in its implementation file and after one elsewhere, and so disagrees with itself about aligned allocation.
find_path(ASIO_INCLUDE_DIR asio.hpp REQUIRED)
file(WRITE "${PROJECT_BINARY_DIR}/asio_impl.cpp.in" "#include <asio/impl/src.hpp>\n")
configure_file("${PROJECT_BINARY_DIR}/asio_impl.cpp.in" "${PROJECT_BINARY_DIR}/asio_impl.cpp" COPYONLY)
add_library(culvert_asio STATIC "${PROJECT_BINARY_DIR}/asio_impl.cpp")
target_include_directories(culvert_asio SYSTEM PUBLIC "$<BUILD_INTERFACE:${ASIO_INCLUDE_DIR}>")
target_compile_definitions(culvert_asio PUBLIC
  ASIO_STANDALONE ASIO_SEPARATE_COMPILATION ASIO_NO_DEPRECATED ASIO_HAS_STD_ALIGNED_ALLOC=1)
target_compile_options(culvert_asio PRIVATE ${CULVERT_HARDENING})
target_link_libraries(culvert_asio PUBLIC Threads::Threads)
add_library(culvert::asio ALIAS culvert_asio)
file(STRINGS "${ASIO_INCLUDE_DIR}/asio/version.hpp" asio_version REGEX "#define ASIO_VERSION ")
string(REGEX MATCH "[0-9]+" asio_version "${asio_version}")
math(EXPR asio_minor "${asio_version} / 100 % 1000")
math(EXPR asio_patch "${asio_version} % 100")
message(STATUS "asio 1.${asio_minor}.${asio_patch}: ${ASIO_INCLUDE_DIR}")

find_package(spdlog REQUIRED CONFIG)
add_library(culvert::spdlog ALIAS spdlog::spdlog)
message(STATUS "spdlog ${spdlog_VERSION}: compiled library")

pkg_check_modules(CULVERT_TOML REQUIRED IMPORTED_TARGET GLOBAL tomlplusplus)
add_library(culvert::toml ALIAS PkgConfig::CULVERT_TOML)
message(STATUS "toml++ ${CULVERT_TOML_VERSION}")

find_package(yaml-cpp REQUIRED CONFIG)
add_library(culvert_yaml INTERFACE)
target_link_libraries(culvert_yaml INTERFACE yaml-cpp)
add_library(culvert::yaml ALIAS culvert_yaml)
message(STATUS "yaml-cpp ${yaml-cpp_VERSION}")

pkg_check_modules(CULVERT_RE2 REQUIRED IMPORTED_TARGET GLOBAL re2)
add_library(culvert::re2 ALIAS PkgConfig::CULVERT_RE2)

find_package(OpenSSL REQUIRED COMPONENTS SSL Crypto)
add_library(culvert::ssl ALIAS OpenSSL::SSL)
message(STATUS "OpenSSL ${OPENSSL_VERSION}")

pkg_check_modules(CULVERT_CRYPT REQUIRED IMPORTED_TARGET GLOBAL libxcrypt)
add_library(culvert::crypt ALIAS PkgConfig::CULVERT_CRYPT)
message(STATUS "libxcrypt ${CULVERT_CRYPT_VERSION}")

find_package(nlohmann_json REQUIRED CONFIG)
add_library(culvert::json ALIAS nlohmann_json::nlohmann_json)

find_package(CLI11 REQUIRED CONFIG)
add_library(culvert::cli ALIAS CLI11::CLI11)

if(CULVERT_TESTS OR NOT DEFINED CULVERT_TESTS)
  find_package(GTest REQUIRED CONFIG)
endif()
