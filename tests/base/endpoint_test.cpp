// If this fails, addresses are misread from the configuration or misprinted in logs and forwarding fields.
#include "culvert/endpoint.hpp"

#include <gtest/gtest.h>

namespace culvert {
namespace {

using Family = Endpoint::Family;

TEST(Endpoint, ParsesIpv4) {
  const auto endpoint = Endpoint::parse_ip("127.0.0.1", 80);
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->family, Family::ipv4);
  EXPECT_EQ(endpoint->port, 80);
  EXPECT_EQ(endpoint->address, (std::array<std::uint8_t, 16>{127, 0, 0, 1}));
  EXPECT_EQ(endpoint->ip(), "127.0.0.1");
  EXPECT_EQ(endpoint->to_string(), "127.0.0.1:80");
}

TEST(Endpoint, ParsesIpv6) {
  const auto endpoint = Endpoint::parse_ip("2001:DB8:0:0::1", 443);
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->family, Family::ipv6);
  EXPECT_EQ(endpoint->ip(), "2001:db8::1");
  EXPECT_EQ(endpoint->to_string(), "[2001:db8::1]:443");
}

TEST(Endpoint, PortIsZeroUnlessGiven) {
  const auto endpoint = Endpoint::parse_ip("::1");
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->port, 0);
}

TEST(Endpoint, RefusesEverythingElse) {
  for (const std::string_view text :
       {"", "localhost", "127.0.0.1:80", "[::1]", "127.1", "127.0.0.01", "1.2.3.4.5", "256.0.0.1", " 127.0.0.1",
        "127.0.0.1 ", "::1%lo", "1::2::3", "0x7f.0.0.1", "2130706433"}) {
    EXPECT_FALSE(Endpoint::parse_ip(text)) << text;
  }
  EXPECT_FALSE(Endpoint::parse_ip(std::string(4096, '1')));
  EXPECT_FALSE(Endpoint::parse_ip(std::string_view("127.0.0.1\0", 10)));
}

TEST(Endpoint, LongestAddressFits) {
  const std::string longest = "1111:2222:3333:4444:5555:6666:7777:8888";
  const auto endpoint = Endpoint::parse_ip(longest, 65535);
  ASSERT_TRUE(endpoint);
  char out[64];
  EXPECT_EQ(std::string(out, endpoint->format_ip(out)), longest);
}

TEST(Endpoint, PrintsPeersWithoutAnAddress) {
  Endpoint endpoint;
  EXPECT_EQ(endpoint.ip(), "");
  EXPECT_EQ(endpoint.to_string(), "");
  endpoint.family = Family::unix_socket;
  EXPECT_EQ(endpoint.ip(), "unix:");
  EXPECT_EQ(endpoint.to_string(), "unix:");
}

TEST(Address, PrintsAsTheConfigurationWritesIt) {
  Address address;
  address.ip = *Endpoint::parse_ip("::1", 8080);
  EXPECT_EQ(address.to_string(), "[::1]:8080");
  address = {Address::Kind::name, {}, "api.internal", 8000};
  EXPECT_EQ(address.to_string(), "api.internal:8000");
  address = {Address::Kind::unix_path, {}, "/run/api.sock", 0};
  EXPECT_EQ(address.to_string(), "unix:/run/api.sock");
}

TEST(Address, IsWhatAHostSays) {
  EXPECT_EQ(Address::from_host("127.0.0.1", 80).ip, *Endpoint::parse_ip("127.0.0.1", 80));
  EXPECT_EQ(Address::from_host("::1", 80).ip, *Endpoint::parse_ip("::1", 80));
  EXPECT_EQ(Address::from_host("[::1]", 80).ip, *Endpoint::parse_ip("::1", 80));
  EXPECT_EQ(Address::from_host("api.internal", 80).to_string(), "api.internal:80");
  EXPECT_EQ(Address::from_host("[]", 80).kind, Address::Kind::name);
}

}  // namespace
}  // namespace culvert
