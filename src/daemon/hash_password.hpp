// culvert hash-password: a line for the users of an [auth.NAME].
#pragma once
#include <iosfwd>
#include <optional>
#include <string>

#include "daemon/exit_code.hpp"

namespace culvert::daemon {

struct HashPasswordOptions {
  std::optional<std::string> user;  // whose password it is; none: the hash alone
  unsigned cost = 0;                // 0: the standard
};

// The password is the first line of standard input; at a terminal it is asked for twice, and not shown.
ExitCode hash_password(const HashPasswordOptions& options, std::ostream& out, std::ostream& err);

}  // namespace culvert::daemon
