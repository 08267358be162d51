// The commands that ask or tell a running culvert something, by its admin server.
#pragma once
#include <iosfwd>
#include <string>

#include "daemon/exit_code.hpp"

namespace culvert::daemon {

struct AdminCommand {
  enum class What {
    status, upstreams, tunnels, close_tunnel, metrics, healthcheck, plan, reload, drain, undrain, log_level, stop
  };
  What what = What::status;
  std::string config_path;  // where the admin address is looked up
  std::string address;      // in its place: "unix:/path" or "host:port"; empty: none
  std::string user;         // "NAME:PASSWORD"; empty: nobody
  bool json = false;        // print what the server says, as it is
  std::string subject;      // id of a tunnel, name of an upstream or of a level
  std::string server;       // of the upstream; empty: all
  std::string wait;         // until nothing is under way there, at most for this time; empty: not at all
};

// exit_unavailable where nobody answers; exit_configuration where a configuration was not taken; exit_failure where the
// server says no, or is not empty in time.
ExitCode run_admin_command(const AdminCommand& command, std::ostream& out, std::ostream& err);

}  // namespace culvert::daemon
