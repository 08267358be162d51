// Where to listen, where to connect to, and which targets a tunnel rule means.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "config/values.hpp"
#include "culvert/endpoint.hpp"

namespace culvert::config {

inline constexpr std::string_view inherited_prefix = "fd:";  // a listening socket that was passed in

// "127.0.0.1:80", "[::1]:80", "unix:/PATH"; ":80" is two: every IPv4 and every IPv6 address. "fd:NAME" is none.
Parsed<std::vector<Address>> parse_listen_address(std::string_view text);
// "HOST:PORT", "[::1]:80", "unix:/PATH", "srv:_SERVICE._PROTOCOL.NAME", or a URL.
Parsed<Address> parse_server_address(std::string_view text);
// "http://HOST[:PORT]" and nothing behind it. "https://" reads as well: whoever cannot do TLS says so.
Parsed<Address> parse_url(std::string_view text);
bool is_url(std::string_view text);  // has a scheme
// "http://HOST:PORT" of a proxy.
Parsed<Address> parse_parent(std::string_view text);

// "HOST:PORT", where HOST may be a name, "*.NAME", an address, a network or "*", and PORT a number, "FIRST-LAST" or "*".
Parsed<TunnelTarget> parse_tunnel_target(std::string_view text);

}  // namespace culvert::config
