// What an operator can ask of the process. The daemon does it; the admin server and its answers know no more than this.
// Everything here is of the control thread, and answers that take their time come from its loop.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/summary.hpp"
#include "culvert/loop.hpp"

namespace culvert::admin {

struct CertificateDates {
  std::string tls;  // of [tls.NAME]
  std::string file;
  WallTime not_before;
  WallTime not_after;
};

struct ProcessView {
  std::string version;
  int pid = 0;
  std::string_view state;  // "running", "reloading", "draining"
  std::string config_path;
  std::uint64_t revision = 0;  // of the configuration; 1 at the start
  WallTime started;
  WallTime configured;         // when the revision was taken
  std::optional<std::string> reload_error;  // of the last reload, where it failed
  std::string log_level;
  std::size_t workers = 0;
  std::uint64_t connections = 0;
  std::vector<ListenerSummary> listeners;
  std::vector<CertificateDates> certificates;
};

struct ReloadOutcome {
  bool done = false;
  std::uint64_t revision = 0;  // that runs now
  std::string text;            // what has changed, or why nothing has
  std::string diagnostics;     // warnings and errors of the files, as `culvert check` prints them
};

struct Plan {
  bool valid = false;
  std::vector<std::string> changes;  // "route changed: api"
  std::vector<std::string> effects;  // on what lives: "listener removed: web: 12 connections end with the request they are at"
  std::vector<std::string> restart;  // settings that need one
  std::string diagnostics;
};

class Operations {
 public:
  virtual ~Operations() = default;

  virtual ProcessView process() const = 0;
  // None where a worker does not answer in time.
  using Collected = std::function<void(std::optional<Summary>)>;
  virtual void collect(bool with_tunnels, Collected done) = 0;

  using Reloaded = std::function<void(const ReloadOutcome&)>;
  virtual void reload(Reloaded done) = 0;
  virtual Plan plan(const Summary& now) = 0;  // what a reload would do
  virtual void stop() = 0;  // as SIGTERM does
  virtual bool set_log_level(const std::string& level) = 0;  // false: there is none by that name

  // Takes the upstream's server (as written, or an address of it; empty: all of them) out of use, or back.
  virtual void set_drained(const std::string& upstream, const std::string& server, bool drained) = 0;
  virtual void close_tunnel(unsigned worker, std::uint64_t id, std::function<void(bool found)> done) = 0;
};

}  // namespace culvert::admin
