// What the kernel knows of this process.
#pragma once
#include <cstdint>

namespace culvert::admin {

struct OwnProcess {
  double cpu_seconds = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_files = 0;
  std::uint64_t open_files_max = 0;
};

OwnProcess own_process();

}  // namespace culvert::admin
