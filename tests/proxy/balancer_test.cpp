// If these fail, one server gets more than its share, or a client does not find its server again.
#include "proxy/balancer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "culvert/http.hpp"
#include "proxy/request_key.hpp"
#include "support/world.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;
using config::Balance;

class BalancerTest : public ::testing::Test {
 protected:
  // Backends of these weights, to choose from.
  void with(Balance kind, const std::vector<std::uint32_t>& weights) {
    balancer.emplace(kind, slow_start, world.loop());
    backends.clear();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const Address address = Address::of(*Endpoint::parse_ip("10.0.0." + std::to_string(i + 1), 80));
      const BackendPlace place{.text = std::to_string(i), .address = address, .server_name = {}, .weight = weights[i]};
      backends.push_back(make_ref<Backend>(place, false, agent.origin(address), fleet->backend(address.to_string()), 0,
                                           std::uint64_t{1} << i));
      backends.back()->id = stable_hash(address.to_string());
    }
    arrange();
  }
  void arrange() {
    std::vector<Backend*> usable;
    for (const Ref<Backend>& each : backends) usable.push_back(each.get());
    balancer->set(usable);
  }
  std::string turns(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += balancer->choose(0, 0)->text;
    return text;
  }
  std::map<std::string, int> shares(int count) {
    std::map<std::string, int> chosen;
    for (int i = 0; i < count; ++i) ++chosen[balancer->choose(0, 0)->text];
    return chosen;
  }
  void load(std::size_t which, std::uint32_t by) { backends[which]->share.under_way.add(by); }

  test::World world;
  Http http{world.loop(), world.network(), world.resolver()};
  Agent agent{http};
  Fleets fleets{2};
  std::shared_ptr<Fleet> fleet = fleets.fleet("api");
  std::chrono::milliseconds slow_start{0};
  std::vector<Ref<Backend>> backends;
  std::optional<Balancer> balancer;
};

using RoundRobin = BalancerTest;
using LeastConnections = BalancerTest;
using RandomTwo = BalancerTest;
using ConsistentHash = BalancerTest;
using SlowStart = BalancerTest;

TEST_F(RoundRobin, IsSmoothByWeight) {
  with(Balance::round_robin, {5, 1, 1});
  const std::string twice = turns(14);
  const std::string once = twice.substr(0, 7);
  EXPECT_EQ(std::ranges::count(once, '0'), 5);
  EXPECT_EQ(std::ranges::count(once, '1'), 1);
  EXPECT_EQ(std::ranges::count(once, '2'), 1);
  EXPECT_EQ((twice + twice).find("00000"), std::string::npos) << twice;
  EXPECT_EQ(twice.substr(7), once);
}

TEST_F(RoundRobin, WeightsAreWhatTheyAreToEachOther) {
  with(Balance::round_robin, {1000, 1000, 500});
  const std::string turn = turns(5);
  EXPECT_EQ(std::ranges::count(turn, '0'), 2);
  EXPECT_EQ(std::ranges::count(turn, '2'), 1);
}

