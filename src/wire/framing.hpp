// Where a message ends: judged once, here, from the parsed head. RFC 9112 section 6, the strict reading.
#pragma once
#include <cstdint>
#include <string_view>

#include "culvert/headers.hpp"
#include "wire/head_guard.hpp"
#include "wire/parse_error.hpp"

namespace culvert::wire {

struct Framing {
  enum class Kind : std::uint8_t {
    none,          // no body: most requests, 1xx, 204, 304
    length,        // exactly `length` bytes, perhaps 0
    chunked,
    until_close,   // responses only
  };
  Kind kind = Kind::none;
  std::uint64_t length = 0;  // also kept for a head whose body is not sent (HEAD, 304): what the field said
  bool has_length_field = false;
};

// Both return what is wrong or set `framing`. They refuse: Content-Length with Transfer-Encoding, repeated
// Content-Length, any Transfer-Encoding but one "chunked". HTTP/1.0 with Transfer-Encoding is refused in a request; in a
// response it is decoded, and the connection is not used again (RFC 9112 6.1). Rules other than strict decode it in a
// request, too; insecure ones let Transfer-Encoding win over Content-Length.
ParseError judge_request(const HeaderList& headers, std::uint8_t minor_version, Rules rules, Framing& framing);
ParseError judge_response(const HeaderList& headers, std::uint16_t status, Rules rules, Framing& framing);

}  // namespace culvert::wire
