#include "admin/summary.hpp"

#include <algorithm>

namespace culvert::admin {

namespace {

void add(proxy::StreamRows& sum, const proxy::StreamRows& more) {
  for (const auto& [name, counts] : more) {
    proxy::StreamCounts& all = sum[name];
    all.begun += counts.begun;
    all.ended += counts.ended;
    all.add_bytes(counts.bytes_up, counts.bytes_down);
  }
}

void add(AgentStatistics& sum, const AgentStatistics& more) {
  sum.opened += more.opened;
  sum.reused += more.reused;
  sum.closed_promised += more.closed_promised;
  sum.closed_learned += more.closed_learned;
  sum.closed_by_origin += more.closed_by_origin;
  sum.stale_at_check += more.stale_at_check;
  sum.stale_at_use += more.stale_at_use;
}

void add(proxy::ServerReport& sum, const proxy::ServerReport& more) {
  sum.under_way += more.under_way;
  sum.requests += more.requests;
  sum.failures += more.failures;
  sum.connections_busy += more.connections_busy;
  sum.connections_free += more.connections_free;
  sum.waiting += more.waiting;
  sum.set_aside = sum.set_aside && more.set_aside;
}

// Workers look names up each for itself: for a moment one may know addresses that another does not.
void add(proxy::UpstreamReport& sum, proxy::UpstreamReport&& more) {
  add(sum.pool, more.pool);
  sum.retries += more.retries;
  sum.held += more.held;
  sum.finishing += more.finishing;
  for (proxy::ServerReport& server : more.servers) {
    const auto known = std::ranges::find_if(sum.servers, [&](const proxy::ServerReport& each) {
      return each.server == server.server && each.address == server.address;
    });
    known == sum.servers.end() ? sum.servers.push_back(std::move(server)) : add(*known, server);
  }
}

void add(proxy::RouteReport& sum, const proxy::RouteReport& more) {
  for (std::size_t i = 0; i < sum.durations.size(); ++i) sum.durations[i] += more.durations[i];
  sum.whole_duration += more.whole_duration;
  sum.request_bytes += more.request_bytes;
  sum.response_bytes += more.response_bytes;
}

}  // namespace

void Summary::add(WorkerReport&& worker) {
  proxy::GatewayReport& more = worker.gateway;
  for (const proxy::RequestReport& row : more.requests) {
    requests[{*row.listener, *row.route, row.method, row.status}] += row.count;
  }
  for (const proxy::RouteReport& row : more.routes) admin::add(routes[*row.route], row);
  for (std::size_t i = 0; i < failures.size(); ++i) failures[i] += more.failures[i];
  admin::add(tunnels, more.tunnels);
  admin::add(upgrades, more.upgrades);
  admin::add(streams, more.streams);
  for (proxy::UpstreamReport& upstream : more.upstreams) {
    const auto known = upstreams.find(upstream.name);
    if (known == upstreams.end()) {
      std::string name = upstream.name;
      upstreams.emplace(std::move(name), std::move(upstream));
    } else {
      admin::add(known->second, std::move(upstream));
    }
  }
  std::ranges::move(more.standing, std::back_inserter(standing));
  for (const auto& [listener, count] : worker.handshakes) handshakes[listener] += count;
  exchanges += more.exchanges;
  memory += more.memory;
}

}  // namespace culvert::admin
