// The three places that a client's connection takes up: in the process, at its listener, and as a client. They go along
// with its stream and are given back when that is closed, whoever has it then: HTTP or a tunnel.
#pragma once
#include "culvert/transport.hpp"
#include "daemon/connection_limit.hpp"

namespace culvert::daemon {

// Limits that all workers share.
struct Limits {
  ConnectionLimit process;
  ClientLimit clients;
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

 private:
  Limits& limits_;
  ConnectionLimit& listener_;
  const Endpoint client_;
};

}  // namespace culvert::daemon
