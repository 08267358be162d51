// What would break: the watchdog would be fed while a worker hangs, or starve while all are well.
#include "daemon/pulse.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace culvert::daemon {
namespace {

using namespace std::chrono_literals;

class PulseTest : public testing::Test {
 protected:
  // Two workers, of which those that do not hang answer at once.
  std::size_t ask(const std::function<void(Underway)>& answer) {
    ++asked_;
    answer({1, 2});
    hangs_ ? held_.push_back(answer) : answer({3, 4});
    return 2;
  }
  // Lets time pass until `condition`.
  template <class Condition>
  void run_until(Condition condition) {
    io_.restart();
    while (!condition() && io_.run_one_for(10s) > 0) {
    }
    ASSERT_TRUE(condition());
  }

  asio::io_context io_;
  bool hangs_ = false;
  std::vector<std::function<void(Underway)>> held_;
  int asked_ = 0;
  int beats_ = 0;
  std::vector<std::size_t> late_;
  Underway last_;
  Pulse pulse_{io_, [this](const auto& answer) { return ask(answer); },
               {.on_beat = [this](const Underway& total) { ++beats_, last_ = total; },
                .on_late = [this](std::size_t workers) { late_.push_back(workers); }}};
};

TEST_F(PulseTest, BeatsWhenAllHaveAnswered) {
  pulse_.start(1ms);
  run_until([this] { return beats_ == 3; });
  EXPECT_EQ(last_.requests, 4u);
  EXPECT_EQ(last_.tunnels, 6u);
  EXPECT_TRUE(late_.empty());
}

TEST_F(PulseTest, OneThatHangsEndsIt) {
  hangs_ = true;
  pulse_.start(1ms);
  run_until([this] { return !late_.empty(); });
  EXPECT_EQ(late_, std::vector<std::size_t>{1});
  for (int i = 0; i < 5; ++i) io_.run_one_for(10s);
  EXPECT_EQ(beats_, 0);
  EXPECT_EQ(asked_, 1) << "what hangs is not given more to do";
  EXPECT_EQ(late_.size(), 1u) << "it is told once";
  hangs_ = false;
  held_.front()({0, 0});
  run_until([this] { return beats_ == 2; });
}

TEST_F(PulseTest, StopsAndBeginsAgain) {
  pulse_.start(1ms);
  run_until([this] { return beats_ == 1; });
  pulse_.stop();
  io_.run_for(5ms);
  const int beats = beats_;
  EXPECT_EQ(io_.run_one_for(5ms), 0u) << "nothing is left to be done";
  pulse_.start(1ms);
  run_until([&] { return beats_ == beats + 2; });
}

}  // namespace
}  // namespace culvert::daemon
