// Absolute URLs of http, https, ws and wss as a program writes them down, read as the WHATWG URL Standard reads them
// (and so as Node and browsers do): forgiving in how they are spelt, exact in what they mean. What a peer sends is no
// URL but a request target, which is read strictly (request_target.hpp).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "culvert/error.hpp"

namespace culvert::wire {

struct Url {
  std::string scheme;                 // "http", "https", "ws" or "wss"
  std::string user;                   // percent-decoded
  std::string password;               // percent-decoded
  std::string host;                   // lower case; an IPv6 address stands here without its brackets
  std::optional<std::uint16_t> port;  // none if it is the default of the scheme
  std::string path;                   // begins with "/"; percent-encoded where that is needed, dot segments removed
  std::string query;                  // without "?", percent-encoded where that is needed

  std::string target() const { return query.empty() ? path : path + '?' + query; }
};

// errc::ERR_INVALID_URL where there is no such URL. Beyond the standard, these are refused: every other scheme, and
// host names that are not ASCII, because turning them into ASCII takes tables of Unicode. The fragment is dropped.
Result<Url> parse_url(std::string_view text);

// Each "%" and two hexadecimal digits become the byte that they stand for; every other "%" stays.
std::string percent_decode(std::string_view text);

}  // namespace culvert::wire
