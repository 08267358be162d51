// The command line: culvert run, check, hash-password, the commands for a running one, version, help.
#pragma once
#include <iosfwd>

namespace culvert::daemon {

// Does what the arguments say and returns the process's exit code (an ExitCode). What was asked for goes to `out`,
// what is wrong to `err`.
int run_command(int argc, const char* const* argv, std::ostream& out, std::ostream& err);
int run_command(int argc, const char* const* argv);  // to standard output and standard error

}  // namespace culvert::daemon
