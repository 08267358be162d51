#include "proxy/failure.hpp"

#include <array>
#include <cassert>
#include <cstddef>
#include <string>

#include "culvert/error.hpp"
#include "net/tls_error.hpp"
#include "wire/parse_error.hpp"

namespace culvert::proxy {

namespace {

constexpr std::array rows{
    ReasonRow{"", Side::here, 0, "", ""},
#define CULVERT_REASON(code, side, status, proxy_status, sentence) \
  ReasonRow{#code, Side::side, status, #proxy_status, sentence},
#include "proxy/reasons.def"
#undef CULVERT_REASON
};
static_assert(rows.size() == static_cast<std::size_t>(Reason::count_));

bool ran_out_of_time(std::error_code error) { return error == errc::timed_out || error == std::errc::timed_out; }
bool is_parse_error(std::error_code error) { return error.category() == wire::parse_category(); }

Reason connect_failure(std::error_code error) {
  if (ran_out_of_time(error)) return Reason::upstream_connect_timeout;
  if (error == std::errc::connection_refused) return Reason::upstream_connect_refused;
  if (error == errc::queue_full) return Reason::upstream_queue_full;
  if (error == errc::no_free_connection) return Reason::upstream_queue_timeout;
  if (error == errc::name_not_found) return Reason::upstream_name_not_found;
  if (net::is_of_certificate(error)) return Reason::upstream_certificate_invalid;
  if (net::is_alert(error)) return Reason::upstream_tls_alert;
  if (net::is_of_tls(error) || error == errc::tls_disconnected) return Reason::upstream_tls_handshake_failed;
  return Reason::upstream_connect_failed;
}

// A connection that ends within the head counts as one that ends before it: no answer has been seen either way.
bool ended(std::error_code error) { return !is_parse_error(error) || error == wire::ParseError::HPE_INVALID_EOF_STATE; }

Reason parse_failure(std::error_code error) {
  if (error == wire::ParseError::missing_host) return Reason::request_host_missing;
  if (error == wire::ParseError::unknown_transfer_coding) return Reason::transfer_coding_not_supported;
  switch (wire::status_for(error)) {
    case 413: return Reason::request_chunk_extensions_too_large;
    case 414: return Reason::request_target_too_long;
    case 431: return Reason::request_headers_too_large;
    case 501: return Reason::method_not_supported;
    case 505: return Reason::http_version_not_supported;
    default: return Reason::request_malformed;
  }
}

class ParentAnswers final : public std::error_category {
 public:
  const char* name() const noexcept override { return "parent proxy"; }
  std::string message(int status) const override { return "the parent proxy answered " + std::to_string(status); }
};

}  // namespace

const ReasonRow& row(Reason reason) {
  const auto index = static_cast<std::size_t>(reason);
  assert(index < rows.size());
  return rows[index];
}

Failure upstream_failure(std::error_code error, bool connected, bool response_begun) {
  assert(connected || !response_begun);
  if (!connected) return {connect_failure(error), MayRetry::yes, error};  // nothing was sent: trying again is harmless
  const bool late = ran_out_of_time(error);
  if (response_begun) {
    return {late ? Reason::upstream_body_timeout : Reason::upstream_aborted_body, MayRetry::never, error};
  }
  if (late) return {Reason::upstream_response_timeout, MayRetry::never, error};
  if (error == errc::upgrade_unexpected) return {Reason::upstream_upgrade_unexpected, MayRetry::never, error};
  if (error == errc::too_many_informations) return {Reason::upstream_response_malformed, MayRetry::never, error};
  if (net::is_alert(error)) return {Reason::upstream_tls_alert, MayRetry::if_reused, error};
  if (ended(error)) return {Reason::upstream_reset_before_response, MayRetry::if_reused, error};
  const bool too_large = wire::status_for(error) == 431;
  return {too_large ? Reason::upstream_response_headers_too_large : Reason::upstream_response_malformed,
          MayRetry::never, error};
}

// A refusal is one, whoever is asked next; what went wrong there (5xx) may go right by another one.
Failure parent_refusal(std::uint16_t status) {
  static const ParentAnswers answers;
  // A circle is passed back as one: whoever tried another parent now would go round it once more from every hop.
  const Reason reason = status == 407   ? Reason::parent_auth_failed
                        : status == 508 ? Reason::proxy_loop_detected
                                        : Reason::parent_refused;
  return {reason, status >= 500 && status != 508 ? MayRetry::yes : MayRetry::never, {status, answers}};
}

Reason request_failure(std::error_code error, bool in_body) {
  if (error == errc::ERR_HTTP_REQUEST_TIMEOUT) {
    return in_body ? Reason::request_timeout : Reason::request_header_timeout;
  }
  if (error == errc::timed_out) return Reason::response_send_timeout;
  return is_parse_error(error) ? parse_failure(error) : Reason::client_aborted;
}

}  // namespace culvert::proxy
