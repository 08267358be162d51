// If this fails, rules about client addresses and trusted proxies let in the wrong peers.
#include "config/network.hpp"

#include <gtest/gtest.h>

namespace culvert::config {
namespace {

Network network(std::string_view base, std::uint8_t prefix) { return {*Endpoint::parse_ip(base), prefix}; }
bool contains(const Network& in, std::string_view address) { return in.contains(*Endpoint::parse_ip(address, 1234)); }

TEST(Network, BordersOfAnIpv4Prefix) {
  const Network net = network("10.20.16.0", 20);
  EXPECT_TRUE(contains(net, "10.20.16.0"));
  EXPECT_TRUE(contains(net, "10.20.31.255"));
  EXPECT_FALSE(contains(net, "10.20.15.255"));
  EXPECT_FALSE(contains(net, "10.20.32.0"));
}

TEST(Network, WholeAddressAndNothing) {
  EXPECT_TRUE(contains(network("127.0.0.1", 32), "127.0.0.1"));
  EXPECT_FALSE(contains(network("127.0.0.1", 32), "127.0.0.2"));
  EXPECT_TRUE(contains(network("0.0.0.0", 0), "255.255.255.255"));
  EXPECT_TRUE(contains(network("::", 0), "ffff::"));
  EXPECT_TRUE(contains(network("::1", 128), "::1"));
  EXPECT_FALSE(contains(network("::1", 128), "::2"));
}

TEST(Network, BordersOfAnIpv6Prefix) {
  const Network net = network("fd00::", 9);
  EXPECT_TRUE(contains(net, "fd7f:ffff::1"));
  EXPECT_FALSE(contains(net, "fd80::"));
}

TEST(Network, FamiliesDoNotMix) {
  EXPECT_FALSE(contains(network("0.0.0.0", 0), "::1"));
  EXPECT_FALSE(contains(network("::", 0), "127.0.0.1"));
}

TEST(Network, MappedAddressCountsAsIpv4) {
  EXPECT_TRUE(contains(network("10.0.0.0", 8), "::ffff:10.1.2.3"));
  EXPECT_FALSE(contains(network("10.0.0.0", 8), "::ffff:11.1.2.3"));
  EXPECT_FALSE(contains(network("10.0.0.0", 8), "::10.1.2.3"));
  EXPECT_FALSE(contains(network("::", 0), "::ffff:10.1.2.3"));
}

TEST(Network, UnixPeersAreInNone) {
  Endpoint peer;
  peer.family = Endpoint::Family::unix_socket;
  EXPECT_FALSE(network("0.0.0.0", 0).contains(peer));
  EXPECT_FALSE(network("::", 0).contains(peer));
  EXPECT_FALSE(Network{}.contains(Endpoint{}));
}

}  // namespace
}  // namespace culvert::config
