// What would break: a rule would let through what it forbids, or the address that is judged would not be the one that counts.
#include "proxy/access_policy.hpp"

#include <gtest/gtest.h>

#include "config/addresses.hpp"

namespace culvert::proxy {
namespace {

using config::TunnelRule;

// Some of whose addresses are the machine's own.
struct FakeNetwork final : Connector {
  Result<std::unique_ptr<Transport>> connect(const Address&, const ConnectOptions&) override {
    return std::make_error_code(std::errc::network_unreachable);
  }
  bool is_local(const Endpoint& address) const override { return address.ip() == "198.41.0.4"; }
};

TunnelRule rule(bool allow, std::vector<std::string_view> targets) {
  TunnelRule rule;
  rule.name = allow ? "allow" : "deny";
  rule.allow = allow;
  for (const std::string_view target : targets) rule.targets.push_back(*config::parse_tunnel_target(target));
  return rule;
}

Endpoint at(std::string_view address, std::uint16_t port = 443) { return *Endpoint::parse_ip(address, port); }

struct AccessPolicyTest : ::testing::Test {
  Verdict judge(std::string_view host, std::uint16_t port = 443) {
    return policy().judge({.host = host, .port = port, .plain_http = plain_http, .client = client, .user = user});
  }
  Verdict judge(std::string_view host, std::vector<Endpoint> addresses, std::uint16_t port = 443) {
    for (Endpoint& address : addresses) address.port = port;
    return policy().judge({.host = host, .port = port, .plain_http = plain_http, .client = client, .user = user}, addresses,
                          network);
  }
  AccessPolicy& policy() {
    kept = make_ref<AccessPolicy>(tunnel, own);
    return *kept;
  }

