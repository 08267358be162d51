// If this fails, culvert listens on or connects to another place than the file says.
#include "config/addresses.hpp"

#include <gtest/gtest.h>

namespace culvert::config {
namespace {

std::string listen_on(std::string_view text) {
  const auto parsed = parse_listen_address(text);
  if (!parsed) return parsed.wrong()->code;
  std::string out;
  for (const Address& address : *parsed) out += (out.empty() ? "" : " ") + address.to_string();
  return out;
}

std::string connect_to(std::string_view text) {
  const auto parsed = parse_server_address(text);
  return parsed ? parsed->to_string() : parsed.wrong()->code;
}

TEST(ListenAddress, ReadsEveryForm) {
  EXPECT_EQ(listen_on("127.0.0.1:8080"), "127.0.0.1:8080");
  EXPECT_EQ(listen_on("[::1]:1"), "[::1]:1");
  EXPECT_EQ(listen_on("0.0.0.0:65535"), "0.0.0.0:65535");
  EXPECT_EQ(listen_on("unix:/run/web.sock"), "unix:/run/web.sock");
  EXPECT_EQ(listen_on(":80"), "0.0.0.0:80 [::]:80");
  EXPECT_EQ(listen_on("fd:web"), "");  // known only when the socket is passed in
}

TEST(ListenAddress, RefusesEverythingElse) {
  for (const std::string_view text : {"", "80", "localhost:80", "*:80", "::1", "[]:80", "[::1]", "[127.0.0.1]:80",
                                      "http://127.0.0.1:80", "unix:", "fd:", "fd:a:b", "fd:a b", "127.0.0.1", "1.2.3.4:5:6"}) {
    EXPECT_EQ(listen_on(text), "bad-address") << text;
  }
  for (const std::string_view text :
       {":0", ":65536", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:-1", "[::1]:99999999999"}) {
    EXPECT_EQ(listen_on(text), "bad-port") << text;
  }
}

TEST(ServerAddress, ReadsEveryForm) {
  EXPECT_EQ(connect_to("10.0.0.11:8000"), "10.0.0.11:8000");
  EXPECT_EQ(connect_to("[2001:db8::1]:80"), "[2001:db8::1]:80");
  EXPECT_EQ(connect_to("api.internal:8000"), "api.internal:8000");
  EXPECT_EQ(connect_to("unix:/run/api.sock"), "unix:/run/api.sock");
  EXPECT_EQ(connect_to("http://api.internal"), "api.internal:80");
  EXPECT_EQ(connect_to("http://[::1]"), "[::1]:80");
  EXPECT_EQ(connect_to("http://127.0.0.1:3000"), "127.0.0.1:3000");
  EXPECT_EQ(connect_to("https://api.internal"), "api.internal:443");
}

TEST(ServerAddress, RefusesEverythingElse) {
  for (const std::string_view text :
       {"", "api", "10.0.0.1", "::1", ":80", "a b:80", "-:", ".a:80", "[x]:80", "[1.2.3.4]:80"}) {
    EXPECT_TRUE(connect_to(text).starts_with("bad-")) << text;
  }
  for (const std::string_view text :
       {"ftp://a:1", "://a:1", "http://", "http://:80", "http://a/", "http://a?b", "http://u@a"}) {
    EXPECT_EQ(connect_to(text), "bad-url") << text;
  }
  EXPECT_EQ(connect_to("http://a:0"), "bad-port");
}

TEST(Service, IsNamedAsItsRecordsAre) {
  EXPECT_EQ(connect_to("srv:_http._tcp.api.internal"), "srv:_http._tcp.api.internal");
  EXPECT_EQ(parse_server_address("srv:_http._tcp.api")->kind, Address::Kind::service);
  EXPECT_EQ(connect_to("srv:80"), "srv:80");
  EXPECT_EQ(parse_server_address("srv:80")->kind, Address::Kind::name) << "a host of that name";
  for (const std::string_view text :
       {"srv:", "srv:api.internal", "srv:_http.api.internal", "srv:_http._tcp", "srv:_http._tcp.", "srv:_._tcp.api",
        "srv:_http._tcp.a b", "srv:_http._tcp..api", "srv:_http._tcp.api:80", "srv:_http._tcp.api:"}) {
    EXPECT_EQ(connect_to(text), "bad-address") << text;
  }
  EXPECT_EQ(connect_to("http://srv:_http._tcp.api"), "bad-url") << "URLs name hosts";
  EXPECT_EQ(parse_parent("http://srv:_http._tcp.api").wrong()->code, "bad-port");
}

TEST(UnixPath, FitsIntoItsAddress) {
  EXPECT_TRUE(parse_server_address("unix:/" + std::string(106, 'a')));
  EXPECT_FALSE(parse_server_address("unix:/" + std::string(107, 'a')));
  EXPECT_FALSE(parse_listen_address("unix:/" + std::string(107, 'a')));
}

TEST(TunnelTarget, IsHostAndPort) {
  for (const std::string_view text : {"*.example.com:443", "10.30.0.15:5432", "[2001:db8::1]:22", "*:443", "a.b:*",
                                      "10.0.0.0/8:1-65535", "[fd00::/8]:*"}) {
    EXPECT_TRUE(parse_tunnel_target(text)) << text;
  }
  for (const std::string_view text :
       {"", "a", "*", "a:", "a:0", "a:b", "::1", "[a]:1", "[1.2.3.4]:1", "a*:1", "https://a:1", "a:2-1", "a:1-", "a:-1",
        "a:1-65536", "10.0.0.1/8:443", "10.0.0.0/33:1", "[2001:db8::/129]:1", "*.:1"}) {
    EXPECT_FALSE(parse_tunnel_target(text)) << text;
  }
}

TEST(TunnelTarget, SaysWhatItMeans) {
  const TunnelTarget below = *parse_tunnel_target("*.Example.com:443");
  EXPECT_EQ(below.host, (HostPattern{".example.com", true}));
  EXPECT_EQ(below.ports, (PortRange{443, 443}));
  EXPECT_FALSE(below.network);
  const TunnelTarget any = *parse_tunnel_target("*:80-90");
  EXPECT_EQ(any.host, (HostPattern{"", true}));
  EXPECT_EQ(any.ports, (PortRange{80, 90}));
  const TunnelTarget inside = *parse_tunnel_target("10.0.0.0/8:*");
  EXPECT_EQ(inside.network, *parse_network("10.0.0.0/8"));
  EXPECT_EQ(inside.ports, (PortRange{0, 65535}));
  EXPECT_EQ(parse_tunnel_target("[2001:db8::1]:22")->network, *parse_network("2001:db8::1"));
}

}  // namespace
}  // namespace culvert::config
