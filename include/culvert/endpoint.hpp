// Where a peer is: an IP address with a port, or a Unix socket.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert {

// A small value (24 bytes). A Unix peer has no name worth keeping: only the fact that it is local.
struct Endpoint {
  enum class Family : std::uint8_t { none, ipv4, ipv6, unix_socket };  // of addresses

  Family family = Family::none;             // none: no address at all
  std::uint16_t port = 0;                   // host byte order
  std::uint32_t scope_id = 0;               // IPv6 link-local only
  std::array<std::uint8_t, 16> address{};   // network byte order; IPv4 in the first four

  bool operator==(const Endpoint&) const = default;

  // An address without a port: "127.0.0.1", "::1". No names, no brackets, nothing around it.
  static std::optional<Endpoint> parse_ip(std::string_view text, std::uint16_t port = 0);

  // The IPv4 address that an IPv4-mapped IPv6 address stands for ("::ffff:192.0.2.1"); else itself.
  Endpoint unmapped() const;

  std::string ip() const;         // "127.0.0.1", "::1", "unix:"
  std::string to_string() const;  // "127.0.0.1:80", "[::1]:80", "unix:"
  // Appends what ip() returns to `out` without allocating; returns the number of characters (at most 64).
  std::size_t format_ip(char* out) const;
};

// What to listen on or connect to: an endpoint, a name to resolve, or the path of a Unix socket. A service's name leads to
// hosts and their ports (SRV records).
struct Address {
  enum class Kind : std::uint8_t { ip, name, unix_path, service };  // of what it holds

  Kind kind = Kind::ip;   // which of the members below say something
  Endpoint ip;            // kind ip
  std::string text;       // kind name: the host; kind unix_path: the path; kind service: "_http._tcp.example.com"
  std::uint16_t port = 0; // kind name

  bool operator==(const Address&) const = default;
  std::string to_string() const;  // as the configuration writes it
  // The address that is an endpoint.
  static Address of(const Endpoint& endpoint) { return {.kind = Kind::ip, .ip = endpoint, .text = {}, .port = 0}; }
  // Of a host as a URL has it: an IP address (IPv6 with or without brackets), else a name.
  static Address from_host(std::string_view host, std::uint16_t port);
};

}  // namespace culvert
