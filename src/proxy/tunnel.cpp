#include "proxy/tunnel.hpp"

#include <algorithm>
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
    case net::RelayEnd::account_overspent: return Reason::client_bytes_exhausted;
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

TunnelWords::TunnelWords(const Views& words) {
  const std::string_view all[] = {words.method, words.target, words.host, words.user, words.server, words.request_id};
  std::size_t size = 0;
  for (const std::string_view word : all) size += word.size();
  text_ = std::make_unique_for_overwrite<char[]>(size);
  char* end = text_.get();
  for (std::size_t i = 0; i < sizes_.size(); ++i) {
    end = std::ranges::copy(all[i], end).out;
    sizes_[i] = static_cast<std::uint32_t>(all[i].size());
  }
}

TunnelWords::Views TunnelWords::views() const {
  const char* next = text_.get();
  const auto take = [&](std::uint32_t size) { return std::string_view(std::exchange(next, next + size), size); };
  return {.method = take(sizes_[0]),
          .target = take(sizes_[1]),
          .host = take(sizes_[2]),
          .user = take(sizes_[3]),
          .server = take(sizes_[4]),
          .request_id = take(sizes_[5])};
}

Tunnel::Tunnel(Gateway::State& gateway, std::uint64_t id, TunnelOrigin origin)
    : gateway_(gateway), id_(id), origin_(std::move(origin)) {}

Tunnel::Opening::Opening(Tunnel& tunnel, const net::RelayLimits& with, BareStream downstream, BareStream upstream,
                         Bytes early)
    : limits(with), from_upstream(early.begin(), early.end()),
      check(tunnel.gateway_.loop, tunnel, tunnel.origin_.policy->settings, host_of(tunnel.origin_.words.views().target),
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
  const TunnelWords::Views words = origin_.words.views();
  return {.id = id_,
          .client = origin_.client,
          .user = words.user,
          .target = words.target,
          .server = words.server,
          .parent = origin_.by_parent ? words.server : std::string_view(),
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
  if (reason != Reason::none) gateway_.counts.failed(reason);
  if (gateway_.access_log) {
    const TunnelView known = view();
    const TunnelWords::Views words = origin_.words.views();
    gateway_.access_log->record({.time = origin_.time,
                                 .duration = gateway_.loop.now() - origin_.began,
                                 .client = origin_.client,
                                 .peer = origin_.peer,
                                 .certificate = origin_.certificate.get(),
                                 .user = words.user,
                                 .listener = origin_.listener->name,
                                 .scheme = origin_.listener->scheme,
                                 .method = words.method,
                                 .target = words.target,
                                 .host = words.host,
                                 .status = origin_.status,
                                 .request_body_bytes = known.bytes_up,
                                 .response_body_bytes = known.bytes_down,
                                 .route = known.route,
                                 .upstream = origin_.route && origin_.route->upstream
                                                 ? std::string_view(origin_.route->upstream->settings.name)
                                                 : std::string_view(),
                                 .server = words.server,
                                 .request_id = words.request_id,
                                 .tunnel = known.tunnel,
                                 .rule = known.rule,
                                 .server_name = opening_ ? opening_->check.server_name() : std::string_view(),
                                 .parent = known.parent,
                                 .retries = origin_.retries,
                                 .reason = reason,
                                 .cause = cause});
  }
  gateway_.tunnel_ended(*this);
}

}  // namespace culvert::proxy
