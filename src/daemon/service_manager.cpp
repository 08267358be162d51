#include "daemon/service_manager.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "daemon/config_changes.hpp"

namespace culvert::daemon {

namespace {

using namespace std::chrono_literals;

constexpr auto drain_interval = 1s;
// The manager waits so much longer each time that it is told what is left.
constexpr auto patience = 10s;
constexpr std::size_t listeners_told_max = 5;

// "revision 2, 2 listeners: web 0.0.0.0:80, egress 127.0.0.1:3128"
std::string sentence_of(const config::Config& config, std::uint64_t revision) {
  std::string text = "revision " + std::to_string(revision) + ", " + counted(config.listeners.size(), "listener");
  const std::size_t told = std::min(config.listeners.size(), listeners_told_max);
  for (std::size_t i = 0; i < told; ++i) {
    const config::Listener& listener = config.listeners[i];
    text.append(i == 0 ? ": " : ", ").append(listener.name);
    for (const Address& address : listener.addresses) text.append(" ").append(address.to_string());
  }
  if (told < config.listeners.size()) text += ", ...";
  return text;
}

}  // namespace

ServiceManager::ServiceManager(asio::io_context& io, Pulse::Ask ask)
    : socket_(NotifySocket::from_environment()),
      watchdog_(socket_ ? watchdog_interval() : std::nullopt),
      pulse_(io, std::move(ask),
             {.on_beat = [this](const Underway& total) { beat(total); },
              .on_late = [this](std::size_t workers) { hangs(workers); }}) {}

void ServiceManager::failed(const std::string& why) const { socket_.send(status_line("cannot start: " + why)); }

void ServiceManager::ready(const config::Config& config, std::uint64_t revision) {
  serving_ = sentence_of(config, revision);
  socket_.send("READY=1\n" + status_line(serving_));
  feed(config.process.watchdog);
}

void ServiceManager::reloading() const { socket_.send(reloading_lines() + status_line("reloading; " + serving_)); }

void ServiceManager::reload_failed(const std::string& why) const {
  socket_.send("READY=1\n" + status_line(serving_ + "; the last reload failed: " + why));
}

void ServiceManager::stopping(config::milliseconds timeout) {
  if (!socket_) return;
  stopping_ = true;
  if (timeout != config::off) deadline_ = std::chrono::steady_clock::now() + timeout;
  socket_.send("STOPPING=1\n" + status_line("stopping"));
  const auto interval = std::chrono::microseconds(drain_interval);
  pulse_.start(watchdog_ && fed_ ? std::min(interval, *watchdog_ / 4) : interval);
}

// A unit may have a watchdog that the configuration does without.
void ServiceManager::feed(bool wanted) {
  if (!watchdog_) return;
  if (wanted) {
    if (!std::exchange(fed_, true)) socket_.send(usec_line("WATCHDOG_USEC", *watchdog_));
    pulse_.start(*watchdog_ / 4);
  } else if (std::exchange(fed_, false)) {
    pulse_.stop();
    socket_.send(usec_line("WATCHDOG_USEC", 0us));
  }
}

void ServiceManager::hangs(std::size_t workers) {
  hanging_ = true;
  log::error("{} not answering", counted(workers, "worker"));
  socket_.send(status_line(counted(workers, "worker") + " not answering; " + serving_));
}

void ServiceManager::beat(const Underway& left) {
  if (std::exchange(hanging_, false)) {
    log::warn("all workers answer again");
    socket_.send(status_line(serving_));
  }
  std::string lines = watchdog_ && fed_ ? "WATCHDOG=1\n" : "";
  if (stopping_) {
    lines += usec_line("EXTEND_TIMEOUT_USEC", patience);
    lines += status_line("stopping: " + counted(left.requests, "request") + " and " + counted(left.tunnels, "tunnel") +
                         " left" + time_left());
  }
  socket_.send(lines);
}

std::string ServiceManager::time_left() const {
  if (deadline_ == never) return "";
  const auto left = std::chrono::ceil<std::chrono::seconds>(deadline_ - std::chrono::steady_clock::now());
  return ", cut off in " + std::to_string(std::max(left, 0s).count()) + "s";
}

}  // namespace culvert::daemon
