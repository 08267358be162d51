#include "daemon/worker.hpp"

#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

namespace culvert::daemon {

Worker::Worker(const proxy::FleetSeat& seat, Limits& limits, Resolver& resolver, const proxy::Passwords& passwords,
               proxy::LogSink& log, proxy::LessonSink& lessons)
    : limits_(limits), http_(loop_, network_, resolver),
      gateway_(http_, &log, limits.tunnels, seat, &passwords, &lessons), thread_([this] { io_.run(); }) {
  pthread_setname_np(thread_.native_handle(), ("culvert/w" + std::to_string(seat.worker)).c_str());
}

Worker::~Worker() {
  if (!thread_.joinable()) return;
  stop();
  join();
}

// A posted task must be copyable, sockets are not: they share an owner on the way.
void Worker::apply(Delivery delivery, Loop::Task on_applied) {
  loop_.post([this, shared = std::make_shared<Delivery>(std::move(delivery)), on_applied = std::move(on_applied)] {
    take(*shared);
    on_applied();
  });
}

void Worker::drain(Loop::Task on_drained) {
  loop_.post([this, on_drained = std::move(on_drained)] {
    on_drained_ = on_drained;
    entrances_.clear();
    for (auto& [name, service] : services_) retired_.push_back(std::move(service));
    services_.clear();
    for (auto& service : retired_) finish(*service);
    gateway_.drain([this] { report_when_drained(); });
    report_when_drained();
  });
}

void Worker::seek_room() {
  loop_.post([this] {
    for (auto& [address, entrance] : entrances_) entrance->try_again();
  });
}

void Worker::tell(std::function<void(Underway)> answer) {
  loop_.post([this, answer = std::move(answer)] { answer({gateway_.exchanges(), gateway_.tunnels()}); });
}

void Worker::report(bool with_tunnels, std::function<void(admin::WorkerReport)> done) {
  loop_.post([this, with_tunnels, done = std::move(done)] {
    admin::WorkerReport report{gateway_.report(with_tunnels), {}};
    for (const auto& [name, service] : services_) {
      if (service->handshakes() > 0) report.handshakes[name] = service->handshakes();
    }
    done(std::move(report));
  });
}

void Worker::look_at_servers() {
  loop_.post([this] { gateway_.look_at_servers(); });
}

void Worker::close_tunnel(std::uint64_t id, std::function<void(bool found)> done) {
  loop_.post([this, id, done = std::move(done)] { done(gateway_.close_tunnel(id)); });
}

// Closing is told later in the same turn, where the last records are written; so the end comes a turn later.
void Worker::stop() {
  loop_.post([this] {
    entrances_.clear();
    for (auto& [name, service] : services_) service->close_all_connections();
    for (auto& service : retired_) service->close_all_connections();
    gateway_.close_tunnels();
    loop_.post([this] {
      gateway_.flush_log();
      io_.stop();
    });
  });
}

void Worker::join() { thread_.join(); }

// The order matters: the gateway knows a listener before its service begins, and no entrance leads to a service that
// is being retired.
void Worker::take(Delivery& delivery) {
  const config::Config& config = *delivery.config;
  assert(delivery.limits.size() == config.listeners.size() && delivery.tls.size() == config.listeners.size());
  http_.set_max_idle_http_parsers(config.process.max_idle_http_parsers);
  gateway_.apply(delivery.config);
  gateway_.set_memory_max(delivery.memory_max);
  handshakes_.set_limit(config.limits.max_handshakes);
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const config::Listener& listener = config.listeners[i];
    std::unique_ptr<Service>& service = services_[listener.name];
    if (service) {
      service->apply(listener, delivery.tls[i]);
    } else {
      service = std::make_unique<Service>(http_, gateway_, *delivery.limits[i], handshakes_, listener, delivery.tls[i]);
    }
    open_entrances(listener, *service, delivery);
  }
  close_entrances(config);
  retire_services(config);
}

void Worker::open_entrances(const config::Listener& listener, Service& service, Delivery& delivery) {
  for (const Address& written : listener.addresses) {
    const std::string address = written.to_string();
    std::unique_ptr<Entrance>& entrance = entrances_[address];
    if (!entrance) {
      ListenSockets::Entry& entry = delivery.sockets.at(address);
      const net::ListenerOptions options{.no_delay = listener.server.no_delay, .shared = entry.shared};
      entrance = std::make_unique<Entrance>(loop_, std::move(entry.socket), options, limits_, service);
    }
    entrance->lead_to(service, listener.server.no_delay);
  }
}

void Worker::close_entrances(const config::Config& config) {
  std::set<std::string> addresses;
  for (const config::Listener& listener : config.listeners) {
    for (const Address& address : listener.addresses) addresses.insert(address.to_string());
  }
  std::erase_if(entrances_, [&](const auto& entry) { return !addresses.contains(entry.first); });
}

void Worker::retire_services(const config::Config& config) {
  std::erase_if(retired_, [](const auto& service) { return service->finished(); });
  for (auto entry = services_.begin(); entry != services_.end();) {
    const auto& [name, service] = *entry;
    if (std::ranges::any_of(config.listeners, [&](const auto& listener) { return listener.name == name; })) {
      ++entry;
      continue;
    }
    finish(*retired_.emplace_back(std::move(entry->second)));
    entry = services_.erase(entry);
  }
}

void Worker::finish(Service& service) {
  service.finish([this] { report_when_drained(); });
}

void Worker::report_when_drained() {
  if (!on_drained_ || gateway_.tunnels() > 0) return;
  if (!std::ranges::all_of(retired_, [](const auto& service) { return service->finished(); })) return;
  std::exchange(on_drained_, {})();
}

}  // namespace culvert::daemon
