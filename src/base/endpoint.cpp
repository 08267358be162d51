#include "culvert/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace culvert {

namespace {

// The numbers from 0 to 255 in text with their lengths: an address is formatted for every proxied request, and inet_ntop
// goes through printf.
struct OctetText {
  char text[4];  // with the dot behind it
  std::uint32_t size;
};
constexpr std::array<OctetText, 256> octet_texts = [] {
  std::array<OctetText, 256> texts{};
  for (unsigned number = 0; number < texts.size(); ++number) {
    OctetText& row = texts[number];
    if (number >= 100) row.text[row.size++] = static_cast<char>('0' + number / 100);
    if (number >= 10) row.text[row.size++] = static_cast<char>('0' + number / 10 % 10);
    row.text[row.size++] = static_cast<char>('0' + number % 10);
    row.text[row.size++] = '.';
  }
  return texts;
}();

std::size_t format_ipv4(char* out, const std::array<std::uint8_t, 16>& address) {
  char* at = out;
  for (std::size_t i = 0; i < 4; ++i) {
    const OctetText& octet = octet_texts[address[i]];
    std::memcpy(at, octet.text, sizeof(octet.text));  // as many as there can be; what is too much is overwritten
    at += octet.size;
  }
  return static_cast<std::size_t>(at - out) - 1;
}

}  // namespace


Endpoint Endpoint::unmapped() const {
  constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (family != Family::ipv6 || !std::equal(mapped_prefix.begin(), mapped_prefix.end(), address.begin())) return *this;
  Endpoint ipv4{.family = Family::ipv4, .port = port};
  std::copy(address.begin() + mapped_prefix.size(), address.end(), ipv4.address.begin());
  return ipv4;
}

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

Address Address::from_host(std::string_view host, std::uint16_t port) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (const std::optional<Endpoint> ip = Endpoint::parse_ip(host, port)) {
    return of(*ip);
  }
  return {.kind = Kind::name, .ip = {}, .text = std::string(host), .port = port};
}

std::string Address::to_string() const {
  switch (kind) {
    case Kind::ip: return ip.to_string();
    case Kind::name: return text + ":" + std::to_string(port);
    case Kind::unix_path: return "unix:" + text;
    case Kind::service: return "srv:" + text;
  }
  return {};
}

}  // namespace culvert
