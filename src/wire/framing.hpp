// Where a message ends: judged once, here, from the parsed head. RFC 9112 section 6, the strict reading.
#pragma once
#include <cstdint>
#include <string_view>
#include <system_error>

#include "culvert/headers.hpp"

namespace culvert::wire {

struct Framing {
  enum class Kind : std::uint8_t {
    none,          // no body: most requests, 1xx, 204, 304
    length,        // exactly `length` bytes
    chunked,
    until_close,   // responses only
  };
  Kind kind = Kind::none;
  std::uint64_t length = 0;  // also kept for a head whose body is not sent (HEAD, 304): what the field said
  bool has_length_field = false;
};

// Both return what is wrong (a ParseError) or set `framing`. They refuse: Content-Length with Transfer-Encoding,
// differing or repeated Content-Length, any coding but exactly one final chunked, Transfer-Encoding in HTTP/1.0.
std::error_code judge_request(const HeaderList& headers, std::uint8_t minor_version, Framing& framing);
std::error_code judge_response(const HeaderList& headers, std::uint8_t minor_version, std::uint16_t status,
                               Framing& framing);

}  // namespace culvert::wire
