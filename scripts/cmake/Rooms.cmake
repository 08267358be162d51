# culvert_room(NAME [HOT] USES room... [PUBLIC lib...] [PRIVATE lib...])   a static library from src/NAME/*.cpp; HOT:
#                                       a request runs through it, so that it is optimised together with the others
# culvert_room_tests(NAME [lib...])                                  a test program from tests/NAME/*_test.cpp
#
# Tests carry the label "unit", or "threads" in the rooms that run several threads (see the target thread_tests).
include_guard(GLOBAL)

function(culvert_room name)
  cmake_parse_arguments(PARSE_ARGV 1 room "HOT" "" "USES;PUBLIC;PRIVATE")
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.cpp")
  add_library(culvert_${name} STATIC ${sources})
  add_library(culvert::${name} ALIAS culvert_${name})  # the name it has installed
  target_include_directories(culvert_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_options(culvert_${name} PRIVATE ${CULVERT_HARDENING})
  if(room_HOT)
    target_compile_options(culvert_${name} PRIVATE ${CULVERT_LTO_OBJECTS})
  endif()
  target_compile_features(culvert_${name} PUBLIC cxx_std_20)  # for whoever uses it installed
  list(TRANSFORM room_USES PREPEND culvert_)
  target_link_libraries(culvert_${name} PUBLIC ${room_USES} ${room_PUBLIC}
    PRIVATE ${room_PRIVATE} $<BUILD_INTERFACE:culvert_compile>)
endfunction()

# GoogleTest's headers are most of what a test's compiler reads: read once for each kind of code, -fPIE of programs here.
set(CULVERT_TEST_HEADERS <gmock/gmock.h> <gtest/gtest.h>)

set(CULVERT_THREADED_ROOMS net daemon)
add_custom_target(thread_tests)

function(culvert_room_tests name)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${name}/*_test.cpp")
  add_executable(${name}_test ${sources})
  target_link_libraries(${name}_test PRIVATE culvert_${name} culvert_test_support GTest::gmock_main culvert_compile ${ARGN})
  if(name STREQUAL "base")
    target_precompile_headers(base_test PRIVATE ${CULVERT_TEST_HEADERS})
  else()
    target_precompile_headers(${name}_test REUSE_FROM base_test)
  endif()
  set(label unit)
  if(name IN_LIST CULVERT_THREADED_ROOMS)
    set(label threads)
    add_dependencies(thread_tests ${name}_test)
  endif()
  gtest_discover_tests(${name}_test TEST_PREFIX "${name}/" DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 60 LABELS ${label})
endfunction()
