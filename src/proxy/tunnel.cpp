#include "proxy/tunnel.hpp"

#include <utility>

#include "proxy/gateway_state.hpp"

namespace culvert::proxy {

namespace {

Reason reason_of(net::RelayEnd how) {
  switch (how) {
    case net::RelayEnd::in_order: return Reason::none;
    case net::RelayEnd::downstream_broken: return Reason::tunnel_client_reset;
    case net::RelayEnd::upstream_broken: return Reason::tunnel_upstream_reset;
    case net::RelayEnd::idle: return Reason::tunnel_idle_timeout;
    case net::RelayEnd::too_old: return Reason::tunnel_lifetime;
    case net::RelayEnd::too_many_bytes: return Reason::tunnel_max_bytes;
    case net::RelayEnd::stopped: return Reason::tunnel_closed;
  }
  return Reason::none;
}

}  // namespace

Tunnel::Tunnel(Gateway::State& gateway, std::uint64_t id, TunnelOrigin origin, const net::RelayLimits& limits,
               BareStream downstream, BareStream upstream)
    : gateway_(gateway), id_(id), origin_(std::move(origin)),
      relay_(gateway.loop, *this, limits, std::move(downstream), std::move(upstream), &gateway.pipes) {}

void Tunnel::start(Bytes from_downstream, Bytes from_upstream) {
  relay_.pass_on(from_downstream, from_upstream);
  relay_.start();
}

TunnelView Tunnel::view() const {
  const auto since = [this](TimePoint when) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(gateway_.loop.now() - when);
  };
  return {.id = id_,
          .client = origin_.client,
          .user = origin_.user,
          .target = origin_.target,
          .server = origin_.server,
          .tunnel = origin_.policy ? std::string_view(origin_.policy->settings.name) : std::string_view(),
          .route = origin_.route ? std::string_view(origin_.route->settings.name) : std::string_view(),
          .rule = origin_.rule != nullptr ? std::string_view(origin_.rule->name) : std::string_view(),
          .bytes_up = relay_.bytes_up(),
          .bytes_down = relay_.bytes_down(),
          .age = since(origin_.began),
          .idle = since(relay_.active_at())};
}

void Tunnel::relay_ended(net::RelayEnd how, std::error_code cause) noexcept {
  if (gateway_.access_log) {
    const TunnelView known = view();
    gateway_.access_log->record({.time = origin_.time,
                                 .duration = gateway_.loop.now() - origin_.began,
                                 .client = origin_.client,
                                 .peer = origin_.peer,
                                 .user = origin_.user,
                                 .listener = origin_.listener->name,
                                 .method = origin_.method,
                                 .target = origin_.target,
                                 .host = origin_.target,
                                 .status = origin_.status,
                                 .request_body_bytes = known.bytes_up,
                                 .response_body_bytes = known.bytes_down,
                                 .route = known.route,
                                 .upstream = origin_.route && origin_.route->upstream
                                                 ? std::string_view(origin_.route->upstream->settings.name)
                                                 : std::string_view(),
                                 .server = origin_.server,
                                 .request_id = origin_.request_id,
                                 .tunnel = known.tunnel,
                                 .rule = known.rule,
                                 .reason = reason_of(how),
                                 .cause = cause});
  }
  gateway_.tunnel_ended(*this);
}

}  // namespace culvert::proxy
