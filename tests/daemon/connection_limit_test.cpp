// What would break: more connections than the operator allows, or places that never become free again.
#include "daemon/places.hpp"

#include <gmock/gmock.h>

#include <thread>
#include <vector>

namespace culvert::daemon {
namespace {

using testing::ElementsAre;
const TimePoint start = TimePoint{} + std::chrono::hours(1);

Endpoint client(const char* ip, std::uint16_t port) { return *Endpoint::parse_ip(ip, port); }

class ConnectionLimitTest : public testing::Test {
 protected:
  bool take() { return limit_.take(nobody_); }  // by callers who do not wait afterwards
  void TearDown() override { limit_.stop_waiting(nobody_); }

  int rooms_ = 0;
  bool nobody_ = false;
  ConnectionLimit limit_{[this] { ++rooms_; }};
};

TEST_F(ConnectionLimitTest, TakesAsManyAsThereAreAndNotOneMore) {
  limit_.set_limit(2);
  EXPECT_TRUE(take());
  EXPECT_TRUE(take());
  EXPECT_FALSE(take());
  limit_.give_back();
  EXPECT_TRUE(take());
  EXPECT_EQ(limit_.taken(), 2u);
}

TEST_F(ConnectionLimitTest, CountsWithoutLimit) {
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(take());
  EXPECT_EQ(limit_.taken(), 1000u);
}

TEST_F(ConnectionLimitTest, TellsOnlyWhereSomebodyWaits) {
  limit_.set_limit(1);
  EXPECT_TRUE(take());
  limit_.give_back();
  EXPECT_EQ(rooms_, 0);
  EXPECT_TRUE(take());
  bool waiting = false;
  EXPECT_FALSE(limit_.take(waiting));
  EXPECT_TRUE(waiting);
  limit_.give_back();
  EXPECT_EQ(rooms_, 1);
  EXPECT_TRUE(limit_.take(waiting));
  EXPECT_FALSE(waiting);
  limit_.give_back();
  EXPECT_EQ(rooms_, 1) << "who waited has got a place";
}

TEST_F(ConnectionLimitTest, WaitingGoesOnWhereSomebodyElseWasFaster) {
  limit_.set_limit(1);
  bool waiting = false;
  EXPECT_TRUE(take());
  EXPECT_FALSE(limit_.take(waiting));
  limit_.give_back();
  EXPECT_TRUE(take());
  EXPECT_FALSE(limit_.take(waiting));
  limit_.give_back();
  EXPECT_EQ(rooms_, 2);
  limit_.stop_waiting(waiting);
  EXPECT_FALSE(waiting);
  EXPECT_TRUE(take());
  limit_.give_back();
  EXPECT_EQ(rooms_, 2);
}

TEST_F(ConnectionLimitTest, AHigherLimitMakesRoomAndALowerOneTouchesNobody) {
  limit_.set_limit(2);
  bool waiting = false;
  EXPECT_TRUE(take());
  EXPECT_TRUE(take());
  EXPECT_FALSE(limit_.take(waiting));
  limit_.set_limit(1);
  EXPECT_EQ(limit_.taken(), 2u);
  EXPECT_FALSE(limit_.take(waiting));
  rooms_ = 0;
  limit_.set_limit(3);
  EXPECT_EQ(rooms_, 1);
  EXPECT_TRUE(limit_.take(waiting));
}

TEST(ConnectionLimit, HoldsBetweenThreads) {
  ConnectionLimit limit([] {});
  limit.set_limit(3);
  std::atomic<int> over{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      bool waiting = false;
      for (int turn = 0; turn < 10'000; ++turn) {
        if (!limit.take(waiting)) continue;
        if (limit.taken() > 3) ++over;
        limit.give_back();
      }
      limit.stop_waiting(waiting);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(over, 0);
  EXPECT_EQ(limit.taken(), 0u);
}

class ClientLimitTest : public testing::Test {
 protected:
  std::vector<std::uint64_t> reports_;
  ClientLimit limit_{[this](std::uint64_t refused) { reports_.push_back(refused); }};
};

TEST_F(ClientLimitTest, CountsAddressesAndNotPorts) {
  limit_.set_limit(2);
  EXPECT_TRUE(limit_.take(client("10.0.0.1", 1000), start));
  EXPECT_TRUE(limit_.take(client("10.0.0.1", 1001), start));
  EXPECT_FALSE(limit_.take(client("10.0.0.1", 1002), start));
  EXPECT_TRUE(limit_.take(client("10.0.0.2", 1000), start)) << "somebody else";
  EXPECT_TRUE(limit_.take(client("::1", 1000), start));
  limit_.give_back(client("10.0.0.1", 1000));
  EXPECT_TRUE(limit_.take(client("10.0.0.1", 1003), start));
}

TEST_F(ClientLimitTest, CountsAnIPv6NetworkAsOneClient) {
  limit_.set_limit(2);
  EXPECT_TRUE(limit_.take(client("2001:db8::1", 1000), start));
  EXPECT_TRUE(limit_.take(client("2001:db8::2", 1000), start));
  EXPECT_FALSE(limit_.take(client("2001:db8::3", 1000), start));
  EXPECT_TRUE(limit_.take(client("2001:db8:0:1::3", 1000), start)) << "another network";
  limit_.give_back(client("2001:db8::2", 1000));
  EXPECT_TRUE(limit_.take(client("2001:db8::3", 1000), start));
}

TEST_F(ClientLimitTest, ReportsRefusalsOnceASecond) {
  limit_.set_limit(1);
  EXPECT_TRUE(limit_.take(client("10.0.0.1", 1), start));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(limit_.take(client("10.0.0.1", 2), start));
  EXPECT_FALSE(limit_.take(client("10.0.0.1", 2), start + std::chrono::seconds(1)));
  EXPECT_THAT(reports_, ElementsAre(1u, 5u));
}

TEST_F(ClientLimitTest, UnixPeersAreNotCounted) {
  Endpoint local;
  local.family = Endpoint::Family::unix_socket;
  limit_.set_limit(1);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit_.take(local, start));
  limit_.give_back(local);
}

TEST_F(ClientLimitTest, ConnectionsFromBeforeTheLimitMayEnd) {
  EXPECT_TRUE(limit_.take(client("10.0.0.1", 1), start));
  limit_.set_limit(1);
  limit_.give_back(client("10.0.0.1", 1));
  EXPECT_TRUE(limit_.take(client("10.0.0.1", 2), start));
  EXPECT_FALSE(limit_.take(client("10.0.0.1", 3), start));
}

TEST_F(ClientLimitTest, ConnectionsFromBeforeTheLimitTakeUpPlaces) {
  EXPECT_TRUE(limit_.take(client("10.0.0.1", 1), start));
  EXPECT_TRUE(limit_.take(client("10.0.0.1", 2), start));
  limit_.set_limit(2);
  EXPECT_FALSE(limit_.take(client("10.0.0.1", 3), start));
  limit_.give_back(client("10.0.0.1", 1));
  EXPECT_TRUE(limit_.take(client("10.0.0.1", 4), start));
  EXPECT_FALSE(limit_.take(client("10.0.0.1", 5), start)) << "their end makes room for one each, and no more";
}

// ---- the places of a connection

TEST(Places, AreGivenBackOnce) {
  Limits limits{ConnectionLimit([] {}), ClientLimit([](std::uint64_t) {})};
  ConnectionLimit listener([] {});
  limits.clients.set_limit(1);
  bool waiting = false;
  ASSERT_TRUE(limits.process.take(waiting) && listener.take(waiting) && limits.clients.take(client("10.0.0.1", 1), start));
  { const Places places(limits, listener, client("10.0.0.1", 1)); }
  EXPECT_EQ(limits.process.taken() + listener.taken(), 0u);
  EXPECT_TRUE(limits.clients.take(client("10.0.0.1", 2), start));
}

TEST(Places, CountForWhoeverTheClientTurnsOutToBe) {
  Limits limits{ConnectionLimit([] {}), ClientLimit([](std::uint64_t) {})};
  ConnectionLimit listener([] {});
  limits.clients.set_limit(1);
  bool waiting = false;
  const auto take_two = [&] { ASSERT_TRUE(limits.process.take(waiting) && listener.take(waiting)); };
  take_two();
  auto places = std::make_unique<Places>(limits, listener, Endpoint{});
  EXPECT_TRUE(places->count_for(client("10.0.0.1", 1), start));
  EXPECT_FALSE(limits.clients.take(client("10.0.0.1", 2), start));
  EXPECT_TRUE(places->count_for(client("10.0.0.2", 1), start));
  EXPECT_TRUE(limits.clients.take(client("10.0.0.1", 2), start)) << "no longer that one's";

  take_two();
  {
    Places second(limits, listener, Endpoint{});
    EXPECT_FALSE(second.count_for(client("10.0.0.2", 2), start));
  }
  EXPECT_FALSE(limits.clients.take(client("10.0.0.2", 3), start)) << "who got no place gives none back";
  places.reset();
  EXPECT_TRUE(limits.clients.take(client("10.0.0.2", 3), start));
}

}  // namespace
}  // namespace culvert::daemon
