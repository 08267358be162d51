#include "daemon/handshake.hpp"

#include <utility>

#include "net/tls_error.hpp"

namespace culvert::daemon {

namespace {

proxy::Reason reason_of(std::error_code cause) {
  if (net::is_plain_http(cause)) return proxy::Reason::tls_plain_http;
  if (net::is_name_refused(cause)) return proxy::Reason::tls_server_name_refused;
  if (net::is_certificate_missing(cause)) return proxy::Reason::tls_client_certificate_missing;
  if (net::is_of_certificate(cause)) return proxy::Reason::tls_client_certificate_invalid;
  return proxy::Reason::tls_handshake_failed;
}

TimePoint end_of(std::chrono::milliseconds timeout, TimePoint now) { return timeout.count() == 0 ? never : now + timeout; }

}  // namespace

Handshake::Handshake(Loop& loop, Host& host, HandshakeLimit& limit, std::unique_ptr<net::TlsTransport> stream,
                     std::shared_ptr<const net::TlsServerContext> context)
    : loop_(loop), host_(host), context_(std::move(context)), stream_(std::move(stream)),
      place_(std::in_place, limit, *this),
      runs_out_(end_of(context_->settings().handshake_timeout, loop.now())) {
  stream_->attach(*this);
  loop_.ask_at(due_, runs_out_);
}

Handshake::~Handshake() { loop_.forget(due_); }

void Handshake::start(Bytes first) {
  if (first.empty()) return;
  has_begun_ = true;
  go_on(stream_->shake_hands(first));
}

void Handshake::on_ready(Ready ready) noexcept {
  if (stream_ == nullptr || !(ready.readable || ready.broken)) return;
  Result<bool> is_over = stream_->shake_hands();
  // Who only looks whether somebody listens, as checks of health do, has done nothing wrong.
  if (!is_over && !has_begun_ && !net::is_of_tls(is_over.error())) return close();
  has_begun_ = true;
  go_on(is_over);
}

TimePoint Handshake::on_due(TimePoint now) noexcept {
  if (runs_out_ > now) return runs_out_;
  turn_away(proxy::Reason::tls_handshake_timeout, {});
  return never;
}

void Handshake::give_way() { turn_away(proxy::Reason::tls_handshake_crowded_out, {}); }

void Handshake::go_on(Result<bool> is_over) {
  if (!is_over) return fail(is_over.error());
  if (!*is_over) return;
  Result<Bytes> first = stream_->take_early();
  if (!first) return fail(first.error());
  std::unique_ptr<Transport> stream = std::move(stream_);
  close();
  host_.shaken(std::move(stream), *first);
}

void Handshake::fail(std::error_code cause) { turn_away(reason_of(cause), cause); }

void Handshake::turn_away(proxy::Reason reason, std::error_code cause) {
  host_.turned_away(stream_->wire(), reason, cause);
  close();
}

void Handshake::close() {
  stream_.reset();
  place_.reset();
  loop_.forget(due_);
  unlink();
  loop_.retire(std::unique_ptr<Retired>(this));
}

}  // namespace culvert::daemon
