// What would break: time limits would be missed, come early, or keep the loop from sleeping.
#include "net/deadline_wheel.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

namespace culvert {
namespace {

using namespace std::chrono_literals;

struct Alarm final : Deadline {
  TimePoint on_due(TimePoint) noexcept override { return never; }
};

TimePoint at(Duration since_start) { return TimePoint(1000h) + since_start; }

class DeadlineWheelTest : public ::testing::Test {
 protected:
  DeadlineWheelTest() { EXPECT_EQ(wheel_.take_due(at(0ms)), nullptr); }
  DeadlineWheel wheel_;
};

TEST_F(DeadlineWheelTest, EmptyThereIsNothingToWaitFor) {
  EXPECT_EQ(wheel_.next_due(), never);
  Alarm alarm;
  wheel_.ask(alarm, never);
  EXPECT_EQ(wheel_.next_due(), never);
}

TEST_F(DeadlineWheelTest, NeverEarlyAndAMillisecondLateAtMost) {
  Alarm alarm;
  wheel_.ask(alarm, at(10ms + 1us));
  EXPECT_EQ(wheel_.take_due(at(10ms)), nullptr);
  EXPECT_EQ(wheel_.take_due(at(10ms + 1us)), nullptr);
  EXPECT_EQ(wheel_.take_due(at(11ms)), &alarm);
  EXPECT_EQ(wheel_.take_due(at(11ms)), nullptr);
  EXPECT_EQ(wheel_.take_due(at(1h)), nullptr);
}

TEST_F(DeadlineWheelTest, ALaterTimeThanAskedForIsNoChange) {
  Alarm alarm;
  wheel_.ask(alarm, at(10ms));
  wheel_.ask(alarm, at(20ms));
  EXPECT_EQ(wheel_.take_due(at(10ms)), &alarm);
  wheel_.ask(alarm, at(20ms));  // it was asked: what was before no longer counts
  EXPECT_EQ(wheel_.take_due(at(20ms)), &alarm);
}

TEST_F(DeadlineWheelTest, AnEarlierTimeMovesIt) {
  Alarm alarm;
  wheel_.ask(alarm, at(1h));
  wheel_.ask(alarm, at(5ms));
  EXPECT_EQ(wheel_.take_due(at(5ms)), &alarm);
  EXPECT_EQ(wheel_.take_due(at(2h)), nullptr);
}

TEST_F(DeadlineWheelTest, ForgottenAndDestroyedOnesAreNotAsked) {
  Alarm forgotten;
  wheel_.ask(forgotten, at(5ms));
  {
    Alarm destroyed;
    wheel_.ask(destroyed, at(5ms));
  }
  wheel_.forget(forgotten);
  EXPECT_EQ(wheel_.take_due(at(1h)), nullptr);
  wheel_.ask(forgotten, at(2h));  // a later time than the one it was forgotten with
  EXPECT_EQ(wheel_.take_due(at(2h)), &forgotten);
}

TEST_F(DeadlineWheelTest, WhatIsDueAlreadyWaitsForTheNextMillisecond) {
  Alarm alarm;
  wheel_.ask(alarm, at(-1h));
  EXPECT_EQ(wheel_.take_due(at(0ms)), nullptr) << "an object that always says `now` must not keep the loop busy";
  EXPECT_EQ(wheel_.next_due(), at(1ms));
  EXPECT_EQ(wheel_.take_due(at(1ms)), &alarm);
}

TEST_F(DeadlineWheelTest, AskedForDuringALateRunItWaitsForTheNextOne) {
  Alarm alarm;
  wheel_.ask(alarm, at(1ms));
  EXPECT_EQ(wheel_.take_due(at(500ms)), &alarm);
  wheel_.ask(alarm, at(2ms));
  EXPECT_EQ(wheel_.take_due(at(500ms)), nullptr);
  EXPECT_EQ(wheel_.take_due(at(501ms)), &alarm);
}

TEST_F(DeadlineWheelTest, ReachesBeyondItsLevels) {
  Alarm far;
  wheel_.ask(far, at(24h * 365));
  EXPECT_EQ(wheel_.take_due(at(24h * 365 - 1ms)), nullptr);
  EXPECT_EQ(wheel_.take_due(at(24h * 365)), &far);
}

TEST_F(DeadlineWheelTest, WakesSeldomForWhatIsFarAway) {
  Alarm alarm;
  wheel_.ask(alarm, at(1h));
  TimePoint now = at(0ms);
  int wakings = 0;
  while (wheel_.take_due(now) == nullptr) {
    ASSERT_GT(wheel_.next_due(), now);
    ASSERT_LE(wheel_.next_due(), at(1h));
    now = wheel_.next_due();
    ++wakings;
  }
  EXPECT_EQ(now, at(1h));
  EXPECT_LE(wakings, 5);
}

// A thousand deadlines against the plain truth, with a clock that jumps unevenly.
TEST_F(DeadlineWheelTest, AsksEachOnceAtItsTime) {
  std::mt19937 random(1);
  const auto below = [&](std::int64_t limit) {
    return std::uniform_int_distribution<std::int64_t>(0, limit - 1)(random);
  };
  struct Entry {
    Alarm alarm;
    TimePoint when = never;  // never: not waiting
  };
  std::vector<std::unique_ptr<Entry>> entries;
  for (int i = 0; i < 1000; ++i) entries.push_back(std::make_unique<Entry>());
  TimePoint now = at(0ms);
  std::size_t asked = 0;
  for (int step = 0; step < 3000; ++step) {
    for (int i = 0; i < 10; ++i) {
      Entry& entry = *entries[static_cast<std::size_t>(below(1000))];
      constexpr std::int64_t ranges_ms[] = {60, 5'000, 300'000, 20'000'000, 2'000'000'000};
      const TimePoint when = now + std::chrono::milliseconds(1 + below(ranges_ms[below(5)]));
      wheel_.ask(entry.alarm, when);
      entry.when = std::min(entry.when, when);
    }
    now += std::chrono::milliseconds(below(10) == 0 ? below(1'000'000) : below(200));
    while (const Deadline* due = wheel_.take_due(now)) {
      const auto entry = std::find_if(entries.begin(), entries.end(), [&](auto& e) { return &e->alarm == due; });
      ASSERT_LE((*entry)->when, now);
      (*entry)->when = never;
      ++asked;
    }
    for (const auto& entry : entries) ASSERT_GT(entry->when, now);
  }
  EXPECT_GT(asked, 1000u);
}

}  // namespace
}  // namespace culvert
