// How often passwords may be guessed. Each wrong one is a debt that is paid off with time; who owes too much has to wait
// before the next. What was guessed at the same time is owed as well, however much it is. Shared by all workers.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "culvert/loop.hpp"

namespace culvert::proxy {

class GuessLimit {
 public:
  static constexpr std::size_t debtors_max = 16 * 1024;  // then the smallest debt is forgotten
  using Milliseconds = std::chrono::milliseconds;

  struct Rate {
    std::uint32_t burst;    // so many wrong ones at once; 0: no limit
    Milliseconds interval;  // then one in this time; 0: no limit
  };

  // How long `who` has to wait before the next attempt; zero: not at all.
  Milliseconds wait(const std::string& who, const Rate& rate, TimePoint now) const;
  void failed(const std::string& who, const Rate& rate, TimePoint now);
  std::size_t debtors() const;

 private:
  // In milliseconds, since the longest intervals that can be written do not fit often into nanoseconds.
  using Time = std::chrono::time_point<std::chrono::steady_clock, Milliseconds>;
  void make_room(Time now);

  mutable std::mutex mutex_;
  std::map<std::string, Time> paid_off_;  // when nothing is owed any more; guarded by mutex_
};

}  // namespace culvert::proxy
