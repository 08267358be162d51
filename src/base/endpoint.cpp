#include "culvert/endpoint.hpp"

#include <arpa/inet.h>

#include <cassert>
#include <cstring>

namespace culvert {

namespace {

// By hand, for it is done for every proxied request, and inet_ntop goes through printf.
std::size_t format_ipv4(char* out, const std::array<std::uint8_t, 16>& address) {
  char* at = out;
  for (int i = 0; i < 4; ++i) {
    unsigned part = address[static_cast<std::size_t>(i)];
    if (i > 0) *at++ = '.';
    if (part >= 100) {
      *at++ = static_cast<char>('0' + part / 100);
      part %= 100;
      *at++ = static_cast<char>('0' + part / 10);
    } else if (part >= 10) {
      *at++ = static_cast<char>('0' + part / 10);
    }
    *at++ = static_cast<char>('0' + part % 10);
  }
  return static_cast<std::size_t>(at - out);
}

}  // namespace


std::optional<Endpoint> Endpoint::parse_ip(std::string_view text, std::uint16_t port) {
  char terminated[INET6_ADDRSTRLEN];  // inet_pton wants a C string
  if (text.size() >= sizeof(terminated) || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';

  Endpoint endpoint;
  endpoint.port = port;
  if (inet_pton(AF_INET, terminated, endpoint.address.data()) == 1) {
    endpoint.family = Family::ipv4;
    return endpoint;
  }
  if (inet_pton(AF_INET6, terminated, endpoint.address.data()) == 1) {
    endpoint.family = Family::ipv6;
    return endpoint;
  }
  return std::nullopt;
}

std::string Endpoint::ip() const {
  char text[64];
  return std::string(text, format_ip(text));
}

std::string Endpoint::to_string() const {
  switch (family) {
    case Family::ipv4: return ip() + ":" + std::to_string(port);
    case Family::ipv6: return std::string("[").append(ip()).append("]:").append(std::to_string(port));
    case Family::unix_socket:
    case Family::none: break;
  }
  return ip();
}

std::size_t Endpoint::format_ip(char* out) const {
  switch (family) {
    case Family::none: return 0;
    case Family::unix_socket: std::memcpy(out, "unix:", 5); return 5;
    case Family::ipv4: return format_ipv4(out, address);
    case Family::ipv6: break;
  }
  char text[INET6_ADDRSTRLEN];
  [[maybe_unused]] const char* written = inet_ntop(AF_INET6, address.data(), text, sizeof(text));
  assert(written != nullptr);
  const std::size_t size = std::strlen(text);
  std::memcpy(out, text, size);
  return size;
}

std::string Address::to_string() const {
  switch (kind) {
    case Kind::ip: return ip.to_string();
    case Kind::name: return text + ":" + std::to_string(port);
    case Kind::unix_path: return "unix:" + text;
  }
  return {};
}

}  // namespace culvert
