# culvert_provide_llhttp() -> target culvert::llhttp
#
#   -DCULVERT_LLHTTP=AUTO|SYSTEM|SOURCE|FETCH    (default AUTO)
#   -DCULVERT_LLHTTP_SOURCE_DIR=<dir>            folder with api.c http.c llhttp.c (and llhttp.h, or ../include)
#
# AUTO tries, in order:
#   1 a CMake package      Debian 13+ (llhttp::llhttp_shared only, no version file), Homebrew, upstream installs
#   2 pkg-config libllhttp
#   3 C sources on disk    Debian 12's node-llhttp: <datadir>/llhttp/*.c + <datadir>/include/llhttp/llhttp.h
# FETCH, and only FETCH, takes the upstream release tarball, hash-pinned (needs the network, or
# FETCHCONTENT_SOURCE_DIR_LLHTTP): nothing is downloaded unless the person building asks for it.
include_guard(GLOBAL)
set(CULVERT_LLHTTP AUTO CACHE STRING "Where llhttp comes from: AUTO, SYSTEM, SOURCE or FETCH")
set_property(CACHE CULVERT_LLHTTP PROPERTY STRINGS AUTO SYSTEM SOURCE FETCH)
set(CULVERT_LLHTTP_SOURCE_DIR "" CACHE PATH "Folder with llhttp's generated C sources")
set(CULVERT_LLHTTP_FETCH_VERSION 9.4.2)
set(CULVERT_LLHTTP_FETCH_SHA256 ba717a2f99f340a0ee9796aaf2b1acca057e1e37682ffd2bc4def4d3b6bc4005)
set(CULVERT_LLHTTP_MIN 8.1.0)

function(_culvert_llhttp_version header out)          # the header is the only version that is always there
  set(v "")
  if(EXISTS "${header}")
    file(STRINGS "${header}" lines REGEX "#define[ \t]+LLHTTP_VERSION_(MAJOR|MINOR|PATCH)")
    foreach(part MAJOR MINOR PATCH)
      string(REGEX MATCH "LLHTTP_VERSION_${part}[ \t]+([0-9]+)" _ "${lines}")
      list(APPEND v "${CMAKE_MATCH_1}")
    endforeach()
    list(JOIN v "." v)
  endif()
  set(${out} "${v}" PARENT_SCOPE)
endfunction()

function(_culvert_llhttp_use target header how)       # every way in ends here
  _culvert_llhttp_version("${header}" v)
  if(v STREQUAL "" OR v VERSION_LESS CULVERT_LLHTTP_MIN)
    message(FATAL_ERROR "llhttp: ${how} is version '${v}', culvert needs ${CULVERT_LLHTTP_MIN} or newer")
  endif()
  add_library(culvert_llhttp INTERFACE)
  target_link_libraries(culvert_llhttp INTERFACE ${target})
  get_filename_component(dir "${header}" DIRECTORY)
  target_include_directories(culvert_llhttp SYSTEM INTERFACE "$<BUILD_INTERFACE:${dir}>")
  add_library(culvert::llhttp ALIAS culvert_llhttp)
  set(CULVERT_LLHTTP_VERSION "${v}" CACHE INTERNAL "")
  set(CULVERT_LLHTTP_ORIGIN "${how}" CACHE INTERNAL "")
  message(STATUS "llhttp ${v}: ${how}")
endfunction()

function(_culvert_llhttp_compile dir header how)
  add_library(culvert_llhttp_objs STATIC "${dir}/api.c" "${dir}/http.c" "${dir}/llhttp.c")
  get_filename_component(inc "${header}" DIRECTORY)
  target_include_directories(culvert_llhttp_objs SYSTEM PUBLIC "$<BUILD_INTERFACE:${inc}>")
  # 8.x compiles two state machines and picks the LOOSE one unless told otherwise; 9.x has only the strict one.
  # PUBLIC: the header tests it too.
  target_compile_definitions(culvert_llhttp_objs PUBLIC LLHTTP_STRICT_MODE=1)
  target_compile_options(culvert_llhttp_objs PRIVATE -O2 -w -fvisibility=hidden ${CULVERT_HARDENING})   # optimised even in a Debug build
  set_target_properties(culvert_llhttp_objs PROPERTIES POSITION_INDEPENDENT_CODE ON C_CLANG_TIDY "" EXPORT_COMPILE_COMMANDS OFF)
  _culvert_llhttp_use(culvert_llhttp_objs "${header}" "${how}")