  config::Tunnel tunnel;
  std::vector<Endpoint> own;
  FakeNetwork network;
  Ref<AccessPolicy> kept;
  Endpoint client = at("192.0.2.7");
  std::string_view user;
  bool plain_http = false;
};

TEST_F(AccessPolicyTest, WithoutRulesOnlyTheUsualPorts) {
  tunnel.default_allow = true;
  EXPECT_EQ(judge("a.test").reason, Reason::none);
  EXPECT_EQ(judge("a.test", 80).reason, Reason::destination_port_denied);
  EXPECT_EQ(judge("a.test", 22).reason, Reason::destination_port_denied);
  plain_http = true;
  EXPECT_EQ(judge("a.test", 80).reason, Reason::none);
  EXPECT_EQ(judge("a.test", 443).reason, Reason::destination_port_denied);
}

TEST_F(AccessPolicyTest, TheFirstRuleThatMatchesDecides) {
  tunnel.rules = {rule(true, {"www.a.test:443"}), rule(false, {"*.a.test:*"}), rule(true, {"*:443"})};
  tunnel.rules[0].name = "first";
  EXPECT_EQ(judge("www.a.test").rule->name, "first");
  EXPECT_EQ(judge("ftp.a.test").reason, Reason::destination_denied);
  EXPECT_EQ(judge("ftp.a.test").rule->name, "deny");
  EXPECT_EQ(judge("a.test").reason, Reason::none) << "*.a.test is what is below it";
  EXPECT_EQ(judge("b.test").rule->name, "allow");
  EXPECT_EQ(judge("b.test", 80).reason, Reason::destination_denied) << "the default";
}

TEST_F(AccessPolicyTest, ARuleIsForSomeUsersAndClients) {
  tunnel.rules = {rule(true, {"*:443"})};
  tunnel.rules[0].users = {"ann", "bob"};
  EXPECT_EQ(judge("a.test").reason, Reason::destination_denied);
  user = "bob";
  EXPECT_EQ(judge("a.test").reason, Reason::none);
  tunnel.rules[0].clients = {{at("192.0.2.0", 0), 25}};
  EXPECT_EQ(judge("a.test").reason, Reason::none);
  client = at("192.0.2.128");
  EXPECT_EQ(judge("a.test").reason, Reason::destination_denied);
}

TEST_F(AccessPolicyTest, ARuleAboutNetworksWaitsForTheAddresses) {
  tunnel.default_allow = true;
  tunnel.rules = {rule(false, {"198.41.0.0/16:*"}), rule(true, {"1.0.0.0/8:443"})};
  EXPECT_TRUE(judge("a.test").needs_addresses);
  EXPECT_EQ(judge("a.test", {at("8.8.8.8"), at("198.41.0.1")}).reason, Reason::destination_denied) << "one is enough";
  EXPECT_EQ(judge("a.test", {at("1.1.1.1")}).rule->name, "allow");
  EXPECT_EQ(judge("a.test", {at("1.1.1.1"), at("8.8.8.8")}).rule, nullptr) << "one outside is enough";
}

TEST_F(AccessPolicyTest, AnAddressThatIsNotPublicRefusesAllOfThem) {
  tunnel.rules = {rule(true, {"*:*"})};
  EXPECT_EQ(judge("a.test", {at("8.8.8.8")}).reason, Reason::none);
  const Verdict mixed = judge("a.test", {at("8.8.8.8"), at("10.0.0.1")});
  EXPECT_EQ(mixed.reason, Reason::destination_not_public);
  EXPECT_EQ(mixed.detail, "private");
}

TEST_F(AccessPolicyTest, PrivateNetworksAreOpenedAllOrOneByOne) {
  tunnel.rules = {rule(true, {"*:*"})};
  tunnel.private_networks.networks = {{at("10.0.0.0", 0), 8}};
  EXPECT_EQ(judge("a.test", {at("10.0.0.1"), at("8.8.8.8")}).reason, Reason::none);
  EXPECT_EQ(judge("a.test", {at("192.168.0.1")}).reason, Reason::destination_not_public);
  tunnel.private_networks.allow_all = true;
  EXPECT_EQ(judge("a.test", {at("192.168.0.1")}).reason, Reason::none);
  tunnel.rules[0].private_networks.emplace();
  EXPECT_EQ(judge("a.test", {at("10.0.0.1")}).reason, Reason::destination_not_public) << "the rule's own word counts";
}

TEST_F(AccessPolicyTest, MetadataServicesAreOpenedByNameOnly) {
  tunnel.rules = {rule(true, {"*:*"})};
  tunnel.private_networks.allow_all = true;
  EXPECT_EQ(judge("a.test", {at("169.254.169.254")}).reason, Reason::destination_not_public);
  EXPECT_EQ(judge("a.test", {at("fd00:ec2::254")}).reason, Reason::destination_not_public);
  tunnel.private_networks.networks = {{at("169.254.169.254", 0), 32}};
  EXPECT_EQ(judge("a.test", {at("169.254.169.254")}).reason, Reason::none);
}

TEST_F(AccessPolicyTest, CulvertItselfIsNeverReached) {
  tunnel.rules = {rule(true, {"*:*"})};
  tunnel.private_networks.allow_all = true;
  own = {at("127.0.0.1", 3128), at("0.0.0.0", 8080)};
  EXPECT_EQ(judge("a.test", {at("127.0.0.1")}, 3128).reason, Reason::destination_is_culvert);
  EXPECT_EQ(judge("a.test", {at("::ffff:127.0.0.1")}, 3128).reason, Reason::destination_is_culvert);
  EXPECT_EQ(judge("a.test", {at("127.0.0.2")}, 3128).reason, Reason::none);
  EXPECT_EQ(judge("a.test", {at("198.41.0.4")}, 8080).reason, Reason::destination_is_culvert) << "it listens on all of them";
  EXPECT_EQ(judge("a.test", {at("8.8.8.8")}, 8080).reason, Reason::none);
}

TEST(KindOfHost, TellsAddressesNamesAndWhatIsNeither) {
  EXPECT_EQ(kind_of_host("127.0.0.1", 1).address, at("127.0.0.1", 1));
  EXPECT_EQ(kind_of_host("::1", 1).address, at("::1", 1));
  for (const std::string_view name : {"a", "a.test", "a.test.", "1.example", "0x7f.example", "1a"}) {
    EXPECT_FALSE(kind_of_host(name, 1).ambiguous) << name;
    EXPECT_EQ(kind_of_host(name, 1).address.family, Endpoint::Family::none) << name;
  }
  for (const std::string_view neither : {"1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.0x1", "127.0.0.1.",
                                         "a.1", "127.0.0.256", "1.2.3.4.5", "."}) {
    EXPECT_TRUE(kind_of_host(neither, 1).ambiguous) << neither;
  }
}

}  // namespace
}  // namespace culvert::proxy
