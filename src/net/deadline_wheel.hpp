// Which Deadline is to be asked next: a hierarchical wheel with a resolution of one millisecond.
//
// Level 0 has a slot for each of the next 64 milliseconds, level 1 for each of the next 64 spans of 64 ms, and so on:
// five levels reach twelve days, and what is further away waits in the last slot. When the time of a coarse slot
// begins, what lies in it moves to finer ones. Nothing is ever asked early; moving a deadline is two list operations
// and a bit, and asking for a later time than before is none.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "base/intrusive_list.hpp"
#include "culvert/loop.hpp"

namespace culvert {

class DeadlineWheel {
 public:
  void ask(Deadline& deadline, TimePoint when) {
    if (when == never || (deadline.linked() && when >= deadline.asked_)) return;
    deadline.unlink();
    deadline.asked_ = std::max(when, TimePoint{std::chrono::milliseconds(horizon_ + 1)});
    place(deadline);
  }
  void forget(Deadline& deadline) { deadline.unlink(); }

  // Takes the next deadline out whose time has come by `now`; null when there is none any more.
  Deadline* take_due(TimePoint now) { return now < quiet_until_ ? nullptr : look(now); }
  // Nothing is due before; it may be that nothing is due then either (a coarse slot begins). `never`: empty.
  TimePoint next_due() const;

 private:
  static constexpr unsigned levels = 5;
  static constexpr unsigned slot_bits = 6;
  static constexpr std::uint64_t slots = 1U << slot_bits;
  static constexpr std::uint64_t no_tick = UINT64_MAX;

  struct Level {
    std::uint64_t occupied = 0;  // a bit for each slot that may have something in it
    std::array<IntrusiveList<Deadline>, slots> slot;
  };

  Deadline* look(TimePoint now);
  void place(Deadline& deadline);
  void reach(std::uint64_t tick);
  std::uint64_t next_tick() const;

  std::array<Level, levels> level_;
  IntrusiveList<Deadline> due_;
  TimePoint quiet_until_{};    // no slot begins before: most turns have nothing to look at
  std::uint64_t reached_ = 0;  // everything up to this tick has been taken out
  std::uint64_t horizon_ = 0;  // the tick of the latest `now`: whoever asks for one before waits for the next
};

}  // namespace culvert
