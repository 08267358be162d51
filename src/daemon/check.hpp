// culvert check: is this file right?
#pragma once
#include <iosfwd>
#include <string>

#include "daemon/exit_code.hpp"

namespace culvert::daemon {

struct CheckOptions {
  std::string config_path;
  bool json = false;    // diagnostics as JSON on `out`, nothing else
  bool quiet = false;   // no word where all is well
  bool strict = false;  // warnings count as errors
  bool limits = false;  // every limit and timeout, and where it comes from
};

ExitCode check(const CheckOptions& options, std::ostream& out, std::ostream& err);

}  // namespace culvert::daemon
