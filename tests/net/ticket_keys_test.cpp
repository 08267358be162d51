// What would break: sessions could be read with a key that should be gone, or clients could never resume one.
#include "net/ticket_keys.hpp"

#include <gtest/gtest.h>

namespace culvert::net {
namespace {

using namespace std::chrono_literals;

const TimePoint start = TimePoint{} + 1000h;

TEST(TicketKeys, SealWithOneForAPeriod) {
  TicketKeys keys;
  const auto first = keys.to_seal(start);
  EXPECT_EQ(keys.to_seal(start + TicketKeys::period - 1s).name, first.name);
  const auto second = keys.to_seal(start + TicketKeys::period);
  EXPECT_NE(second.name, first.name);
  EXPECT_NE(second.cipher, first.cipher);
  EXPECT_NE(second.mac, first.mac);
}

TEST(TicketKeys, OpenWhatWasSealedForOnePeriodMore) {
  TicketKeys keys;
  const auto first = keys.to_seal(start);
  const auto later = start + TicketKeys::period + 1h;
  keys.to_seal(later);
  const auto found = keys.to_open(first.name, later);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->cipher, first.cipher);
  EXPECT_TRUE(TicketKeys::is_old(*found, later));
  EXPECT_FALSE(TicketKeys::is_old(*found, start + 1h));
  EXPECT_FALSE(keys.to_open(first.name, start + 2 * TicketKeys::period));
}

TEST(TicketKeys, ForgetThemWhereNobodyComesInBetween) {
  TicketKeys keys;
  const auto first = keys.to_seal(start);
  keys.to_seal(start + 10 * TicketKeys::period);
  EXPECT_FALSE(keys.to_open(first.name, start + 10 * TicketKeys::period));
}

TEST(TicketKeys, KnowNothingBeforeTheFirst) {
  TicketKeys keys;
  const std::array<unsigned char, 16> nothing{};
  EXPECT_FALSE(keys.to_open(nothing, start));
}

}  // namespace
}  // namespace culvert::net
