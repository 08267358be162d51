// What the process has to tell of itself: the reports of all workers in one.
#pragma once
#include <array>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "proxy/report.hpp"

namespace culvert::admin {

struct ListenerSummary {
  std::string name;
  std::vector<std::string> addresses;
  std::uint64_t connections = 0;  // open
};

struct WorkerReport {
  proxy::GatewayReport gateway;
  std::map<std::string, std::uint64_t, std::less<>> handshakes;  // of TLS, that have come to their end, by listener
};

struct Summary : proxy::StreamTotals {
  using RequestKey = std::tuple<std::string, std::string, std::string, std::uint16_t>;  // listener, route, method, status

  void add(WorkerReport&& worker);

  std::map<RequestKey, std::uint64_t> requests;
  std::map<std::string, proxy::RouteReport> routes;
  std::array<std::uint64_t, static_cast<std::size_t>(proxy::Reason::count_)> failures{};
  std::map<std::string, proxy::UpstreamReport> upstreams;
  std::vector<proxy::TunnelReport> standing;
  std::map<std::string, std::uint64_t, std::less<>> handshakes;
  std::uint64_t exchanges = 0;
  std::uint64_t memory = 0;
};

}  // namespace culvert::admin
