#include "daemon/service.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "http/http_shared.hpp"
#include "proxy/rewrite.hpp"

namespace culvert::daemon {

Service::Service(Http& http, proxy::Gateway& gateway, ConnectionLimit& limit, HandshakeLimit& handshakes,
                 const config::Listener& settings, Tls tls)
    : http_(http),
      gateway_(gateway),
      limit_(limit),
      handshake_limit_(handshakes),
      settings_(settings),
      tls_(std::move(tls)),
      server_(http, proxy::Gateway::server_options(settings.server)) {
  gateway_.serve(server_, settings.name);
  server_.on_close([this] {
    server_closed_ = true;
    if (finished()) on_finished_();
  });
}

Service::~Service() {
  close_arrivals();
  assert(streams_ == 0);
  gateway_.forget(server_);
}

bool Service::is_client(const Endpoint& peer) const {
  return !awaits_header() && !proxy::trusted(settings_.server.forwarded, peer);
}

void Service::apply(const config::Listener& settings, Tls tls) {
  settings_ = settings;
  tls_ = std::move(tls);
  server_.options = proxy::Gateway::server_options(settings.server);
}

bool Service::has_room(bool& waiting) {
  if (tls_) return handshake_limit_.has_room(waiting);
  stop_waiting(waiting);
  return true;
}

void Service::adopt(std::unique_ptr<Transport> stream, Places& places) {
  if (!awaits_header()) return arrived(std::move(stream), {});
  if (!may_send_header(stream->remote())) return turned_away(*stream, proxy::Reason::proxy_header_denied, {});
  // It lives until it has arrived or is turned away.
  HandshakeLimit* const handshakes = tls_ ? &handshake_limit_ : nullptr;
  arrivals_.push_back(
      *new Arrival(http_.loop(), *this, std::move(stream), places, handshakes, settings_.server.headers_timeout));
}

void Service::arrived(std::unique_ptr<Transport> stream, Bytes first) {
  if (!tls_) return shaken(std::move(stream), first);
  auto secure =
      std::make_unique<net::TlsTransport>(http_.loop(), http_.shared().tls(), std::move(stream), tls_->accept());
  // It lives until hands are shaken or it is turned away.
  auto* const handshake = new Handshake(http_.loop(), *this, handshake_limit_, std::move(secure), tls_);
  handshakes_.push_back(*handshake);
  handshake->start(first);
}

void Service::shaken(std::unique_ptr<Transport> stream, Bytes first) {
  if (tls_) ++handshake_count_;
  if (settings_.mode != config::ListenerMode::tcp) return server_.adopt(std::move(stream), first);
  ++streams_;
  gateway_.carry(settings_.name, std::move(stream), first, [this] {
    --streams_;
    if (finished()) on_finished_();
  });
}

void Service::turned_away(Transport& stream, proxy::Reason reason, std::error_code cause) {
  gateway_.turned_away(settings_.name, stream, reason, cause);
}

// Who may open a Unix socket is for its folder to say.
bool Service::may_send_header(const Endpoint& peer) const {
  const std::vector<config::Network>& from = settings_.proxy_protocol_from;
  return from.empty() || peer.family == Endpoint::Family::unix_socket ||
         std::ranges::any_of(from, [&](const config::Network& network) { return network.contains(peer); });
}

void Service::close_arrivals() {
  while (!arrivals_.empty()) arrivals_.front().close();
  while (!handshakes_.empty()) handshakes_.front().close();
}

void Service::close_all_connections() {
  close_arrivals();
  gateway_.close_streams(settings_.name);
  server_.close_all_connections();
}

void Service::finish(std::function<void()> on_finished) {
  on_finished_ = std::move(on_finished);
  close_arrivals();
  if (finished()) return on_finished_();
  server_.close();
}

}  // namespace culvert::daemon
