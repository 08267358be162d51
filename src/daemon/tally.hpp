// Counts what may happen very often, for a log that wants to hear of it at most once a second.
#pragma once
#include <chrono>
#include <cstdint>
#include <utility>

#include "culvert/loop.hpp"

namespace culvert::daemon {

class Tally {
 public:
  void add(std::uint64_t count = 1) { unreported_ += count; }
  bool empty() const { return unreported_ == 0; }

  // What has come together since the last report, where it is time for the next one; else 0.
  std::uint64_t take_due(TimePoint now) {
    if (unreported_ == 0 || now < next_report_) return 0;
    next_report_ = now + std::chrono::seconds(1);
    return take();
  }
  std::uint64_t take() { return std::exchange(unreported_, 0); }

 private:
  std::uint64_t unreported_ = 0;
  TimePoint next_report_ = TimePoint::min();
};

}  // namespace culvert::daemon
