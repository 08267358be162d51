# What would break: a package built from `cmake --install` that lacks a file, or whose library nobody can link.
file(REMOVE_RECURSE "${SCRATCH_DIR}")
set(prefix "${SCRATCH_DIR}/prefix")
set(build "${SCRATCH_DIR}/consumer")

macro(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endmacro()

run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${prefix}")
foreach(file bin/culvert etc/culvert/culvert.toml include/culvert/loop.hpp share/doc/culvert/LICENSE
    share/doc/culvert/examples/egress.toml share/doc/culvert/examples/forward.toml)
  if(NOT EXISTS "${prefix}/${file}")
    message(FATAL_ERROR "${file} is not installed")
  endif()
endforeach()

# Other compilers than the one that built it link the library, too.
file(GLOB_RECURSE archives "${prefix}/libculvert_*.a")
if(NOT archives)
  message(FATAL_ERROR "no library is installed")
endif()
foreach(archive IN LISTS archives)
  execute_process(COMMAND "${OBJDUMP}" -h "${archive}" OUTPUT_VARIABLE sections COMMAND_ERROR_IS_FATAL ANY)
  if(sections MATCHES "gnu\\.lto_")
    message(FATAL_ERROR "${archive} holds what only one version of g++ can read")
  endif()
endforeach()

run("${CMAKE_COMMAND}" -S "${CONSUMER_DIR}" -B "${build}" -G Ninja
  "-DCMAKE_CXX_COMPILER=${CXX_COMPILER}" "-DCMAKE_PREFIX_PATH=${prefix};${PREFIX_PATH}")
run("${CMAKE_COMMAND}" --build "${build}")
run("${build}/consumer")
