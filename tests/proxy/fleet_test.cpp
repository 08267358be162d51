// If these fail, a server that is broken keeps getting requests, one hiccup takes a site down, or retries make an overload worse.
#include "proxy/fleet.hpp"

#include <gtest/gtest.h>

#include <string>

#include "proxy/retry_budget.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;

class FleetTest : public ::testing::Test {
 protected:
  std::shared_ptr<BackendState> backend(int number) { return fleet->backend("10.0.0." + std::to_string(number) + ":80"); }
  bool fails_often(BackendState& state) {
    bool out = false;
    for (std::uint32_t i = 0; i < rules.consecutive_failures; ++i) out = fleet->failed(state, rules, now) || out;
    return out;
  }

  Fleets fleets{2};
  std::shared_ptr<Fleet> fleet = fleets.fleet("api");
  config::Outlier rules;
  TimePoint now = TimePoint(1h);
};

using Ejecting = FleetTest;
using Reserve = FleetTest;

TEST_F(FleetTest, AllWhoAskForAnAddressGetTheSame) {
  EXPECT_EQ(fleets.fleet("api"), fleet);
  EXPECT_NE(fleets.fleet("other"), fleet);
  const auto one = backend(1);
  EXPECT_EQ(backend(1), one);
  EXPECT_NE(backend(2), one);
}

TEST_F(FleetTest, WhatNobodyKeepsIsForgotten) {
  rules.max_ejected_percent = 100;
  fails_often(*backend(1));
  EXPECT_EQ(backend(1)->failures_in_a_row(), 0u);
}

TEST_F(FleetTest, WorkersCountOnLinesOfTheirOwn) {
  const auto one = backend(1);
  one->share(0).under_way.add(2);
  one->share(1).under_way.add(3);
  EXPECT_EQ(one->under_way(), 5u);
  EXPECT_GE(reinterpret_cast<char*>(&one->share(1)) - reinterpret_cast<char*>(&one->share(0)), 64);
  one->share(1).under_way.subtract(3);
  EXPECT_EQ(one->under_way(), 2u);
}

TEST_F(Ejecting, ComesAfterSoManyFailuresInARow) {
  const auto one = backend(1);
  const auto two = backend(2);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(fleet->failed(*one, rules, now));
  EXPECT_TRUE(fleet->answered(*one));
  EXPECT_FALSE(fleet->answered(*one)) << "no news";
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(fleet->failed(*one, rules, now));
  EXPECT_EQ(fleet->changes(), 0u);
  EXPECT_TRUE(fleet->failed(*one, rules, now));
  EXPECT_EQ(fleet->changes(), 1u);
  EXPECT_TRUE(one->is_ejected(now));
  EXPECT_TRUE(one->is_ejected(now + rules.eject_for - 1ms));
  EXPECT_FALSE(one->is_ejected(now + rules.eject_for));
  EXPECT_FALSE(two->is_ejected(now));
}

TEST_F(Ejecting, OneFailureAfterwardsIsEnough) {
  const auto one = backend(1);
  const auto two = backend(2);
  ASSERT_TRUE(fails_often(*one));
  EXPECT_FALSE(fleet->failed(*one, rules, now)) << "it is out already";
  now += rules.eject_for;
  EXPECT_TRUE(fleet->failed(*one, rules, now));
  now += rules.eject_for;
  fleet->answered(*one);
  EXPECT_FALSE(fleet->failed(*one, rules, now));
}

TEST_F(Ejecting, LeavesEnoughOfThem) {
  const auto one = backend(1);
  EXPECT_FALSE(fails_often(*one)) << "the only one";
  const auto two = backend(2);
  const auto three = backend(3);
  EXPECT_TRUE(fails_often(*two));
  EXPECT_FALSE(fails_often(*three)) << "two of three are more than half";
  now += rules.eject_for;
  EXPECT_TRUE(fails_often(*three));
}

TEST_F(Ejecting, CanBeTurnedOff) {
  const auto one = backend(1);
  const auto two = backend(2);
  rules.consecutive_failures = 0;
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(fleet->failed(*one, rules, now));
}

TEST_F(FleetTest, AServerThatPassesItsChecksIsBackSinceThen) {
  const auto one = backend(1);
  EXPECT_EQ(one->back_since(), SharedTime::earliest);
  fleet->set_failing(*one, true, now);
  EXPECT_TRUE(one->is_failing());
  fleet->set_failing(*one, false, now + 5s);
  EXPECT_FALSE(one->is_failing());
  EXPECT_EQ(one->back_since(), now + 5s);
  EXPECT_EQ(fleet->changes(), 2u);
}

TEST_F(Reserve, IsOneSecondsWorthAndFillsWithTime) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(fleet->take_reserve(3, now));
  EXPECT_FALSE(fleet->take_reserve(3, now));
  EXPECT_TRUE(fleet->take_reserve(3, now + 334ms));
  EXPECT_FALSE(fleet->take_reserve(3, now + 335ms));
  EXPECT_FALSE(fleet->take_reserve(0, now + 1h));
}

TEST_F(FleetTest, BudgetIsAPartOfTheRequests) {
  RetryBudget budget({.percent = 20, .min_per_second = 0}, *fleet);
  EXPECT_FALSE(budget.take(now)) << "there were none";
  for (int i = 0; i < 50; ++i) budget.note_request();
  int taken = 0;
  while (budget.take(now)) ++taken;
  EXPECT_EQ(taken, 10);
  for (int i = 0; i < 4; ++i) budget.note_request();
  EXPECT_FALSE(budget.take(now + 1s)) << "less than a whole one";
}

TEST_F(FleetTest, BudgetForgetsRequestsOfLongAgo) {
  RetryBudget budget({.percent = 20, .min_per_second = 0}, *fleet);
  ASSERT_FALSE(budget.take(now));
  for (int i = 0; i < 50; ++i) budget.note_request();
  ASSERT_TRUE(budget.take(now + 5s));
  EXPECT_FALSE(budget.take(now + 1min)) << "nine were left, a minute ago";
}

TEST_F(FleetTest, BudgetHasAReserveThatWorkersShare) {
  RetryBudget one({.percent = 0, .min_per_second = 2}, *fleet);
  RetryBudget other({.percent = 0, .min_per_second = 2}, *fleet);
  EXPECT_TRUE(one.take(now));
  EXPECT_TRUE(other.take(now));
  EXPECT_FALSE(one.take(now));
  EXPECT_FALSE(other.take(now));
}

}  // namespace
}  // namespace culvert::proxy
