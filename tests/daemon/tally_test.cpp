// What would break: a flood of events would flood the log as well, or the log would not add up.
#include "daemon/tally.hpp"

#include <gtest/gtest.h>

namespace culvert::daemon {
namespace {

using std::chrono::milliseconds;
const TimePoint start = TimePoint{} + std::chrono::hours(1);

TEST(Tally, ReportsTheFirstAtOnceAndTheRestASecondLater) {
  Tally tally;
  tally.add();
  EXPECT_EQ(tally.take_due(start), 1u);
  tally.add(3);
  tally.add(4);
  EXPECT_EQ(tally.take_due(start + milliseconds(999)), 0u);
  EXPECT_FALSE(tally.empty());
  EXPECT_EQ(tally.take_due(start + milliseconds(1000)), 7u);
  EXPECT_TRUE(tally.empty());
}

TEST(Tally, HasNothingToReportWhereNothingHappened) {
  Tally tally;
  EXPECT_EQ(tally.take_due(start), 0u);
  tally.add(2);
  EXPECT_EQ(tally.take_due(start), 2u) << "an empty report does not count as one";
}

TEST(Tally, GivesTheRestAtTheEndWhateverTheTime) {
  Tally tally;
  tally.add(1);
  EXPECT_EQ(tally.take_due(start), 1u);
  tally.add(5);
  EXPECT_EQ(tally.take(), 5u);
  EXPECT_EQ(tally.take(), 0u);
}

}  // namespace
}  // namespace culvert::daemon
