// The three places that a client's connection takes up: in the process, at its listener, and as a client. They go along
// with its stream and are given back when that is closed, whoever has it then: HTTP or a tunnel.
#pragma once
#include <utility>

#include "culvert/transport.hpp"
#include "daemon/connection_limit.hpp"
#include "proxy/tunnel_places.hpp"

namespace culvert::daemon {

// Limits that all workers share.
struct Limits {
  ConnectionLimit process;
  ClientLimit clients;
  proxy::TunnelPlaces tunnels{};
};

class Places final : public Passenger {
 public:
  // They have been taken.
  Places(Limits& limits, ConnectionLimit& listener, const Endpoint& client)
      : limits_(limits), listener_(listener), client_(client) {}
  ~Places() override {
    limits_.clients.give_back(client_);
    listener_.give_back();
    limits_.process.give_back();
  }
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;

  // Another address is the client from now on. False: it has no place left, and the connection is to be closed.
  [[nodiscard]] bool count_for(const Endpoint& client, TimePoint now) {
    limits_.clients.give_back(std::exchange(client_, Endpoint{}));
    if (!limits_.clients.take(client, now)) return false;
    client_ = client;
    return true;
  }

 private:
  Limits& limits_;
  ConnectionLimit& listener_;
  Endpoint client_;  // none: it is not known yet, and nobody's place is taken
};

}  // namespace culvert::daemon
