# How every target of culvert is compiled. Rooms and tests link culvert_compile.
include_guard(GLOBAL)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Each test run reads its own build folder: the same sources under "address" (with undefined) or "thread".
# "fuzzer" is "address" for the targets of libFuzzer, which clang has.
set(CULVERT_SANITIZE "" CACHE STRING "Sanitizers to build with: empty, address, thread or fuzzer")
set_property(CACHE CULVERT_SANITIZE PROPERTY STRINGS "" address thread fuzzer)
if(CULVERT_SANITIZE MATCHES "^(address|fuzzer)$")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  if(CULVERT_SANITIZE STREQUAL "fuzzer")
    add_compile_options(-fsanitize=fuzzer-no-link)
  endif()
elseif(CULVERT_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  # It does not understand fences, of which Asio has some; culvert has none.
  add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-tsan>)
  add_link_options(-fsanitize=thread)
elseif(NOT CULVERT_SANITIZE STREQUAL "")
  message(FATAL_ERROR "CULVERT_SANITIZE is \"${CULVERT_SANITIZE}\": it takes address, thread or fuzzer")
endif()

# The daemon is optimised as one program: a request runs through a hundred small functions of five libraries, and a sixth
# of its instructions are the steps from one to the next (docs/measurements.md). The libraries' objects hold code as well,
# so that tests and other programs are linked in the ordinary way.
set(lto_works OFF)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT CULVERT_SANITIZE)
  set(lto_works ON)
endif()
option(CULVERT_LTO "Optimise the daemon as one program (g++)" ${lto_works})
if(CULVERT_LTO)
  # One program is one unit, which g++ lets grow by 40 % otherwise: less than all that is small. It goes by what it was
  # told when it compiled.
  set(CULVERT_LTO_LINK -flto=auto --param=inline-unit-growth=200 --param=max-inline-insns-auto=80)
  set(CULVERT_LTO_OBJECTS ${CULVERT_LTO_LINK} -ffat-lto-objects -fno-plt)  # all symbols are bound at the start anyway
  set(CULVERT_PLAIN_LINK -fno-lto)
endif()

# How the daemon is hardened, with what of others is compiled into it; tests/tidy/hardening_test.py looks for it there, and
# docs/measurements.md has the prices. No programs of the tests: the rooms that they are made of have it.
if(NOT CULVERT_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  include(CheckPIESupported)
  check_pie_supported()
  set(CULVERT_HARDENING -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    # Linux keeps shadow stacks for programs; what marks the targets of jumps, it does not look at.
    list(APPEND CULVERT_HARDENING -fcf-protection=return)
  endif()
  set(CULVERT_HARDENING_LINK -Wl,-z,relro,-z,now,-z,noexecstack)
endif()

find_program(CULVERT_CCACHE ccache)
if(CULVERT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # What a precompiled header was made of is in its own key; without this, ccache leaves those who use one alone.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros "${CULVERT_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER "${CULVERT_CCACHE}")
endif()

add_library(culvert_compile INTERFACE)
target_compile_options(culvert_compile INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual
                            -Wunused -Woverloaded-virtual -Wconversion -Wno-sign-conversion>)
# Designated initialisers leave out what keeps its default.
target_compile_options(culvert_compile INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-missing-field-initializers>)
# g++ 12 sees overlapping copies in std::string's own code (GCC bug 105651).
target_compile_options(culvert_compile INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
# scripts/test does; whoever has another compiler is not to be stopped by what it thinks of.
option(CULVERT_WERROR "Treat warnings as errors" OFF)
if(CULVERT_WERROR)
  target_compile_options(culvert_compile INTERFACE -Werror)
endif()
if(NOT CULVERT_SANITIZE)
  target_compile_options(culvert_compile INTERFACE $<$<NOT:$<CONFIG:Debug>>:-fstack-protector-strong>)
  target_compile_definitions(culvert_compile INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()
