// What would break: clients that say nothing would keep all others out, or a client that takes its time would be cut off for
// nobody's sake.
#include "daemon/handshake_limit.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <optional>

#include "support/manual_loop.hpp"

namespace culvert::daemon {
namespace {

using namespace std::chrono_literals;

class HandshakeLimitTest : public testing::Test {
 protected:
  struct Shaking final : HandshakeLimit::Holder {
    explicit Shaking(HandshakeLimit& limit) : place(std::in_place, limit, *this) {}
    void give_way() override { place.reset(); }
    std::optional<HandshakeLimit::Place> place;
  };

  void TearDown() override { limit_.stop_waiting(waiting_); }

  bool has_room() { return limit_.has_room(waiting_); }
  Shaking& begin() { return shaking_.emplace_back(limit_); }
  void pass(Duration time) {
    loop_.advance(time);
    loop_.settle();
  }

  test::ManualLoop loop_;
  int rooms_ = 0;
  bool waiting_ = false;
  HandshakeLimit limit_{loop_, [this] { ++rooms_; }};
  std::deque<Shaking> shaking_;
};

TEST_F(HandshakeLimitTest, HasRoomForAsManyAsThereMayBeAndNotOneMore) {
  limit_.set_limit(2);
  EXPECT_TRUE(has_room());
  begin();
  EXPECT_TRUE(has_room());
  Shaking& second = begin();
  EXPECT_FALSE(has_room());
  EXPECT_TRUE(waiting_);
  EXPECT_EQ(rooms_, 0);
  second.place.reset();
  EXPECT_EQ(rooms_, 1);
  EXPECT_TRUE(has_room());
  EXPECT_FALSE(waiting_);
}

TEST_F(HandshakeLimitTest, HasAlwaysRoomWhereThereIsNoLimit) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(has_room());
    begin();
  }
}

TEST_F(HandshakeLimitTest, TheOldestGivesWayOnceItHasHadItsTime) {
  limit_.set_limit(2);
  const Shaking& oldest = begin();
  pass(400ms);
  const Shaking& second = begin();
  EXPECT_FALSE(has_room());
  pass(599ms);
  EXPECT_EQ(rooms_, 0);
  EXPECT_TRUE(oldest.place);
  pass(1ms);
  EXPECT_EQ(rooms_, 1);
  EXPECT_TRUE(has_room());
  EXPECT_FALSE(oldest.place);
  EXPECT_TRUE(second.place);
}

TEST_F(HandshakeLimitTest, NobodyGivesWayWhereNobodyWaits) {
  limit_.set_limit(1);
  const Shaking& only = begin();
  EXPECT_FALSE(has_room());
  limit_.stop_waiting(waiting_);
  pass(1h);
  EXPECT_EQ(rooms_, 0);
  EXPECT_TRUE(only.place);
  EXPECT_TRUE(has_room()) << "whoever comes then need not wait";
  EXPECT_FALSE(only.place);
}

TEST_F(HandshakeLimitTest, TheNextOldestIsWaitedForWhereTheOldestEndsByItself) {
  limit_.set_limit(2);
  Shaking& oldest = begin();
  pass(500ms);
  const Shaking& second = begin();
  EXPECT_FALSE(has_room());
  oldest.place.reset();
  EXPECT_EQ(rooms_, 1);
  begin();  // somebody else was faster
  EXPECT_FALSE(has_room());
  pass(500ms);
  EXPECT_EQ(rooms_, 1);
  pass(500ms);
  EXPECT_EQ(rooms_, 2);
  EXPECT_TRUE(has_room());
  EXPECT_FALSE(second.place);
}

TEST_F(HandshakeLimitTest, AHigherLimitMakesRoomAndALowerOneTouchesNobodyAtOnce) {
  limit_.set_limit(2);
  const Shaking& first = begin();
  const Shaking& second = begin();
  EXPECT_FALSE(has_room());
  limit_.set_limit(3);
  EXPECT_EQ(rooms_, 1);
  EXPECT_TRUE(has_room());
  limit_.set_limit(1);
  EXPECT_TRUE(first.place && second.place);
  EXPECT_FALSE(has_room());
  pass(1s);
  EXPECT_TRUE(has_room());
  EXPECT_FALSE(first.place || second.place);
}

}  // namespace
}  // namespace culvert::daemon
