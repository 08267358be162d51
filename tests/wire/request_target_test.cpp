// If this fails, a request goes somewhere else than its sender, or the next proxy, believes.
#include "wire/request_target.hpp"

#include <gtest/gtest.h>

#include <string>

#include "wire/parse_error.hpp"
#include "wire/text.hpp"

namespace culvert::wire {
namespace {

using Form = RequestTarget::Form;

RequestTarget parsed(std::string_view method, std::string_view text) {
  RequestTarget target;
  EXPECT_EQ(parse_request_target(method, text, target), ParseError::ok) << text;
  return target;
}

std::error_code refused(std::string_view method, std::string_view text) {
  RequestTarget target;
  return parse_request_target(method, text, target);
}

TEST(RequestTarget, OriginForm) {
  const RequestTarget target = parsed("GET", "/a/b?c=d?e");
  EXPECT_EQ(target.form, Form::origin);
  EXPECT_EQ(target.path, "/a/b");
  EXPECT_EQ(target.query, "c=d?e");
  EXPECT_TRUE(target.authority.host.empty());
  EXPECT_EQ(parsed("GET", "//a.example/").path, "//a.example/") << "a path, not an authority";
  EXPECT_EQ(parsed("OPTIONS", "/").form, Form::origin);
}

TEST(RequestTarget, AbsoluteForm) {
  RequestTarget target = parsed("GET", "http://a.example:8080/p?q");
  EXPECT_EQ(target.form, Form::absolute);
  EXPECT_EQ(target.scheme, "http");
  EXPECT_EQ(target.authority.host, "a.example");
  EXPECT_EQ(target.authority.port, 8080);
  EXPECT_EQ(target.path, "/p");
  EXPECT_EQ(target.query, "q");
  target = parsed("GET", "HTTPS://[::1]?q");
  EXPECT_EQ(target.scheme, "HTTPS");
  EXPECT_EQ(target.authority.host, "::1");
  EXPECT_EQ(target.authority.port, 0);
  EXPECT_EQ(target.path, "");
  EXPECT_EQ(target.query, "q");
}

TEST(RequestTarget, AbsoluteFormRefused) {
  for (const std::string_view text :
       {"http:/a", "http://", "http:///p", "http://u@a/", "http://u:p@a/", "http://a:0/", "http://a:65536/",
        "http://a:8a/", "http://[::1", "http://[::g]/", "http://[fe80::1%25eth0]/", "http://[v1.x]/", "http://[::1]8/",
        "1http://a/", "ht~p://a/", "://a/", "a.example", "http://a%00/", "http://a\\b/", "", "?q"}) {
    EXPECT_EQ(refused("GET", text), ParseError::HPE_INVALID_URL) << text;
  }
}

TEST(RequestTarget, AuthorityFormIsForConnectAlone) {
  const RequestTarget target = parsed("CONNECT", "a.example:443");
  EXPECT_EQ(target.form, Form::authority);
  EXPECT_EQ(target.authority.host, "a.example");
  EXPECT_EQ(target.authority.port, 443);
  EXPECT_EQ(parsed("CONNECT", "[2001:db8::1]:65535").authority.host, "2001:db8::1");
  for (const std::string_view text : {"a", "a:", "a:0", ":443", "/x", "*", "a:443/", "::1:443", "a:b:443", "a:+443"}) {
    EXPECT_EQ(refused("CONNECT", text), ParseError::target_form) << text;
  }
}

TEST(RequestTarget, AsteriskFormIsForOptionsAlone) {
  EXPECT_EQ(parsed("OPTIONS", "*").form, Form::asterisk);
  EXPECT_EQ(refused("GET", "*"), ParseError::target_form);
  EXPECT_EQ(refused("OPTIONS", "*a"), ParseError::HPE_INVALID_URL);
}

TEST(RequestTarget, CharactersRefusedEverywhere) {
  EXPECT_EQ(refused("GET", "/a#b"), ParseError::fragment_in_target);
  EXPECT_EQ(refused("CONNECT", "a:1#b"), ParseError::fragment_in_target);
  for (const std::string_view text : {"/a b", "/\t", "/\r", "/\x7f", "/\x80"}) {
    EXPECT_EQ(refused("GET", text), ParseError::HPE_INVALID_URL) << text;
  }
}

TEST(RequestTarget, HasTheCharactersOfATargetAnywhere) {
  RequestTarget target;
  for (std::size_t size = 2; size < 40; ++size) {
    for (std::size_t at = 1; at < size; ++at) {
      std::string text = "/" + std::string(size - 1, 'x');
      for (int value = 0; value < 256; ++value) {
        text[at] = static_cast<char>(value);
        const bool refused = parse_request_target("GET", text, target) != ParseError::ok;
        ASSERT_EQ(refused, value <= ' ' || value == '#' || value >= 0x7f) << value << " at " << at << " of " << size;
      }
    }
  }
}

TEST(HostField, HasTheCharactersOfAHostAnywhere) {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      for (int value = 0; value < 256; ++value) {
        text[at] = static_cast<char>(value);
        const bool port_follows = text[at] == ':' && at > 0 && at + 1 == size;
        ASSERT_EQ(parse_host_field(text).has_value(), is(host_char, text[at]) || port_follows)
            << value << " at " << at << " of " << size;
      }
    }
  }
}

TEST(HostField, PortIsFrom1To65535) {
  EXPECT_EQ(parse_host_field("a:1")->port, 1);
  EXPECT_EQ(parse_host_field("a:65535")->port, 65535);
  EXPECT_EQ(parse_host_field("a:0000000080")->port, 80);
  for (const std::string_view text : {"a:0", "a:65536", "a:4294967297", "a:18446744073709551617", "a:8 0", "a:+80"}) {
    EXPECT_FALSE(parse_host_field(text)) << text;
  }
}

TEST(HostField, HostAndPort) {
  EXPECT_EQ(parse_host_field("a.example")->host, "a.example");
  EXPECT_EQ(parse_host_field("a.example")->port, 0);
  EXPECT_EQ(parse_host_field("a_b.example:8080")->port, 8080);
  EXPECT_EQ(parse_host_field("a:")->port, 0);
  EXPECT_EQ(parse_host_field("[::1]:80")->host, "::1");
  for (const std::string_view value : {"", ":80", "a b", "a/", "u@a", "a:b", "a:1:2", "[::1", "[]", "::1", "a\x80"}) {
    EXPECT_FALSE(parse_host_field(value)) << value;
  }
  EXPECT_FALSE(parse_host_field(std::string_view("[::1\0x]", 7))) << "an address is not over at NUL";
}

}  // namespace
}  // namespace culvert::wire
