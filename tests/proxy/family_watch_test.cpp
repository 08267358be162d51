// What would break: a network in which one family of addresses leads nowhere would cost requests seconds, or a family that
// works again would never be used again.
#include "proxy/family_watch.hpp"

#include <gtest/gtest.h>

#include "support/scripted_connector.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;

class FamilyWatchTest : public ::testing::Test, private FamilyWatch::Owner {
 protected:
  void on_families() noexcept override { ++told; }
  void pass(Duration time) {
    world.advance(time);
    world.settle();
  }
  // "4", "6", "46", or nothing.
  std::string used() const { return std::string(watch.uses(v4) ? "4" : "") + (watch.uses(v6) ? "6" : ""); }
  // Until the next look must have been.
  void pass_a_look() { pass(FamilyWatch::interval * 11 / 10 + 1ms); }

  const Endpoint v4 = *Endpoint::parse_ip("192.0.2.1", 80);
  const Endpoint v6 = *Endpoint::parse_ip("2001:db8::1", 80);
  const Endpoint other_v4 = *Endpoint::parse_ip("192.0.2.2", 80);
  test::World world{test::World::Kind::memory};
  test::ScriptedConnector network{world};
  FamilyWatch watch{{world.loop(), network, {}, 3s}, "", static_cast<FamilyWatch::Owner&>(*this)};
  int told = 0;
};

TEST_F(FamilyWatchTest, OneFamilyIsUsedAsItIs) {
  watch.set({v4, other_v4});
  pass(1min);
  EXPECT_TRUE(watch.uses(v4));
  EXPECT_TRUE(watch.uses(other_v4));
  EXPECT_FALSE(watch.failed(v4));
  EXPECT_TRUE(watch.uses(v4));
  EXPECT_TRUE(network.asked.empty()) << "nobody is bothered";
}

TEST_F(FamilyWatchTest, WhereBothAnswerBothAreUsed) {
  network.standing = {v4.ip(), v6.ip()};
  watch.set({v6, v4});
  EXPECT_EQ(used(), "") << "until it is known";
  EXPECT_EQ(told, 0) << "from inside";
  world.settle();
  EXPECT_EQ(used(), "46");
  EXPECT_EQ(network.asked, (std::vector<std::string>{v6.ip(), v4.ip()}));
  pass(1min);
  EXPECT_EQ(network.asked.size(), 2u) << "and nobody is asked again";
}

TEST_F(FamilyWatchTest, ABlackHoleCostsAQuarterOfASecondOnce) {
  network.standing = {v4.ip()};
  watch.set({v6, v4});
  pass(249ms);
  EXPECT_EQ(used(), "");
  pass(2ms);
  EXPECT_EQ(used(), "4");
  EXPECT_EQ(told, 1);
  pass(1min);
  EXPECT_EQ(used(), "4");
}

TEST_F(FamilyWatchTest, TheFamilyThatWasBlackIsUsedWhenItAnswers) {
  network.standing = {v4.ip()};
  watch.set({v6, v4});
  pass(251ms);
  pass_a_look();
  EXPECT_EQ(used(), "4");
  network.standing.insert(v6.ip());
  pass_a_look();
  EXPECT_EQ(used(), "46");
  EXPECT_EQ(told, 2);
}

TEST_F(FamilyWatchTest, ARefusalIsFollowedAtOnce) {
  network.standing = {v4.ip()};
  network.refusing = {v6.ip()};
  watch.set({v6, v4});
  world.settle();
  EXPECT_EQ(used(), "4");
}

TEST_F(FamilyWatchTest, WhereNobodyAnswersBothAreUsed) {
  watch.set({v6, v4});
  pass(251ms);
  EXPECT_EQ(used(), "");
  pass(3s);
  EXPECT_EQ(used(), "46") << "requests find out why";
  EXPECT_EQ(told, 1);
}

TEST_F(FamilyWatchTest, OneThatFailsLaterIsLookedAt) {
  network.standing = {v4.ip(), v6.ip()};
  watch.set({v6, v4});
  world.settle();
  network.standing = {v4.ip()};
  EXPECT_TRUE(watch.failed(v6));
  EXPECT_EQ(used(), "4");
  EXPECT_EQ(told, 2) << "whoever says so knows";
  EXPECT_FALSE(watch.failed(v4));
  EXPECT_EQ(used(), "4") << "there is no other";
  pass_a_look();
  EXPECT_EQ(used(), "4");
  network.standing.insert(v6.ip());
  pass_a_look();
  EXPECT_EQ(used(), "46");
}

TEST_F(FamilyWatchTest, WhatIsKnownOutlivesNewAddresses) {
  network.standing = {v4.ip(), other_v4.ip()};
  watch.set({v6, v4});
  pass(251ms);
  watch.set({v6, other_v4});
  EXPECT_EQ(used(), "4");
  EXPECT_TRUE(watch.uses(other_v4));
}

TEST_F(FamilyWatchTest, AFamilyThatIsNewHasToAnswerFirst) {
  watch.set({v4});
  network.standing = {v6.ip()};
  watch.set({v4, v6});
  EXPECT_EQ(used(), "4");
  world.settle();
  EXPECT_EQ(used(), "46");
  watch.set({v6});
  watch.set({v4, v6});
  EXPECT_EQ(used(), "6");
}

TEST_F(FamilyWatchTest, OneThatIsStoppedLooksAtNothing) {
  network.standing = {v4.ip()};
  watch.set({v6, v4});
  pass(251ms);
  EXPECT_EQ(used(), "4");
  watch.stop();
  EXPECT_EQ(used(), "4") << "requests that are under way are not to find out anew";
  const std::size_t asked = network.asked.size();
  pass(1min);
  EXPECT_EQ(network.asked.size(), asked);
  EXPECT_EQ(told, 1);
}

TEST_F(FamilyWatchTest, ARaceIsRunToItsEnd) {
  network.standing = {v4.ip()};
  watch.set({v6, v4});
  watch.stop();
  EXPECT_EQ(used(), "");
  pass(251ms);
  EXPECT_EQ(used(), "4");
  EXPECT_EQ(told, 1) << "for those who wait";
  const std::size_t asked = network.asked.size();
  pass(1min);
  EXPECT_EQ(network.asked.size(), asked);
}

}  // namespace
}  // namespace culvert::proxy
