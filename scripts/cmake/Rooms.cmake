# culvert_room(NAME USES room... [PUBLIC lib...] [PRIVATE lib...])   a static library from src/NAME/*.cpp
# culvert_room_tests(NAME [lib...])                                  a test program from tests/NAME/*_test.cpp
include_guard(GLOBAL)

function(culvert_room name)
  cmake_parse_arguments(PARSE_ARGV 1 room "" "" "USES;PUBLIC;PRIVATE")
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.cpp")
  add_library(culvert_${name} STATIC ${sources})
  target_include_directories(culvert_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  list(TRANSFORM room_USES PREPEND culvert_)
  target_link_libraries(culvert_${name} PUBLIC ${room_USES} ${room_PUBLIC}
    PRIVATE ${room_PRIVATE} $<BUILD_INTERFACE:culvert_compile>)
endfunction()

function(culvert_room_tests name)
  file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/${name}/*_test.cpp")
  add_executable(${name}_test ${sources})
  target_link_libraries(${name}_test PRIVATE culvert_${name} culvert_test_support GTest::gmock_main culvert_compile ${ARGN})
  gtest_discover_tests(${name}_test TEST_PREFIX "${name}/" PROPERTIES TIMEOUT 60 DISCOVERY_TIMEOUT 60)
endfunction()
