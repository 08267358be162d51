// What would break: the order of a turn, which everything above relies on: flushes right after each handler, deferred
// work within the turn, closed objects freed at its end.
#include "culvert/loop.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "support/manual_loop.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;

struct Later final : Deferred {
  explicit Later(std::function<void()> what) : act(std::move(what)) {}
  void on_deferred() noexcept override { act(); }
  std::function<void()> act;
};
struct Sender final : Flushable {
  explicit Sender(std::function<void()> what) : act(std::move(what)) {}
  void on_flush() noexcept override { act(); }
  std::function<void()> act;
};
struct Alarm final : Deadline {
  explicit Alarm(std::function<TimePoint(TimePoint)> what) : act(std::move(what)) {}
  TimePoint on_due(TimePoint now) noexcept override { return act(now); }
  std::function<TimePoint(TimePoint)> act;
};
struct Closed final : Retired {
  explicit Closed(std::string& log) : log_(log) {}
  ~Closed() override { log_ += "freed "; }
  std::string& log_;
};

class LoopTest : public ::testing::Test {
 protected:
  test::ManualLoop loop_;
  std::string log_;
};

TEST_F(LoopTest, OrderOfATurn) {
  Later later([&] { log_ += "deferred "; });
  Sender sender([&] { log_ += "flush "; });
  Alarm alarm([&](TimePoint) {
    log_ += "due ";
    loop_.defer(later);
    loop_.flush_soon(sender);
    loop_.retire(std::make_unique<Closed>(log_));
    return never;
  });
  loop_.ask_at(alarm, loop_.now() + 1ms);
  loop_.post([&] {
    log_ += "posted ";
    loop_.flush_soon(sender);
  });
  loop_.advance(1ms);
  EXPECT_TRUE(loop_.turn());
  EXPECT_EQ(log_, "due flush posted flush deferred freed ");
  EXPECT_FALSE(loop_.turn());
}

TEST_F(LoopTest, FlushAndDeferCountOnceUntilTheyHaveRun) {
  int flushes = 0;
  int deferrals = 0;
  Sender sender([&] { ++flushes; });
  Later later([&] { ++deferrals; });
  for (int i = 0; i < 3; ++i) {
    loop_.flush_soon(sender);
    loop_.defer(later);
  }
  loop_.turn();
  EXPECT_EQ(flushes, 1);
  EXPECT_EQ(deferrals, 1);
}

TEST_F(LoopTest, DeferredWorkMayDeferMore) {
  int left = 5;
  Later later([&] {
    if (--left > 0) loop_.defer(later);
  });
  loop_.defer(later);
  loop_.turn();
  EXPECT_EQ(left, 0);
}

TEST_F(LoopTest, EndlessDeferringDoesNotHoldTheTurnUp) {
  std::uint64_t count = 0;
  Later later([&] {
    ++count;
    loop_.defer(later);
  });
  loop_.defer(later);
  EXPECT_TRUE(loop_.turn()) << "there is more to do";
  EXPECT_GE(count, 10'000u);
  EXPECT_LE(count, 20'000u);
}

TEST_F(LoopTest, DestroyedObjectsLeaveEveryList) {
  {
    Later later([&] { log_ += "deferred"; });
    Sender sender([&] { log_ += "flush"; });
    Alarm alarm([&](TimePoint) { return log_ += "due", never; });
    loop_.defer(later);
    loop_.flush_soon(sender);
    loop_.ask_at(alarm, loop_.now());
  }
  loop_.advance(1s);
  loop_.settle();
  EXPECT_EQ(log_, "");
}

TEST_F(LoopTest, ADeadlineSaysWhenToBeAskedAgain) {
  std::vector<Duration> asked;
  const TimePoint start = loop_.now();
  Alarm alarm([&](TimePoint now) {
    asked.push_back(now - start);
    return asked.size() < 3 ? now + 10ms : never;
  });
  loop_.ask_at(alarm, start + 5ms);
  for (int i = 0; i < 60; ++i) {
    loop_.advance(1ms);
    loop_.settle();
  }
  EXPECT_EQ(asked, (std::vector<Duration>{5ms, 15ms, 25ms}));
}

TEST_F(LoopTest, ADeadlineThatAnswersNeverMayBeGone) {
  auto alarm = std::make_unique<Alarm>(nullptr);
  alarm->act = [&](TimePoint) {
    [[maybe_unused]] const auto keeps_the_code = std::move(alarm->act);
    alarm.reset();
    return never;
  };
  loop_.ask_at(*alarm, loop_.now() + 1ms);
  loop_.advance(1ms);
  loop_.settle();
  EXPECT_EQ(alarm, nullptr);
}

TEST_F(LoopTest, TheDateIsThatOfTheWallClock) {
  EXPECT_EQ(loop_.http_date(), "Sat, 21 Nov 2026 10:00:00 GMT");
  loop_.advance(999ms);
  EXPECT_EQ(loop_.http_date(), "Sat, 21 Nov 2026 10:00:00 GMT");
  loop_.advance(1ms);
  EXPECT_EQ(loop_.http_date(), "Sat, 21 Nov 2026 10:00:01 GMT");
}

TEST_F(LoopTest, RandomNumbersDifferAndRepeatWithTheSeed) {
  std::set<std::uint64_t> numbers;
  for (int i = 0; i < 1000; ++i) numbers.insert(loop_.random());
  EXPECT_EQ(numbers.size(), 1000u);
  test::ManualLoop other;
  EXPECT_TRUE(numbers.contains(other.random()));
}

}  // namespace
}  // namespace culvert
