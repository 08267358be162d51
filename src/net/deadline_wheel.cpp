#include "net/deadline_wheel.hpp"

#include <bit>

namespace culvert {

namespace {

using std::chrono::milliseconds;

// A tick is a millisecond since the clock's epoch.
std::uint64_t tick_at_or_after(TimePoint when) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(
      0, std::chrono::ceil<milliseconds>(when.time_since_epoch()).count()));
}
std::uint64_t tick_at_or_before(TimePoint when) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(
      0, std::chrono::floor<milliseconds>(when.time_since_epoch()).count()));
}

}  // namespace

void DeadlineWheel::place(Deadline& deadline) {
  const std::uint64_t tick = tick_at_or_after(deadline.asked_);
  for (unsigned i = 0; i < levels; ++i) {
    std::uint64_t number = tick >> (i * slot_bits);
    const std::uint64_t last = (reached_ >> (i * slot_bits)) + slots - 1;
    if (number > last) {
      if (i + 1 < levels) continue;
      number = last;
    }
    level_[i].occupied |= 1ULL << (number % slots);
    level_[i].slot[number % slots].push_back(deadline);
    quiet_until_ = std::min(quiet_until_, TimePoint{milliseconds(number << (i * slot_bits))});
    return;
  }
}

// The first tick after reached_ at which a slot begins that may have something in it.
std::uint64_t DeadlineWheel::next_tick() const {
  std::uint64_t first = no_tick;
  for (unsigned i = 0; i < levels; ++i) {
    if (level_[i].occupied == 0) continue;
    const std::uint64_t after = (reached_ >> (i * slot_bits)) + 1;
    const int ahead = std::countr_zero(std::rotr(level_[i].occupied, static_cast<int>(after % slots)));
    first = std::min(first, (after + static_cast<std::uint64_t>(ahead)) << (i * slot_bits));
  }
  return first;
}

// Moves to `tick`, which is the next one: coarse slots that begin there are spread over finer ones, and what was asked
// for at this very tick is due.
void DeadlineWheel::reach(std::uint64_t tick) {
  reached_ = tick;
  for (unsigned i = levels; i-- > 0;) {
    const std::uint64_t number = tick >> (i * slot_bits);
    if (number << (i * slot_bits) != tick) continue;
    level_[i].occupied &= ~(1ULL << (number % slots));
    IntrusiveList<Deadline> begun;
    begun.splice_back(level_[i].slot[number % slots]);
    while (!begun.empty()) {
      Deadline& deadline = begun.front();
      deadline.unlink();
      if (i == 0 || tick_at_or_after(deadline.asked_) <= tick) {
        due_.push_back(deadline);
      } else {
        place(deadline);
      }
    }
  }
}

Deadline* DeadlineWheel::look(TimePoint now) {
  horizon_ = std::max(horizon_, tick_at_or_before(now));
  while (due_.empty()) {
    const std::uint64_t tick = next_tick();
    if (tick > horizon_) {
      reached_ = horizon_;
      quiet_until_ = next_due();
      return nullptr;
    }
    reach(tick);
  }
  Deadline& deadline = due_.front();
  deadline.unlink();
  return &deadline;
}

TimePoint DeadlineWheel::next_due() const {
  if (!due_.empty()) return TimePoint{milliseconds(reached_)};
  const std::uint64_t tick = next_tick();
  return tick == no_tick ? never : TimePoint{milliseconds(tick)};
}

}  // namespace culvert
