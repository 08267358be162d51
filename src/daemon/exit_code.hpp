// What the process says when it ends. Service managers act on 78 (do not start again: the file must change first).
#pragma once

namespace culvert::daemon {

enum ExitCode : int {
  exit_fine = 0,
  exit_failure = 1,          // anything without a number of its own
  exit_usage = 2,            // wrong command line
  exit_unavailable = 69,     // EX_UNAVAILABLE: no daemon answers
  exit_cannot_listen = 71,   // EX_OSERR
  exit_configuration = 78,   // EX_CONFIG
};

}  // namespace culvert::daemon
