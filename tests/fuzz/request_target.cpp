// If this fails, culvert and the next hop disagree on where a request wants to go.
//
// The input is a method, a blank and a target, then a Host field's value on the second line.
#include <strings.h>

#include <string>
#include <utility>

#include "base/arena.hpp"
#include "fuzz/target.hpp"
#include "wire/header_names.hpp"
#include "wire/request_target.hpp"

namespace culvert::fuzz {
namespace {

using Form = wire::RequestTarget::Form;

// As it must have been written, up to a port that is empty or has leading zeros.
std::string text_of(const wire::Authority& authority) {
  std::string out(authority.host);
  if (out.find(':') != std::string::npos) out = "[" + out + "]";
  if (authority.port != 0) out += ":" + std::to_string(authority.port);
  return out;
}

std::string with_query(std::string path, std::string_view query, std::string_view written) {
  return written.find('?') == std::string_view::npos ? path : path + "?" + std::string(query);
}

// RFC 9112 3.2.2: both name the same, whatever the case, with the port of the scheme where none is written.
bool same_place(const wire::Authority& host, const wire::RequestTarget& target) {
  const auto place = [&](const wire::Authority& authority) {
    std::string name(authority.host);
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    const bool https = target.scheme.size() == 5 && strncasecmp(target.scheme.data(), "https", 5) == 0;
    const bool http = target.scheme.size() == 4 && strncasecmp(target.scheme.data(), "http", 4) == 0;
    const int default_port = https ? 443 : http ? 80 : 0;
    return std::pair(name, authority.port != 0 ? authority.port : default_port);
  };
  return place(host) == place(target.authority);
}

void check_authority(const wire::Authority& authority) {
  EXPECT_FALSE(authority.host.empty());
  EXPECT_EQ(authority.host.find_first_of(" \t\r\n@/?#\\"), std::string_view::npos) << authority.host;
  const std::string text = text_of(authority);
  const auto again = wire::parse_host_field(text);
  ASSERT_TRUE(again) << text;
  EXPECT_EQ(again->host, authority.host);
  EXPECT_EQ(again->port, authority.port);
}

void check(std::string_view method, std::string_view text, const wire::RequestTarget& target) {
  for (const char c : text) EXPECT_TRUE(c > ' ' && c < '\x7f' && c != '#') << text;
  switch (target.form) {
    case Form::origin:
      EXPECT_EQ(text.front(), '/');
      EXPECT_EQ(with_query(std::string(target.path), target.query, text), text);
      break;
    case Form::asterisk:
      EXPECT_EQ(text, "*");
      EXPECT_EQ(method, "OPTIONS");
      break;
    case Form::authority:
      EXPECT_EQ(method, "CONNECT");
      EXPECT_NE(target.authority.port, 0);
      check_authority(target.authority);
      break;
    case Form::absolute: {
      check_authority(target.authority);
      const std::string start = std::string(target.scheme) + "://";
      ASSERT_TRUE(text.starts_with(start)) << text;
      EXPECT_TRUE(target.path.empty() || target.path.front() == '/');
      EXPECT_TRUE(text.ends_with(with_query(std::string(target.path), target.query, text))) << text;
    }
  }
}

}  // namespace

void run(std::string_view input) {
  const std::string_view line = take_line(input);
  const std::size_t blank = std::min(line.find(' '), line.size());
  const std::string_view method = line.substr(0, blank);
  const std::string_view text = line.substr(std::min(blank + 1, line.size()));
  wire::RequestTarget target;
  const bool valid = wire::parse_request_target(method, text, target) == wire::ParseError::ok;
  if (valid) check(method, text, target);

  const std::string_view host = take_line(input);
  const auto parsed = wire::parse_host_field(host);
  if (parsed) check_authority(*parsed);
  BlockPool pool;
  Arena arena(pool);
  HeaderList headers;
  headers.push(arena, {HeaderId::host, "Host", host});
  const bool differs = parsed && target.form == Form::absolute && !same_place(*parsed, target);
  const bool suits = !differs && (parsed || (host.empty() && target.authority.host.empty()));
  EXPECT_EQ(wire::judge_destination(method, text, headers) == wire::ParseError::ok, valid && suits) << text << ' ' << host;
}

}  // namespace culvert::fuzz
