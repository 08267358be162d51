// What would break: a name that is not allowed would be asked for, or another address dialled than the one that was judged.
#include "proxy/passage.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "config/addresses.hpp"
#include "proxy/scripted_resolver.hpp"
#include "support/held_connect.hpp"
#include "support/world.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;

// The world's peers, wherever one wants to go.
class Anywhere final : public Connector {
 public:
  explicit Anywhere(test::World& world) : world_(world) {}
  Result<std::unique_ptr<Transport>> connect(const Address& address, const ConnectOptions&) override {
    dialled.push_back(address.to_string());
    if (!answers) return std::unique_ptr<Transport>(std::make_unique<test::HeldConnect>(world_.connect().first));
    return std::unique_ptr<Transport>(world_.connect().first);
  }
  std::vector<std::string> dialled;
  bool answers = true;

 private:
  test::World& world_;
};

struct PassageTest : ::testing::Test, Passage::Owner, Watcher {
  void on_passage() noexcept override {
    ++told;
    stream = passage->take_stream();
    if (stream != nullptr) stream->attach(*this);
  }
  void on_ready(Ready) noexcept override {}
  void go(std::string_view host, std::uint16_t port = 443) {
    const Passage::World needs{world.loop(), network, resolver, places};
    policy = make_ref<AccessPolicy>(tunnel, std::vector<Endpoint>());
    passage.emplace(needs, policy, *this, host, port, false, client);
    at_once = passage->begin({});
    world.settle();
  }
  void allow(std::string_view target) {
    config::TunnelRule& rule = tunnel.rules.emplace_back();
    rule.allow = true;
    rule.targets.push_back(*config::parse_tunnel_target(target));
  }
  void pass(std::chrono::milliseconds time) {
    world.advance(time);
    world.settle();
  }
  Reason reason() { return passage->failure().reason; }

  Endpoint client = *Endpoint::parse_ip("192.0.2.7");
  test::World world{test::World::Kind::memory};
  ScriptedResolver resolver;
  Anywhere network{world};
  TunnelPlaces places;
  config::Tunnel tunnel;
  Ref<AccessPolicy> policy;
  std::optional<Passage> passage;
  std::unique_ptr<Transport> stream;
  bool at_once = false;
  int told = 0;
};

TEST_F(PassageTest, NamesThatAreNotAllowedAreNotAskedFor) {
  allow("*.good.test:443");
  go("secret-data.evil.test");
  EXPECT_TRUE(at_once);
  EXPECT_EQ(reason(), Reason::destination_denied);
  EXPECT_EQ(resolver.names, std::vector<std::string>());
}

TEST_F(PassageTest, TheAddressThatWasJudgedIsDialledAndNobodyIsAskedAgain) {
  allow("*.good.test:443");
  go("WWW.Good.Test.");
  EXPECT_FALSE(at_once);
  ASSERT_EQ(resolver.names, std::vector<std::string>{"www.good.test"});
  resolver.answer({"198.41.0.4"});
  world.settle();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(reason(), Reason::none);
  EXPECT_NE(stream, nullptr);
  EXPECT_EQ(network.dialled, std::vector<std::string>{"198.41.0.4:443"});
  EXPECT_EQ(resolver.names.size(), 1u);
}

TEST_F(PassageTest, MixedAnswersAreRefused) {
  allow("*.good.test:443");
  go("www.good.test");
  resolver.answer({"198.41.0.4", "::ffff:10.0.0.1"});
  world.settle();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(reason(), Reason::destination_not_public);
  EXPECT_EQ(network.dialled, std::vector<std::string>());
}

TEST_F(PassageTest, MappedAddressesAreDialledAsWhatTheyAre) {
  allow("*:443");
  go("::ffff:198.41.0.4");
  EXPECT_EQ(network.dialled, std::vector<std::string>{"198.41.0.4:443"});
}

TEST_F(PassageTest, ANameWithoutAddressIsSaidToHaveNone) {
  allow("*:443");
  go("www.good.test");
  resolver.answer({});
  EXPECT_EQ(told, 1);
  EXPECT_EQ(reason(), Reason::upstream_name_not_found);
}

TEST_F(PassageTest, ANameThatIsNotLookedUpInTimeIsGivenUp) {
  allow("*:443");
  tunnel.connect_timeout = 200ms;
  go("www.good.test");
  pass(199ms);
  EXPECT_EQ(told, 0);
  pass(100ms);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(reason(), Reason::upstream_name_timeout);
  resolver.answer({"198.41.0.4"});
  world.settle();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(network.dialled, std::vector<std::string>());
}

TEST_F(PassageTest, LookupAndConnectionHaveOneLimitTogether) {
  allow("*:443");
  tunnel.connect_timeout = 200ms;
  network.answers = false;
  go("www.good.test");
  pass(150ms);
  resolver.answer({"198.41.0.4"});
  world.settle();
  EXPECT_EQ(network.dialled.size(), 1u);
  EXPECT_EQ(told, 0);
  pass(100ms);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(reason(), Reason::upstream_connect_timeout);
}

TEST_F(PassageTest, AnIPv6NetworkIsOneClient) {
  allow("*:443");
  tunnel.max_tunnels_per_client = 1;
  TunnelPlaces::Place neighbours;
  ASSERT_EQ(places.take(tunnel, "2001:db8::", TunnelPlaces::Use::tunnel, world.loop().now(), neighbours), Reason::none);
  client = *Endpoint::parse_ip("2001:db8::7");
  go("www.good.test");
  EXPECT_EQ(reason(), Reason::client_tunnels_exhausted);
  client = *Endpoint::parse_ip("2001:db8:0:1::7");
  go("www.good.test");
  EXPECT_FALSE(at_once) << "another network has a place";
}

TEST_F(PassageTest, DroppedItTakesNoPlaceAndTellsNothing) {
  allow("*:443");
  tunnel.max_tunnels = 1;
  go("www.good.test");
  passage.reset();
  resolver.answer({"198.41.0.4"});
  world.settle();
  EXPECT_EQ(told, 0);
  TunnelPlaces::Place place;
  EXPECT_EQ(places.take(tunnel, "a", TunnelPlaces::Use::tunnel, world.loop().now(), place), Reason::none);
}

}  // namespace
}  // namespace culvert::proxy
