#include "proxy/sni_check.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/ascii.hpp"
#include "proxy/access_policy.hpp"

namespace culvert::proxy {

namespace {

// RFC 8446 6.2, RFC 6066 3.
enum class Alert : std::uint8_t { access_denied = 49, decode_error = 50, missing_extension = 109, unrecognized_name = 112 };

// What tells a TLS client why; nothing for who does not speak TLS, or says nothing.
std::optional<Alert> alert_for(Reason reason) {
  switch (reason) {
    case Reason::tunnel_sni_mismatch: return Alert::unrecognized_name;
    case Reason::tunnel_sni_missing: return Alert::missing_extension;
    case Reason::tunnel_ech_denied: return Alert::access_denied;
    case Reason::tls_hello_malformed: return Alert::decode_error;
    default: return std::nullopt;
  }
}

// A record of its own: alert, of TLS 1.2 in the clear, two bytes, fatal.
std::array<std::byte, 7> record_of(Alert alert) {
  return {std::byte{21}, std::byte{3}, std::byte{3}, std::byte{0}, std::byte{2}, std::byte{2}, static_cast<std::byte>(alert)};
}

// Whether the client has it, with the end of its stream: with a reset it might lose it.
bool say_last(BareStream& client, Alert alert) {
  client.unsent.copy(record_of(alert));
  return !client.unsent.flush(*client.stream) && client.unsent.empty() && !client.stream->shutdown_write();
}

}  // namespace

Reason judge_hello(const wire::ClientHello& hello, std::string_view host, config::EncryptedClientHello encrypted) {
  if (hello.encrypted_client_hello && encrypted == config::EncryptedClientHello::deny) return Reason::tunnel_ech_denied;
  if (host.ends_with('.')) host.remove_suffix(1);
  const bool is_name = kind_of_host(host, 0).address.family == Endpoint::Family::none;
  // RFC 6066 3: an address is not named.
  if (hello.server_name.empty()) return is_name ? Reason::tunnel_sni_missing : Reason::none;
  return ascii::iequals(hello.server_name, host) ? Reason::none : Reason::tunnel_sni_mismatch;
}

SniCheck::SniCheck(Loop& loop, Owner& owner, const config::Tunnel& settings, std::string_view host,
                   BareStream downstream, BareStream upstream)
    : loop_(loop), owner_(owner), settings_(settings), host_(host),
      peek_(loop, *this, std::move(downstream), settings.hello_timeout), upstream_(std::move(upstream)) {}

void SniCheck::start(Bytes first) {
  upstream_.stream->attach(*this);
  upstream_.stream->want({.read = false, .write = false});
  peek_.start(first);
}

void SniCheck::on_hello(std::error_code error) noexcept {
  if (error == wire::PrefaceError::not_tls) return refuse(Reason::tunnel_not_tls, error);
  if (error) return refuse(hello_failure(error), error);
  const Reason reason = judge_hello(peek_.hello(), host_, settings_.encrypted_client_hello);
  reason == Reason::none ? owner_.on_checked(reason, {}) : refuse(reason, {});
}

void SniCheck::on_ready(Ready ready) noexcept {
  if (ready.broken) refuse(Reason::tunnel_upstream_reset, upstream_.stream->take_error());
}

void SniCheck::refuse(Reason reason, std::error_code cause) {
  if (upstream_.stream == nullptr) return;
  BareStream client = peek_.take_stream();
  const std::optional<Alert> alert = alert_for(reason);
  if (!alert || !say_last(client, *alert)) client.stream->reset_on_close();
  upstream_.stream->reset_on_close();
  upstream_.stream.reset();
  reason_ = reason;
  cause_ = cause;
  loop_.defer(later_);
}

}  // namespace culvert::proxy
