// If these fail, requests meet connections that their origin is closing, or an origin that is started anew costs them all.
#include "http/idle_limit.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/split_mix.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;

class IdleLimitTest : public ::testing::Test {
 protected:
  // A moment of its own for each.
  void closes(Duration idle, int times = 1) {
    for (int i = 0; i < times; ++i) limit.note_closed(idle, now += 1s);
  }
  void is_good(Duration idle, int times) {
    for (int i = 0; i < times; ++i) limit.note_good(idle);
  }
  void run_out(int times) {
    for (int i = 0; i < times; ++i) {
      limit.note_good(limit.limit());
      limit.note_run_out(now += 1s);
    }
  }
  // A number between the two, the next time another one.
  Duration between(Duration least, Duration most) {
    return least + Duration(static_cast<Duration::rep>(split_mix(chance) % static_cast<std::uint64_t>((most - least).count())));
  }

  IdleLimit limit;
  TimePoint now{1h};
  std::uint64_t chance = 7;
};

TEST_F(IdleLimitTest, IsKnownAfterThreeClosings) {
  for (const Duration idle : {100ms, 1'000ms, 5'000ms, 60'000ms, 400'000ms}) {
    limit = {};
    closes(idle, 2);
    EXPECT_EQ(limit.limit(), IdleLimit::unknown);
    closes(idle);
    EXPECT_LE(limit.limit(), idle - idle / 8) << "a margin";
    EXPECT_GE(limit.limit(), idle / 2) << "and not more than that";
  }
}

TEST_F(IdleLimitTest, StaysWhereConnectionsAreUsedSooner) {
  closes(5s, 3);
  const Duration found = limit.limit();
  for (int i = 0; i < 1'000; ++i) limit.note_good(between(20ms, 4s));
  closes(5s);
  EXPECT_EQ(limit.limit(), found);
}

TEST_F(IdleLimitTest, IsNotTaughtByAnOriginThatIsStartedAnew) {
  is_good(200ms, 100);
  is_good(3s, 20);
  for (int restart = 0; restart < 3; ++restart) {
    now += 1min;
    for (const Duration idle : {30ms, 150ms, 200ms, 900ms, 3'000ms, 9'000ms}) limit.note_closed(idle, now += 1ms);
    is_good(200ms, 100);
    is_good(3s, 20);
  }
  EXPECT_GT(limit.limit(), 3s);
}

TEST_F(IdleLimitTest, IsNotTaughtByRestartsThatFindOneConnectionEach) {
  for (int restart = 0; restart < 8; ++restart) {
    is_good(between(1s, 8s), 10);
    closes(between(20ms, 8s));
  }
  EXPECT_GT(limit.limit(), 1s);
}

TEST_F(IdleLimitTest, MeetsFewClosingsOfAnOriginThatClosesAtRandom) {
  const auto origin_keeps = [this] { return between(100ms, 2s); };
  int stale = 0;
  for (int i = 0; i < 1'000; ++i) {
    const Duration kept = origin_keeps();
    const Duration used = between(1ms, 3s);  // when the next request comes
    if (limit.limit() <= std::min(kept, used)) {
      run_out(1);
    } else if (kept <= used) {
      closes(kept);
      // A request that is on its way within the two milliseconds before it is told.
      if (used - kept < 2ms) ++stale;
    } else {
      limit.note_good(used);
    }
  }
  EXPECT_LE(stale, 2);
}

TEST_F(IdleLimitTest, FollowsAnOriginThatClosesSooner) {
  for (int i = 0; i < 200; ++i) limit.note_good(between(20ms, 60s));
  closes(60s, 10);
  ASSERT_GT(limit.limit(), 30s);
  int seen = 0;
  while (limit.limit() > 5s && seen < 100) {
    closes(5s);
    ++seen;
  }
  EXPECT_LT(seen, 64);
}

TEST_F(IdleLimitTest, IsForgottenSoThatItCanBeFoundLonger) {
  closes(1s, 20);
  ASSERT_LT(limit.limit(), 1s);
  run_out(31);
  EXPECT_LT(limit.limit(), 1s);
  run_out(1);
  EXPECT_EQ(limit.limit(), IdleLimit::unknown);
  closes(60s, 3);
  EXPECT_GT(limit.limit(), 30s);
}

TEST_F(IdleLimitTest, IsNotForgottenForTheSakeOfOneMoment) {
  closes(1s, 3);
  now += 1s;
  for (int i = 0; i < 100; ++i) limit.note_run_out(now);
  EXPECT_LT(limit.limit(), 1s);
}

TEST_F(IdleLimitTest, VouchesForWhatHasBeenGoodOften) {
  EXPECT_FALSE(limit.vouches_for(1ms)) << "of a stranger nothing is known";
  is_good(2s, 7);
  EXPECT_FALSE(limit.vouches_for(1s));
  is_good(2s, 1);
  EXPECT_TRUE(limit.vouches_for(1s));
  EXPECT_FALSE(limit.vouches_for(3s));
  closes(500ms);
  EXPECT_FALSE(limit.vouches_for(1s)) << "one in nine";
  EXPECT_TRUE(limit.vouches_for(100ms)) << "before it there was none";
  is_good(2s, 8);
  EXPECT_TRUE(limit.vouches_for(1s)) << "one in seventeen";
}

TEST_F(IdleLimitTest, HasNoTimesThatItCannotCount) {
  closes(-1s);
  closes(0s);
  closes(1'000h, 3);
  EXPECT_GT(limit.limit(), 5min);
}

}  // namespace
}  // namespace culvert
