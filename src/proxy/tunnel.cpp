#include "proxy/tunnel.hpp"

#include <utility>

#include "proxy/gateway_state.hpp"
#include "wire/request_target.hpp"

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

// Of an authority that was read before.
std::string_view host_of(std::string_view authority) {
  wire::RequestTarget target;
  (void)wire::parse_request_target("CONNECT", authority, target);
  return target.authority.host;
}

}  // namespace

Tunnel::Tunnel(Gateway::State& gateway, std::uint64_t id, TunnelOrigin origin)
    : gateway_(gateway), id_(id), origin_(std::move(origin)) {}

Tunnel::Opening::Opening(Tunnel& tunnel, const net::RelayLimits& with, BareStream downstream, BareStream upstream,
                         Bytes early)
    : limits(with), from_upstream(early.begin(), early.end()),
      check(tunnel.gateway_.loop, tunnel, tunnel.origin_.policy->settings, host_of(tunnel.origin_.target),
            std::move(downstream), std::move(upstream)) {}

void Tunnel::start(const net::RelayLimits& limits, BareStream downstream, BareStream upstream, Bytes from_downstream,
                   Bytes from_upstream) {
  const bool is_checked = origin_.policy && origin_.policy->requires_sni(origin_.rule);
  if (!is_checked) return relay(limits, std::move(downstream), std::move(upstream), from_downstream, from_upstream);
  opening_ = std::make_unique<Opening>(*this, limits, std::move(downstream), std::move(upstream), from_upstream);
  opening_->check.start(from_downstream);
}

void Tunnel::on_checked(Reason reason, std::error_code cause) noexcept {
  if (reason != Reason::none) return end(reason, cause);
  const std::unique_ptr<Opening> opening = std::move(opening_);
  SniCheck& check = opening->check;
  relay(opening->limits, check.take_downstream(), check.take_upstream(), check.early(), opening->from_upstream);
}

void Tunnel::relay(const net::RelayLimits& limits, BareStream downstream, BareStream upstream, Bytes from_downstream,
                   Bytes from_upstream) {
  relay_.emplace(gateway_.loop, static_cast<net::Relay::Owner&>(*this), limits, std::move(downstream),
                 std::move(upstream), &gateway_.pipes);
  relay_->pass_on(from_downstream, from_upstream);
  relay_->start();
}

void Tunnel::close() { opening_ ? opening_->check.stop(Reason::tunnel_closed) : relay_->stop(); }

TunnelView Tunnel::view() const {
  const auto since = [this](TimePoint when) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(gateway_.loop.now() - when);
  };
  return {.id = id_,
          .client = origin_.client,
          .user = origin_.user,
          .target = origin_.target,
          .server = origin_.server,
          .parent = origin_.by_parent ? std::string_view(origin_.server) : std::string_view(),
          .tunnel = origin_.policy ? std::string_view(origin_.policy->settings.name) : std::string_view(),
          .route = origin_.route ? std::string_view(origin_.route->settings.name) : std::string_view(),
          .rule = origin_.rule != nullptr ? std::string_view(origin_.rule->name) : std::string_view(),
          .bytes_up = relay_ ? relay_->bytes_up() : 0,
          .bytes_down = relay_ ? relay_->bytes_down() : 0,
          .age = since(origin_.began),
          .idle = since(relay_ ? relay_->active_at() : origin_.began)};
}

void Tunnel::relay_ended(net::RelayEnd how, std::error_code cause) noexcept { end(reason_of(how), cause); }

void Tunnel::end(Reason reason, std::error_code cause) {
  if (gateway_.access_log) {
    const TunnelView known = view();
    gateway_.access_log->record({.time = origin_.time,
                                 .duration = gateway_.loop.now() - origin_.began,
                                 .client = origin_.client,
                                 .peer = origin_.peer,
                                 .user = origin_.user,
                                 .listener = origin_.listener->name,
                                 .scheme = origin_.listener->scheme,
                                 .method = origin_.method,
                                 .target = origin_.target,
                                 .host = origin_.host,
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
                                 .server_name = opening_ ? opening_->check.server_name() : std::string_view(),
                                 .parent = known.parent,
                                 .reason = reason,
                                 .cause = cause});
  }
  gateway_.tunnel_ended(*this);
}

}  // namespace culvert::proxy
