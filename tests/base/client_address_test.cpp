#include "base/client_address.hpp"

#include <gtest/gtest.h>

using namespace culvert;

namespace {

std::string counted_as(const char* ip) { return client_address(*Endpoint::parse_ip(ip, 4711)).to_string(); }

TEST(ClientAddress, OfIPv4IsTheAddress) {
  EXPECT_EQ(counted_as("192.0.2.7"), "192.0.2.7:0");
  EXPECT_EQ(counted_as("192.0.2.8"), "192.0.2.8:0");
  EXPECT_EQ(counted_as("::ffff:192.0.2.7"), "192.0.2.7:0") << "which is the same client";
}

TEST(ClientAddress, OfIPv6IsTheSlash64) {
  EXPECT_EQ(counted_as("2001:db8:1:2:3:4:5:6"), "[2001:db8:1:2::]:0");
  EXPECT_EQ(counted_as("2001:db8:1:2:ffff:ffff:ffff:ffff"), "[2001:db8:1:2::]:0");
  EXPECT_EQ(counted_as("2001:db8:1:3::"), "[2001:db8:1:3::]:0");
}

TEST(ClientAddress, OfALinkIsTheLink) {
  Endpoint peer = *Endpoint::parse_ip("fe80::1", 1);
  peer.scope_id = 3;
  EXPECT_EQ(client_address(peer), client_address(*Endpoint::parse_ip("fe80::2", 2)));
}

TEST(ClientAddress, OfOthersIsWhatTheyAre) {
  EXPECT_EQ(client_address(Endpoint{}), Endpoint{});
  const Endpoint local{.family = Endpoint::Family::unix_socket};
  EXPECT_EQ(client_address(local), local);
}

}  // namespace
