// Why an exchange failed: one value, from which the answer, the log line, the counter and the retry follow.
#pragma once
#include <cstdint>
#include <string_view>
#include <system_error>

namespace culvert::proxy {

enum class Side : std::uint8_t { downstream, upstream, here };
enum class MayRetry : std::uint8_t { never, if_reused, yes, decided };  // decided: it follows

enum class Reason : std::uint8_t {
  none,
#define CULVERT_REASON(code, side, status, proxy_status, sentence) code,
#include "proxy/reasons.def"
#undef CULVERT_REASON
  count_
};

struct ReasonRow {
  std::string_view code;
  Side side;
  std::uint16_t status;
  std::string_view proxy_status;
  std::string_view sentence;
};
const ReasonRow& row(Reason reason);

struct Failure {
  Reason reason = Reason::none;
  MayRetry retry = MayRetry::never;
  std::error_code cause;  // what was seen, for the log
};

// What an error of the upstream side means. `connected`: the connection stood; `response_begun`: a head had come.
Failure upstream_failure(std::error_code error, bool connected, bool response_begun);
// What the answer of a parent proxy means that does not lead on: `cause` has its status.
Failure parent_refusal(std::uint16_t status);
// What an error of the client's request means; `in_body`: its head was complete.
Reason request_failure(std::error_code error, bool in_body);

}  // namespace culvert::proxy
