// If this fails, a request goes somewhere else than its sender, or the next proxy, believes.
#include "wire/request_target.hpp"

#include <gtest/gtest.h>

#include "wire/parse_error.hpp"

namespace culvert::wire {
namespace {

using Form = RequestTarget::Form;

RequestTarget parsed(std::string_view method, std::string_view text) {
  RequestTarget target;
  EXPECT_FALSE(parse_request_target(method, text, target)) << text;
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

TEST(HostField, HostAndPort) {
  EXPECT_EQ(parse_host_field("a.example")->host, "a.example");
  EXPECT_EQ(parse_host_field("a.example")->port, 0);
  EXPECT_EQ(parse_host_field("a_b.example:8080")->port, 8080);
  EXPECT_EQ(parse_host_field("a:")->port, 0);
  EXPECT_EQ(parse_host_field("[::1]:80")->host, "::1");
  for (const std::string_view value : {"", ":80", "a b", "a/", "u@a", "a:b", "a:1:2", "[::1", "[]", "::1", "a\x80"}) {
    EXPECT_FALSE(parse_host_field(value)) << value;
  }
}

}  // namespace
}  // namespace culvert::wire