TEST_F(RoundRobin, OddWeightsAreKeptNearly) {
  with(Balance::round_robin, {1000, 999, 1000, 997, 998});
  const std::map<std::string, int> chosen = shares(50'000);
  for (const auto& [name, count] : chosen) EXPECT_NEAR(count, 10'000, 100) << name;
}

TEST_F(RoundRobin, WhatWasTriedIsPassedOver) {
  with(Balance::round_robin, {1, 1});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(balancer->choose(1, 0)->text, "1");
  EXPECT_EQ(balancer->choose(3, 0), nullptr);
}

TEST_F(RoundRobin, OfNobodyIsNobody) {
  for (const Balance kind : {Balance::round_robin, Balance::least_connections, Balance::random_two, Balance::consistent_hash,
                             Balance::first}) {
    with(kind, {});
    EXPECT_EQ(balancer->choose(0, 0), nullptr);
  }
}

TEST_F(LeastConnections, TakesWhoHasTheLeastForItsWeight) {
  with(Balance::least_connections, {1, 1, 2});
  load(0, 3);
  load(1, 2);
  load(2, 4);
  EXPECT_EQ(balancer->choose(0, 0)->text, "2") << "5 for two, 3 for one";
  EXPECT_EQ(balancer->choose(4, 0)->text, "1");
  backends[1]->state->share(1).under_way.add(5);
  EXPECT_EQ(balancer->choose(4, 0)->text, "0") << "other workers' count";
}

TEST_F(LeastConnections, EqualsTakeTurns) {
  for (const std::uint32_t weight : {1, 2}) {
    with(Balance::least_connections, {weight, weight, weight});
    const std::map<std::string, int> chosen = shares(300);
    for (const auto& [name, count] : chosen) EXPECT_EQ(count, 100) << name;
  }
}

TEST_F(RandomTwo, AvoidsWhoHasMore) {
  with(Balance::random_two, {1, 1, 1, 1});
  load(3, 100);
  const std::map<std::string, int> chosen = shares(1600);
  EXPECT_LT(chosen.at("3"), 160) << "only where both of the two are it: one in sixteen";
  EXPECT_NEAR(chosen.at("0"), 500, 100);
}

TEST_F(RandomTwo, WeighsThem) {
  with(Balance::random_two, {3, 1});
  for (int i = 0; i < 400; ++i) balancer->choose(0, 0)->share.under_way.add(1);
  EXPECT_NEAR(backends[0]->state->under_way(), 300, 10);
}

TEST_F(RandomTwo, WhereBothWereTriedAnotherIsTaken) {
  with(Balance::random_two, {1, 1, 1, 1, 1, 1});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(balancer->choose(0b011111, 0)->text, "5");
}

TEST_F(ConsistentHash, SameKeySameServer) {
  with(Balance::consistent_hash, {1, 1, 1});
  std::map<std::string, int> chosen;
  for (std::uint64_t key = 0; key < 3000; ++key) {
    const std::uint64_t mixed = stable_hash(std::to_string(key));
    Backend* const first = balancer->choose(0, mixed);
    EXPECT_EQ(balancer->choose(0, mixed), first);
    ++chosen[first->text];
  }
  for (const auto& [name, count] : chosen) EXPECT_NEAR(count, 1000, 150) << name;
}

TEST_F(ConsistentHash, OneThatGoesMovesOnlyItsOwn) {
  with(Balance::consistent_hash, {1, 1, 1, 1});
  std::map<std::uint64_t, Backend*> before;
  for (std::uint64_t key = 0; key < 1000; ++key) before[key] = balancer->choose(0, stable_hash(std::to_string(key)));
  balancer->set({backends[0].get(), backends[1].get(), backends[3].get()});
  for (const auto& [key, was] : before) {
    if (was == backends[2].get()) continue;
    EXPECT_EQ(balancer->choose(0, stable_hash(std::to_string(key))), was);
  }
}

TEST_F(ConsistentHash, WeightsCount) {
  with(Balance::consistent_hash, {3, 1});
  int of_first = 0;
  for (int key = 0; key < 4000; ++key) of_first += balancer->choose(0, stable_hash(std::to_string(key)))->text == "0" ? 1 : 0;
  EXPECT_NEAR(of_first, 3000, 200);
}

TEST_F(ConsistentHash, AKeyStaysWhereItIsWhileThereIsLittleToDo) {
  with(Balance::consistent_hash, {1, 1, 1, 1});
  Backend* const home = balancer->choose(0, 42);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(balancer->choose(0, 42), home);
    home->share.under_way.add(1);
  }
  EXPECT_NE(balancer->choose(0, 42), home);
}

TEST_F(ConsistentHash, AKeyThatEverybodyHasIsSpread) {
  with(Balance::consistent_hash, {1, 1, 1, 1});
  for (int i = 0; i < 400; ++i) balancer->choose(0, 42)->share.under_way.add(1);
  for (const Ref<Backend>& each : backends) EXPECT_LE(each->state->under_way(), 126u) << "a quarter more than its part";
}

TEST_F(SlowStart, TurnsGrowFromATenth) {
  slow_start = 10s;
  with(Balance::round_robin, {1, 1});
  fleet->set_failing(*backends[1]->state, false, world.loop().now());
  arrange();
  EXPECT_LT(shares(1000)["1"], 150);
  world.advance(5s);
  EXPECT_NEAR(shares(1000)["1"], 250, 60);
  world.advance(5s);
  arrange();
  EXPECT_EQ(shares(1000)["1"], 500);
}

TEST_F(SlowStart, ALoadCountsTenfoldAtFirst) {
  slow_start = 10s;
  with(Balance::least_connections, {1, 1});
  fleet->set_failing(*backends[1]->state, false, world.loop().now());
  arrange();
  load(0, 5);
  EXPECT_EQ(balancer->choose(0, 0)->text, "0");
  world.advance(5s);
  EXPECT_EQ(balancer->choose(0, 0)->text, "1") << "two against six";
}

}  // namespace
}  // namespace culvert::proxy
