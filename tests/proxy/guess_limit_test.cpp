// If these fail, passwords can be guessed as fast as they are hashed, or somebody waits who owes nothing.
#include "proxy/guess_limit.hpp"

#include <gtest/gtest.h>

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;

constexpr GuessLimit::Rate rate{.burst = 3, .interval = 6s};
const TimePoint start = TimePoint{} + 1h;

TEST(GuessLimit, LetsSoManyBeWrongAtOnceAndThenOneInAnInterval) {
  GuessLimit limit;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(limit.wait("ann", rate, start), 0s) << i;
    limit.failed("ann", rate, start);
  }
  EXPECT_EQ(limit.wait("ann", rate, start), 6s);
  EXPECT_EQ(limit.wait("ann", rate, start + 5999ms), 1ms);
  EXPECT_EQ(limit.wait("ann", rate, start + 6s), 0s);
  limit.failed("ann", rate, start + 6s);
  EXPECT_EQ(limit.wait("ann", rate, start + 6s), 6s);
  EXPECT_EQ(limit.wait("bob", rate, start), 0s) << "another one";
}

TEST(GuessLimit, ForgivesWithTimeAndNoMoreThanWasOwed) {
  GuessLimit limit;
  limit.failed("ann", rate, start);
  for (int i = 0; i < 3; ++i) limit.failed("ann", rate, start + 1h);
  EXPECT_EQ(limit.wait("ann", rate, start + 1h), 6s) << "a quiet hour is worth no more than three guesses";
}

TEST(GuessLimit, HasWhatWasGuessedAtOncePaidOff) {
  GuessLimit limit;
  for (int i = 0; i < 100; ++i) limit.failed("ann", rate, start);
  EXPECT_EQ(limit.wait("ann", rate, start), 98 * 6s);
}

TEST(GuessLimit, CanBeOff) {
  GuessLimit limit;
  for (const GuessLimit::Rate& off : {GuessLimit::Rate{0, 6s}, GuessLimit::Rate{3, 0s}}) {
    for (int i = 0; i < 100; ++i) limit.failed("ann", off, start);
    EXPECT_EQ(limit.wait("ann", off, start), 0s);
  }
  EXPECT_EQ(limit.debtors(), 0u);
}

TEST(GuessLimit, TakesTheLongestTimesThatCanBeWritten) {
  GuessLimit limit;
  const GuessLimit::Rate longest{.burst = 10'000, .interval = 24h * 3650};
  for (int i = 0; i < 10'256; ++i) limit.failed("ann", longest, start);
  EXPECT_EQ(limit.wait("ann", longest, start), 257 * longest.interval);
}

TEST(GuessLimit, RemembersABoundedNumber) {
  GuessLimit limit;
  limit.failed("paid off soonest", rate, start);
  for (int i = 0; i < 3; ++i) limit.failed("ann", rate, start);
  for (std::size_t i = 1; i <= GuessLimit::debtors_max; ++i) {
    for (int twice = 0; twice < 2; ++twice) limit.failed(std::to_string(i), rate, start);
    EXPECT_LE(limit.debtors(), GuessLimit::debtors_max);
  }
  EXPECT_EQ(limit.wait("ann", rate, start), 6s) << "whoever owes most is not forgotten";
  limit.failed("one more", rate, start + 1h);
  EXPECT_EQ(limit.debtors(), 1u) << "whoever owes nothing any more is";
}

}  // namespace
}  // namespace culvert::proxy
