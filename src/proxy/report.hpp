// What one worker tells of itself when somebody asks: a copy, which goes to another thread and is added to those of the
// other workers there.
#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "culvert/agent.hpp"
#include "culvert/endpoint.hpp"
#include "proxy/counts.hpp"

namespace culvert::proxy {

// One address of a server, or a server whose name has none.
struct ServerReport {
  std::string server;   // as written
  std::string address;  // empty: see `error`
  std::string error{};
  std::uint32_t weight = 1;
  bool backup = false;
  bool drains = false;
  bool failing = false;    // its health checks
  std::chrono::milliseconds ejected_for{};  // from now on; 0: it is not
  bool set_aside = false;  // a parent proxy that could not be reached, or an address of a family that leads nowhere
  std::uint64_t under_way = 0;
  std::uint64_t requests = 0;  // this one and what follows: since the upstream was made
  std::uint64_t failures = 0;
  std::uint64_t connections_busy = 0;
  std::uint64_t connections_free = 0;
  std::uint64_t waiting = 0;   // requests, for a connection
};

// Whether it gets requests in the ordinary way.
inline bool is_up(const ServerReport& each) {
  return !each.address.empty() && !each.drains && !each.failing && !each.set_aside && each.ejected_for.count() == 0;
}

struct UpstreamReport {
  std::string name;
  bool of_tunnel = false;  // the parent proxies of a [tunnel.NAME]
  bool drained = false;
  AgentStatistics pool;
  std::uint64_t retries = 0;
  std::uint64_t held = 0;       // requests that wait for a server to be reached
  std::uint64_t finishing = 0;  // on servers that it has no longer
  std::vector<ServerReport> servers;
};

struct RequestReport {
  SharedName listener;
  SharedName route;  // empty: none led anywhere
  std::string method;
  std::uint16_t status = 0;
  std::uint64_t count = 0;
};

struct RouteReport {
  SharedName route;
  DurationCounts durations{};
  Duration whole_duration{};
  std::uint64_t request_bytes = 0;
  std::uint64_t response_bytes = 0;
};

struct TunnelReport {
  unsigned worker = 0;
  std::uint64_t id = 0;  // of that worker
  Endpoint client;
  std::string user, target, server, parent, tunnel, route, rule;  // see TunnelView
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
  std::chrono::milliseconds age{};
  std::chrono::milliseconds idle{};
};

// Streams with the bytes of those that stand.
struct GatewayReport : StreamTotals {
  std::vector<RequestReport> requests;
  std::vector<RouteReport> routes;
  std::array<std::uint64_t, static_cast<std::size_t>(Reason::count_)> failures{};
  std::vector<UpstreamReport> upstreams;
  std::vector<TunnelReport> standing;  // where they were asked for
  std::uint64_t exchanges = 0;         // under way
  std::uint64_t memory = 0;            // bytes, of what limits.memory counts
};

}  // namespace culvert::proxy
