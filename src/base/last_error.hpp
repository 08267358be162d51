// What the system call that has just failed says of it.
#pragma once
#include <cerrno>
#include <system_error>

namespace culvert {

inline std::error_code last_error() { return {errno, std::system_category()}; }

}  // namespace culvert
