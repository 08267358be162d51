// Tells the service manager how the process is: lines of NAME=value in one datagram to the socket that it has named in
// NOTIFY_SOCKET. The protocol is sd_notify(3)'s; libsystemd has nothing more to offer for it.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/descriptor.hpp"

namespace culvert::daemon {

class NotifySocket {
 public:
  NotifySocket() = default;  // nobody listens
  // As the environment names it: "/run/systemd/notify", "@abstract".
  static NotifySocket from_environment();

  explicit operator bool() const { return static_cast<bool>(socket_); }
  // "READY=1\nSTATUS=..". Nothing follows from whether it arrives.
  void send(std::string_view lines) const;

 private:
  Descriptor socket_;
};

// WATCHDOG_USEC, where it is meant for this process: at least so often the manager wants to hear WATCHDOG=1.
std::optional<std::chrono::microseconds> watchdog_interval();

// The lines with a value of their own.
std::string status_line(std::string_view text);  // of one line, whatever the text has
std::string reloading_lines();                   // with the time, which a unit of Type=notify-reload wants to know
std::string usec_line(std::string_view name, std::chrono::microseconds time);

}  // namespace culvert::daemon
