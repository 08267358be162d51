#include "proxy/gateway_state.hpp"
#include "proxy/report.hpp"

namespace culvert::proxy {

namespace {

void add_requests(GatewayReport& report, const Counts& counts) {
  counts.for_each_route([&](const RouteCounts& route) {
    bool any = false;
    for (const RouteCounts::Row& row : route.rows) {
      if (row.count == 0) continue;
      any = true;
      report.requests.push_back({counts.listeners()[row.listener()], route.name, row.method, row.status(), row.count});
    }
    if (!any) return;
    report.routes.push_back({route.name, route.durations, route.whole_duration, route.request_bytes, route.response_bytes});
  });
}

TunnelReport report_of(const TunnelView& view, unsigned worker) {
  return {.worker = worker,
          .id = view.id,
          .client = view.client,
          .user = std::string(view.user),
          .target = std::string(view.target),
          .server = std::string(view.server),
          .parent = std::string(view.parent),
          .tunnel = std::string(view.tunnel),
          .route = std::string(view.route),
          .rule = std::string(view.rule),
          .bytes_up = view.bytes_up,
          .bytes_down = view.bytes_down,
          .age = view.age,
          .idle = view.idle};
}

}  // namespace

GatewayReport Gateway::report(bool with_tunnels) const {
  State& state = *state_;
  GatewayReport report;
  add_requests(report, state.counts);
  report.failures = state.counts.failures;
  const StreamTotals& streams = state.counts;
  static_cast<StreamTotals&>(report) = streams;
  report.exchanges = state.live_count;
  report.memory = state.memory_in_use();
  for (const auto& [name, upstream] : state.site.upstreams()) report.upstreams.push_back(upstream->report());
  state.standing.for_each([&](Tunnel& tunnel) {
    const TunnelView view = tunnel.view();
    report.of(view.tunnel, view.route).add_bytes(view.bytes_up, view.bytes_down);
    if (with_tunnels) report.standing.push_back(report_of(view, state.fleets.worker));
  });
  state.streams.for_each([&](StreamHook& hook) {
    const auto& stream = static_cast<const Stream&>(hook);
    report.streams[stream.policy().name].add_bytes(stream.bytes_up(), stream.bytes_down());
  });
  return report;
}

void Gateway::look_at_servers() {
  for (const auto& [name, upstream] : state_->site.upstreams()) upstream->look_again();
}

}  // namespace culvert::proxy