endfunction()

function(culvert_provide_llhttp)
  if(TARGET culvert::llhttp)
    return()
  endif()
  if(CULVERT_LLHTTP MATCHES "^(AUTO|SYSTEM)$")
    find_package(llhttp CONFIG QUIET)                 # no version argument: Debian 13 ships no version file
    foreach(t llhttp::llhttp llhttp::llhttp_shared llhttp::llhttp_static)
      if(TARGET ${t})
        get_target_property(hint ${t} INTERFACE_INCLUDE_DIRECTORIES)
        find_path(LLHTTP_INCLUDE_DIR llhttp.h HINTS ${hint})
        _culvert_llhttp_use(${t} "${LLHTTP_INCLUDE_DIR}/llhttp.h" "CMake package, target ${t}")
        return()
      endif()
    endforeach()
    find_package(PkgConfig QUIET)
    if(PKG_CONFIG_FOUND)
      pkg_check_modules(LLHTTP_PC QUIET IMPORTED_TARGET libllhttp)
      if(TARGET PkgConfig::LLHTTP_PC)
        find_path(LLHTTP_INCLUDE_DIR llhttp.h HINTS ${LLHTTP_PC_INCLUDE_DIRS} ${LLHTTP_PC_INCLUDEDIR})
        _culvert_llhttp_use(PkgConfig::LLHTTP_PC "${LLHTTP_INCLUDE_DIR}/llhttp.h" "pkg-config libllhttp")
        return()
      endif()
    endif()
  endif()
  if(CULVERT_LLHTTP MATCHES "^(AUTO|SOURCE)$")
    find_path(LLHTTP_C_DIR llhttp.c HINTS "${CULVERT_LLHTTP_SOURCE_DIR}" PATH_SUFFIXES src share/llhttp src/llhttp/src)
    find_path(LLHTTP_H_DIR llhttp.h HINTS "${CULVERT_LLHTTP_SOURCE_DIR}" "${LLHTTP_C_DIR}" "${LLHTTP_C_DIR}/../include"
              PATH_SUFFIXES include llhttp include/llhttp share/include/llhttp)
    if(LLHTTP_C_DIR AND LLHTTP_H_DIR AND EXISTS "${LLHTTP_C_DIR}/api.c" AND EXISTS "${LLHTTP_C_DIR}/http.c")
      _culvert_llhttp_compile("${LLHTTP_C_DIR}" "${LLHTTP_H_DIR}/llhttp.h" "C sources, strict mode")
      return()
    endif()
  endif()
  if(CULVERT_LLHTTP STREQUAL "FETCH")
    include(FetchContent)
    set(base "https://github.com/nodejs/llhttp/archive/refs/tags/release/v${CULVERT_LLHTTP_FETCH_VERSION}.tar.gz")
    set(CULVERT_LLHTTP_URL "${base}" CACHE STRING "Tarball to fetch llhttp from")
    # SOURCE_SUBDIR names no folder on purpose: the download is unpacked but upstream's CMakeLists, which writes
    # CMAKE_BUILD_TYPE and install rules into the parent project, is never run
    FetchContent_Declare(llhttp URL "${CULVERT_LLHTTP_URL}" URL_HASH SHA256=${CULVERT_LLHTTP_FETCH_SHA256}
                         DOWNLOAD_EXTRACT_TIMESTAMP TRUE SOURCE_SUBDIR culvert-does-not-configure-it)
    FetchContent_MakeAvailable(llhttp)
    _culvert_llhttp_compile("${llhttp_SOURCE_DIR}/src" "${llhttp_SOURCE_DIR}/include/llhttp.h" "fetched release")
    return()
  endif()
  message(FATAL_ERROR "llhttp was not found (CULVERT_LLHTTP=${CULVERT_LLHTTP}).\n"
    "  Debian 13, Ubuntu with the package:  apt-get install libllhttp-dev\n"
    "  Debian 12:                           apt-get install node-llhttp\n"
    "  anywhere with the network:           cmake -DCULVERT_LLHTTP=FETCH ...\n"
    "  own copy:                            cmake -DCULVERT_LLHTTP_SOURCE_DIR=<dir> ...")
endfunction()
