#include "daemon/arrival.hpp"

#include <utility>

namespace culvert::daemon {

Arrival::Arrival(Loop& loop, Host& host, std::unique_ptr<Transport> stream, Places& places,
                 HandshakeLimit* handshakes, std::chrono::milliseconds timeout)
    : loop_(loop), host_(host), stream_(std::move(stream)), places_(places),
      runs_out_(timeout.count() == 0 ? never : loop.now() + timeout) {
  if (handshakes != nullptr) place_.emplace(*handshakes, *this);
  stream_->attach(*this);
  loop_.ask_at(due_, runs_out_);
}

Arrival::~Arrival() { loop_.forget(due_); }

void Arrival::on_ready(Ready ready) noexcept {
  if (stream_ == nullptr || !(ready.readable || ready.broken)) return;
  Result<Bytes> got = stream_->read();
  if (got) return read(*got);
  // Who only looks whether somebody listens, as checks of health do, has done nothing wrong.
  has_begun_ ? turn_away(proxy::Reason::proxy_header_malformed, got.error()) : close();
}

TimePoint Arrival::on_due(TimePoint now) noexcept {
  if (runs_out_ > now) return runs_out_;
  turn_away(proxy::Reason::proxy_header_timeout, {});
  return never;
}

void Arrival::give_way() { turn_away(proxy::Reason::tls_handshake_crowded_out, {}); }

void Arrival::read(Bytes bytes) {
  has_begun_ = has_begun_ || !bytes.empty();
  Result<bool> is_complete = reader_.read(bytes);
  if (!is_complete) return turn_away(proxy::Reason::proxy_header_malformed, is_complete.error());
  if (*is_complete) complete(bytes);
}

void Arrival::complete(Bytes rest) {
  const wire::ProxyAddresses& addresses = reader_.addresses();
  const bool speaks_for_another = addresses.source.family != Endpoint::Family::none;
  if (speaks_for_another) stream_->stand_for(addresses.destination, addresses.source);
  if (!places_.count_for(stream_->remote(), loop_.now())) return close();
  std::unique_ptr<Transport> stream = std::move(stream_);
  close();
  host_.arrived(std::move(stream), rest);
}

void Arrival::turn_away(proxy::Reason reason, std::error_code cause) {
  host_.turned_away(*stream_, reason, cause);
  close();
}

void Arrival::close() {
  stream_.reset();
  place_.reset();
  loop_.forget(due_);
  unlink();
  loop_.retire(std::unique_ptr<Retired>(this));
}

}  // namespace culvert::daemon
