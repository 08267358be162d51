// If this fails, a tunnel leads elsewhere than the target of its CONNECT says: the rules judge another host or port.
//
// The input is the target. A reading of its own, by characters, must come to the same host and port.
#include <arpa/inet.h>

#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "fuzz/target.hpp"
#include "wire/request_target.hpp"

namespace culvert::fuzz {
namespace {

bool is_ipv6(const std::string& text) {
  in6_addr address;
  return text.find('\0') == std::string::npos && inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

// unreserved, sub-delims and percent-encoded bytes (RFC 3986 3.2.2); which "%" are right, is not asked here.
bool is_reg_name(const std::string& text) {
  for (const char c : text) {
    const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    if (!letter && !(c >= '0' && c <= '9') && std::string_view("-._~!$&'()*+,;=%").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return !text.empty();
}

std::optional<std::pair<std::string, int>> host_and_port(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = text.substr(0, colon);
  const std::string digits = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!is_ipv6(host)) return std::nullopt;
  } else if (!is_reg_name(host)) {
    return std::nullopt;
  }
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  int port = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (read.ec != std::errc() || port < 1 || port > 65535) return std::nullopt;
  return std::pair(host, port);
}

}  // namespace

void run(std::string_view input) {
  wire::RequestTarget target;
  const bool valid = wire::parse_request_target("CONNECT", input, target) == wire::ParseError::ok;
  const auto expected = host_and_port(std::string(input));
  if (!valid) return;  // it may refuse more: "%" that encode nothing, for example
  ASSERT_TRUE(expected) << input;
  EXPECT_EQ(target.authority.host, expected->first);
  EXPECT_EQ(target.authority.port, expected->second);
  EXPECT_EQ(target.form, wire::RequestTarget::Form::authority);
  EXPECT_TRUE(target.path.empty() && target.query.empty() && target.scheme.empty());
}

}  // namespace culvert::fuzz
