// What systemd hears of the process: its state, a sentence for `systemctl status`, and signs of life for its watchdog,
// which the workers give and not this thread. Where no manager listens nothing is sent.
//
//   starting --ready()--> running <--ready(), reload_failed()-- reloading
//       `--failed()         `----------stopping()--> every second how much is left, until the end
#pragma once
#include <asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "culvert/loop.hpp"
#include "daemon/notify_socket.hpp"
#include "daemon/pulse.hpp"

namespace culvert::daemon {

class ServiceManager {
 public:
  // `ask` is the pulse's. The environment is read here.
  ServiceManager(asio::io_context& io, Pulse::Ask ask);
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  // It cannot start.
  void failed(const std::string& why) const;
  // All workers serve this configuration.
  void ready(const config::Config& config, std::uint64_t revision);
  void reloading() const;
  // What was served still is.
  void reload_failed(const std::string& why) const;
  // `timeout`: what is left by then is cut off; off: there is no such time.
  void stopping(config::milliseconds timeout);

 private:
  void feed(bool wanted);
  void hangs(std::size_t workers);
  void beat(const Underway& left);
  std::string time_left() const;

  const NotifySocket socket_;
  const std::optional<std::chrono::microseconds> watchdog_;
  std::string serving_;      // the sentence while it does
  bool stopping_ = false;
  bool hanging_ = false;
  bool fed_ = true;          // the manager's watchdog runs until it hears otherwise
  TimePoint deadline_ = never;
  Pulse pulse_;
};

}  // namespace culvert::daemon
