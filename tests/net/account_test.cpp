// What would break: a client could multiply what it may move by its tunnels, or would wait for what is over.
#include "net/account.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace culvert::net {
namespace {

using namespace std::chrono_literals;

const TimePoint start = TimePoint(100h);

TEST(Account, GivesEachReaderItsTurn) {
  Account account;
  account.set({.bytes_per_second = 1'000});
  EXPECT_TRUE(account.limits_bandwidth());
  EXPECT_LE(account.turn(Account::Way::up), start);
  EXPECT_EQ(account.take(Account::Way::up, 500, start), start + 500ms);
  EXPECT_EQ(account.take(Account::Way::up, 1'500, start), start + 2s) << "behind the first";
  EXPECT_EQ(account.turn(Account::Way::up), start + 2s);
  EXPECT_EQ(account.take(Account::Way::down, 100, start), start + 100ms) << "each way has its own";
  EXPECT_EQ(account.take(Account::Way::up, 1'000, start + 10s), start + 11s) << "what nobody took is nobody's";
}

TEST(Account, WithoutABandwidthNobodyWaits) {
  Account account;
  EXPECT_FALSE(account.limits_bandwidth());
  EXPECT_EQ(account.take(Account::Way::up, 1'000'000, start), start);
}

TEST(Account, SoManyBytesInAnIntervalAndNotOneMore) {
  Account account;
  account.set({.max_bytes = 10, .interval = 1min});
  EXPECT_FALSE(account.used_up(start));
  account.spend(9, start);
  EXPECT_FALSE(account.used_up(start));
  account.spend(1, start + 59s);
  EXPECT_TRUE(account.used_up(start + 59s));
  EXPECT_FALSE(account.overspent(start + 59s));
  account.spend(1, start + 59s);
  EXPECT_TRUE(account.overspent(start + 59'999ms));
  EXPECT_FALSE(account.overspent(start + 60s)) << "it began with its first byte";
  EXPECT_EQ(account.spent(start + 60s), 0u);
  account.spend(3, start + 90s);
  EXPECT_EQ(account.spent(start + 90s), 3u);
  EXPECT_EQ(account.spent(start + 149s), 3u) << "the next one as well";
}

TEST(Account, MayHaveNoEnd) {
  Account account;
  account.set({.max_bytes = 10, .interval = 0ms});
  account.spend(11, start);
  EXPECT_TRUE(account.overspent(start + 24h * 365));
}

TEST(Account, KeepsWhatItHasUnderOtherLimits) {
  Account account;
  account.set({.max_bytes = 10, .interval = 1min});
  account.spend(8, start);
  account.set({.max_bytes = 8, .interval = 1min});
  EXPECT_TRUE(account.used_up(start));
  account.set({});
  EXPECT_FALSE(account.used_up(start));
}

TEST(Account, CountsForThreadsAtOnce) {
  constexpr std::size_t threads = 4;
  constexpr std::size_t rounds = 20'000;
  Account account;
  account.set({.bytes_per_second = 1'000, .max_bytes = 1'000'000'000, .interval = 1min});
  std::vector<std::thread> running;
  running.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    running.emplace_back([&] {
      for (std::size_t round = 0; round < rounds; ++round) {
        account.spend(7, start);
        account.take(Account::Way::up, 1, start);
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  EXPECT_EQ(account.turn(Account::Way::up), start + 1ms * (threads * rounds));
  EXPECT_GE(account.spent(start), 7 * (threads * rounds - threads)) << "but what came as the interval began";
  EXPECT_LE(account.spent(start), 7 * threads * rounds);
}

}  // namespace
}  // namespace culvert::net
