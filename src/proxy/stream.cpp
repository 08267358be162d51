#include "proxy/stream.hpp"

#include <array>
#include <utility>

#include "proxy/gateway_state.hpp"
#include "proxy/request_key.hpp"
#include "wire/proxy_protocol.hpp"

namespace culvert::proxy {

namespace {

Reason reason_of(net::RelayEnd how) {
  switch (how) {
    case net::RelayEnd::downstream_broken: return Reason::client_aborted;
    case net::RelayEnd::upstream_broken: return Reason::stream_upstream_reset;
    case net::RelayEnd::idle: return Reason::stream_idle_timeout;
    case net::RelayEnd::stopped: return Reason::stream_closed;
    case net::RelayEnd::in_order:
    case net::RelayEnd::too_old:
    case net::RelayEnd::too_many_bytes:
    case net::RelayEnd::account_overspent: break;
  }
  return Reason::none;
}

}  // namespace

Stream::Stream(Gateway::State& gateway, Ref<StreamPolicy> policy, std::unique_ptr<Transport> client,
               Delegate<void()> on_over)
    : gateway_(gateway),
      policy_(std::move(policy)),
      on_over_(std::move(on_over)),
      certificate_(client->peer_certificate()),
      peer_(client->remote()),
      local_(client->local()),
      began_(gateway.loop.now()),
      began_wall_(gateway.loop.wall_now()) {
  client_.transport = std::move(client);
}

Stream::~Stream() { gateway_.loop.forget(due_); }

void Stream::start(Bytes first) {
  ++gateway_.counts.streams[policy_->name].begun;
  const config::Server& settings = policy_->server;
  if (settings.keep_alive) {
    const auto delay = std::chrono::ceil<std::chrono::seconds>(settings.keep_alive_initial_delay);
    client_.transport->set_keep_alive(true, static_cast<int>(delay.count()));
  }
  if (policy_->by_name.empty()) {
    client_.transport->attach(client_);
    first_.assign(first.begin(), first.end());
    return choose_upstream();
  }
  peek_.emplace(gateway_.loop, static_cast<HelloPeek::Owner&>(*this),
                BareStream(std::move(client_.transport), gateway_.loop), settings.headers_timeout);
  peek_->start(first);
}

// ---- the ways in ----------------------------------------------------------------------------------------------------

// A stream that is not TLS names nobody.
void Stream::on_hello(std::error_code error) noexcept {
  client_.transport = peek_->take_stream().stream;
  client_.transport->attach(client_);
  if (error && error != wire::PrefaceError::not_tls) return end(hello_failure(error), error);
  first_ = peek_->bytes();
  choose_upstream();
}

void Stream::on_client(Ready ready) {
  if (phase_ == Phase::connecting && ready.broken) end(Reason::client_aborted, client_.transport->take_error());
}

void Stream::on_server(Ready ready) {
  if (phase_ != Phase::connecting || !(ready.writable || ready.broken)) return;
  const std::error_code error = server_.transport->take_error();
  error ? could_not_connect(error) : connected();
}

void Stream::on_try_again() noexcept { try_next_server(); }

TimePoint Stream::on_due(TimePoint now) noexcept {
  if (runs_out_ > now) return runs_out_;
  could_not_connect(errc::timed_out);
  return phase_ == Phase::over ? never : runs_out_;
}

void Stream::close() {
  relay_ ? relay_->stop() : end(Reason::stream_closed, {});
}

void Stream::relay_ended(net::RelayEnd how, std::error_code cause) noexcept { end(reason_of(how), cause); }

// ---- where to -------------------------------------------------------------------------------------------------------

// That the client wants; empty where nobody asks, or it names none.
std::string_view Stream::server_name() const { return peek_ ? peek_->hello().server_name : std::string_view(); }

void Stream::choose_upstream() {
  phase_ = Phase::connecting;
  client_.transport->want({.read = false, .write = false});
  upstream_ = policy_->upstream_for(server_name());
  if (!upstream_) return end(Reason::tls_name_unknown, {});
  try_next_server();
}

void Stream::try_next_server() {
  Backend* const next = upstream_->choose(tried_, client_key(peer_));
  if (next != nullptr) {
    ++tries_;
    return connect(*next);
  }
  if (upstream_->resolving()) return upstream_->wait(*this);
  if (failure_.reason == Reason::none) failure_ = upstream_->why_nobody();
  end(failure_.reason, failure_.cause);
}

void Stream::connect(Backend& backend) {
  runs_out_ = never;
  chosen_ = BackendUse(backend);
  sent_ = gateway_.loop.now();
  const config::Upstream& settings = upstream_->settings;
  Result<std::unique_ptr<Transport>> stream = upstream_->agent().connect(backend.origin);
  if (!stream) return could_not_connect(stream.error());
  server_.transport = std::move(*stream);
  server_.transport->attach(server_);
  server_.transport->want({.read = false, .write = true});
  if (settings.connect_timeout == config::no_limit) return;
  runs_out_ = gateway_.loop.now() + settings.connect_timeout;
  gateway_.loop.ask_at(due_, runs_out_);
}

void Stream::could_not_connect(std::error_code error) {
  server_.transport.reset();
  failure_ = upstream_failure(error, false, false);
  upstream_->failed(*chosen_, failure_.reason);
  Backend* const sibling = upstream_->sibling(*chosen_, tried_);
  if (sibling == nullptr) return try_next_server();
  tried_ |= sibling->bit;
  connect(*sibling);
}

void Stream::connected() {
  phase_ = Phase::relaying;
  runs_out_ = never;
  failure_ = {};
  upstream_->answered(*chosen_, 0, gateway_.loop.now() - sent_);
  BareStream server(std::move(server_.transport), gateway_.loop);
  const config::SendProxyProtocol sends = upstream_->settings.send_proxy_protocol;
  if (sends != config::SendProxyProtocol::none) {
    const auto version = sends == config::SendProxyProtocol::v1 ? wire::ProxyProtocol::v1 : wire::ProxyProtocol::v2;
    std::array<std::byte, wire::proxy_line_bytes_max> header;
    const std::size_t size = wire::write_proxy_header(header.data(), version, {.source = peer_, .destination = local_});
    server.unsent.copy(Bytes(header).first(size));
  }
  const net::RelayLimits limits{.idle_timeout = policy_->idle_timeout};
  relay_.emplace(gateway_.loop, static_cast<net::Relay::Owner&>(*this), limits,
                 BareStream(std::move(client_.transport), gateway_.loop), std::move(server), &gateway_.pipes);
  relay_->pass_on(first_, {});
  first_ = {};
  relay_->start();
}

// ---- the end --------------------------------------------------------------------------------------------------------

void Stream::end(Reason reason, std::error_code cause) {
  if (phase_ == Phase::over) return;
  if (phase_ == Phase::hello && client_.transport == nullptr) client_.transport = peek_->take_stream().stream;
  phase_ = Phase::over;
  failure_ = {reason, MayRetry::never, cause};
  Upstream::Waiter::unlink();
  // A client must not take for the end of its stream what is none.
  if (client_.transport != nullptr) client_.transport->reset_on_close();
  client_.transport.reset();
  server_.transport.reset();
  gateway_.loop.forget(due_);
  gateway_.counts.streams[policy_->name].end(bytes_up(), bytes_down());
  if (reason != Reason::none) gateway_.counts.failed(reason);
  write_record();
  StreamHook::unlink();
  gateway_.loop.retire(std::unique_ptr<Retired>(this));
  on_over_();
}

void Stream::write_record() {
  if (!gateway_.access_log) return;
  gateway_.access_log->record({
      .time = began_wall_,
      .duration = gateway_.loop.now() - began_,
      .client = peer_,
      .peer = peer_,
      .certificate = certificate_.get(),
      .listener = policy_->name,
      .host = server_name(),
      .request_body_bytes = bytes_up(),
      .response_body_bytes = bytes_down(),
      .upstream = upstream_ ? std::string_view(upstream_->settings.name) : std::string_view(),
      .server = chosen_ ? std::string_view(chosen_->text) : std::string_view(),
      .retries = tries_ > 0 ? tries_ - 1 : 0,
      .reason = failure_.reason,
      .cause = failure_.cause,
  });
}

}  // namespace culvert::proxy
