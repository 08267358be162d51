// If these fail, the one server that fails or crawls among many is not found, or one is blamed for what all do.
#include "proxy/outlier_judge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "culvert/http.hpp"
#include "support/world.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;

class OutlierJudgeTest : public ::testing::Test, private OutlierJudge::Owner {
 protected:
  void with(int count) {
    for (int i = 0; i < count; ++i) {
      const Address address = Address::of(*Endpoint::parse_ip("10.0.0." + std::to_string(i + 1), 80));
      const BackendPlace place{.text = std::to_string(i), .address = address, .server_name = {}};
      backends.push_back(
          make_ref<Backend>(place, false, agent.origin(address), fleet->backend(address.to_string()), 0, 1));
    }
    judge.emplace(settings, world.loop(), static_cast<OutlierJudge::Owner&>(*this));
  }
  void had(std::size_t which, std::uint32_t answers, std::uint32_t failures, std::chrono::milliseconds each = 0ms) {
    BackendState::Share& share = backends[which]->share;
    share.answers.add(answers);
    share.failures.add(failures);
    share.nanoseconds.add(static_cast<std::uint64_t>(std::chrono::nanoseconds(each).count()) * answers);
  }
  void interval_ends() {
    outliers.clear();
    world.advance(settings.interval);
    world.settle();
  }
  std::vector<Backend*> all_backends() noexcept override {
    std::vector<Backend*> all;
    for (const Ref<Backend>& each : backends) all.push_back(each.get());
    return all;
  }
  void on_outlier(Backend& backend, const std::string& why) noexcept override {
    outliers.push_back(backend.text);
    reason = why;
  }

  test::World world;
  Http http{world.loop(), world.network(), world.resolver()};
  Agent agent{http};
  Fleets fleets{1};
  std::shared_ptr<Fleet> fleet = fleets.fleet("api");
  config::Outlier settings;
  std::vector<Ref<Backend>> backends;
  std::optional<OutlierJudge> judge;
  std::vector<std::string> outliers;
  std::string reason;
};

TEST_F(OutlierJudgeTest, FindsWhoFailsTooOften) {
  settings.error_percent = 30;
  with(3);
  had(0, 70, 30);
  had(1, 71, 29);
  had(2, 100, 0);
  interval_ends();
  EXPECT_EQ(outliers, std::vector<std::string>{"0"});
  EXPECT_EQ(reason, "30 of 100 requests have failed in the last interval");
  interval_ends();
  EXPECT_TRUE(outliers.empty()) << "that was the interval before";
}

TEST_F(OutlierJudgeTest, DoesNotJudgeByFew) {
  settings.error_percent = 30;
  with(2);
  had(0, 0, 49);
  interval_ends();
  EXPECT_TRUE(outliers.empty());
  had(0, 0, 50);
  interval_ends();
  EXPECT_EQ(outliers.size(), 1u);
}

TEST_F(OutlierJudgeTest, FindsWhoIsSlowerThanTheOthers) {
  settings.latency_factor = 3;
  with(4);
  had(0, 100, 0, 10ms);
  had(1, 100, 0, 31ms);
  had(2, 100, 0, 9ms);
  had(3, 100, 0, 12ms);
  interval_ends();
  EXPECT_EQ(outliers, std::vector<std::string>{"1"});
  had(0, 100, 0, 1000ms);
  had(1, 100, 0, 1100ms);
  had(2, 100, 0, 900ms);
  had(3, 100, 0, 1000ms);
  interval_ends();
  EXPECT_TRUE(outliers.empty()) << "all are slow: that is no fault of one of them";
}

TEST_F(OutlierJudgeTest, OneAloneIsNoOutlier) {
  settings.latency_factor = 2;
  with(1);
  had(0, 100, 0, 900ms);
  interval_ends();
  EXPECT_TRUE(outliers.empty());
}

}  // namespace
}  // namespace culvert::proxy
