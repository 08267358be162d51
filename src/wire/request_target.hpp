// The second word of a request line, and the Host field: where a request wants to go. Strict: what two programs could
// read in two ways is refused.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "culvert/headers.hpp"
#include "wire/parse_error.hpp"

namespace culvert::wire {

// Views into the text that was parsed.
struct Authority {
  std::string_view host;   // an IPv6 address stands here without its brackets: only then is there a ":" in it
  std::uint16_t port = 0;  // 0: none given
};

struct RequestTarget {
  enum class Form : std::uint8_t {
    origin,     // "/path?query"
    absolute,   // "http://host:port/path?query"
    authority,  // "host:port", CONNECT only
    asterisk,   // "*", OPTIONS only
  };
  Form form = Form::origin;
  std::string_view scheme;  // absolute: as written, without the colon
  Authority authority;      // absolute, authority
  std::string_view path;    // origin, absolute; may be empty in the absolute form
  std::string_view query;   // without the "?"
};

// What is wrong with the target for that method, or ok and sets `target`.
ParseError parse_request_target(std::string_view method, std::string_view text, RequestTarget& target);

// "host", "host:port", "[::1]:port"; nothing where it is anything else, or empty.
std::optional<Authority> parse_host_field(std::string_view value);

// The two together: the target suits the method, and Host stands at most once and holds a host, that of a target in the
// absolute form (RFC 9110 7.2). An empty Host is right where the target has no authority (RFC 9112 3.2); whether a
// missing one is, the server decides.
ParseError judge_destination(std::string_view method, std::string_view target, const HeaderList& headers);

}  // namespace culvert::wire
