// What would break: a stranger would reach what only this machine and its neighbours may.
#include "proxy/special_addresses.hpp"

#include <gtest/gtest.h>

namespace culvert::proxy {
namespace {

std::string_view range_of(std::string_view address) {
  const SpecialRange* range = special_range(*Endpoint::parse_ip(address));
  return range == nullptr ? std::string_view() : range->name;
}

TEST(SpecialAddresses, EachRangeFromItsFirstToItsLast) {
  const struct {
    std::string_view first, last, name;
  } cases[] = {{"0.0.0.0", "0.255.255.255", "this network"},
               {"10.0.0.0", "10.255.255.255", "private"},
               {"100.64.0.0", "100.127.255.255", "carrier-grade NAT"},
               {"127.0.0.0", "127.255.255.255", "loopback"},
               {"169.254.0.0", "169.254.255.255", "link-local"},
               {"172.16.0.0", "172.31.255.255", "private"},
               {"192.0.0.0", "192.0.0.255", "protocol assignments"},
               {"192.0.2.0", "192.0.2.255", "documentation"},
               {"192.168.0.0", "192.168.255.255", "private"},
               {"198.18.0.0", "198.19.255.255", "benchmarks"},
               {"198.51.100.0", "198.51.100.255", "documentation"},
               {"203.0.113.0", "203.0.113.255", "documentation"},
               {"224.0.0.0", "239.255.255.255", "multicast"},
               {"240.0.0.0", "255.255.255.255", "reserved"},
               {"::2", "::ffff:ffff", "IPv4-compatible"},
               {"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local NAT64"},
               {"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "protocol assignments"},
               {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"},
               {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique local"},
               {"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"},
               {"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"}};
  for (const auto& each : cases) {
    EXPECT_EQ(range_of(each.first), each.name) << each.first;
    EXPECT_EQ(range_of(each.last), each.name) << each.last;
  }
}

TEST(SpecialAddresses, TheirNeighboursArePublic) {
  for (const std::string_view address :
       {"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
        "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
        "198.20.0.0", "223.255.255.255", "2001:200::", "2606:4700::1111", "fbff::1", "64:ff9b:2::1"}) {
    EXPECT_EQ(range_of(address), "") << address;
  }
}

TEST(SpecialAddresses, AnIPv4AddressInAnIPv6AddressCounts) {
  for (const std::string_view address : {"::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::", "2002:7f00:0001:1::1",
                                         "2606:4700::5efe:127.0.0.1", "2606:4700::200:5efe:127.0.0.1"}) {
    EXPECT_EQ(range_of(address), "loopback") << address;
  }
  for (const std::string_view address : {"::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::"}) {
    EXPECT_EQ(range_of(address), "") << address;
  }
}

TEST(SpecialAddresses, MetadataServicesAreMarked) {
  for (const std::string_view address : {"169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192",
                                         "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"}) {
    const SpecialRange* range = special_range(*Endpoint::parse_ip(address));
    ASSERT_NE(range, nullptr) << address;
    EXPECT_TRUE(range->metadata) << address;
  }
  EXPECT_FALSE(special_range(*Endpoint::parse_ip("169.254.169.253"))->metadata);
}

}  // namespace
}  // namespace culvert::proxy
