// How many connections there may be: places that are taken when a connection is accepted and given back when it has
// gone. Shared by all workers; nothing here is touched in between.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>

#include "culvert/endpoint.hpp"
#include "daemon/tally.hpp"

namespace culvert::daemon {

// Places of the process, or of one listener. Who finds none waits: on_room is called as soon as one is given back.
class ConnectionLimit {
 public:
  // `on_room` runs on the thread that gives a place back, and only where somebody waits.
  explicit ConnectionLimit(std::function<void()> on_room) : on_room_(std::move(on_room)) {}
  ConnectionLimit(const ConnectionLimit&) = delete;
  ConnectionLimit& operator=(const ConnectionLimit&) = delete;

  // 0: no limit. Connections that stand are not touched by a lower one.
  void set_limit(std::uint64_t limit);

  // Takes a place. Where there is none, `waiting` becomes true and the caller asks again when on_room was called; it
  // belongs to the caller and says whether this limit knows of him.
  bool take(bool& waiting);
  void stop_waiting(bool& waiting);
  void give_back();

  std::uint64_t taken() const { return taken_.load(); }

 private:
  bool take();

  const std::function<void()> on_room_;
  std::atomic<std::uint64_t> limit_{0};
  std::atomic<std::uint64_t> taken_{0};
  std::atomic<std::uint64_t> waiting_{0};
};

// Places of each client (client_address()); one too many is refused. Unix peers have no address and no limit.
class ClientLimit {
 public:
  using Report = std::function<void(std::uint64_t refused)>;  // called at most once a second, on any worker's thread
  explicit ClientLimit(Report report) : report_(std::move(report)) {}
  ClientLimit(const ClientLimit&) = delete;
  ClientLimit& operator=(const ClientLimit&) = delete;

  // 0: no limit. Connections are counted all the same: a reload may bring one, and each gives its place back.
  void set_limit(std::uint64_t limit) { limit_.store(limit); }

  bool take(const Endpoint& client, TimePoint now);
  void give_back(const Endpoint& client);

 private:
  struct HashAddress {
    std::size_t operator()(const Endpoint& endpoint) const;
  };

  const Report report_;
  std::atomic<std::uint64_t> limit_{0};
  std::mutex mutex_;  // guards what follows
  std::unordered_map<Endpoint, std::uint64_t, HashAddress> taken_;  // by client_address()
  Tally refused_;
};

}  // namespace culvert::daemon
