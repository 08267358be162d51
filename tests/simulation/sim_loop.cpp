#include "simulation/sim_loop.hpp"

#include <algorithm>
#include <utility>

namespace culvert::simulation {

namespace {

using namespace std::chrono_literals;

constexpr TimePoint epoch{1h};

}  // namespace

SimLoop::SimLoop(std::uint64_t seed) : random_(seed), begin_(epoch) {
  using namespace std::chrono;
  set_clock(epoch, sys_days(2026y / November / 21) + hours(10));
  Loop::seed(random_.next());
}

SimLoop::~SimLoop() { free_everything(); }

void SimLoop::random_fill(std::span<std::byte> bytes) {
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
}

void SimLoop::after(Duration delay, Task task) { happenings_.push({now() + delay, said_++, std::move(task)}); }

void SimLoop::jump(Duration steady, Duration wall) {
  set_clock(now() + steady, wall_now() + std::chrono::duration_cast<WallTime::duration>(steady + wall));
  turns_at_this_time_ = 0;
}

void SimLoop::advance_to(TimePoint when) {
  if (when > now()) jump(when - now(), Duration::zero());
}

bool SimLoop::turn() {
  flush_touched();  // what the simulation itself has asked for
  turn_ends();
  const bool busy = !find_ready().empty() || !posted_.empty() || has_deferred();
  if (!wait(busy)) return false;
  ++turns_at_this_time_;
  happen();
  tell(find_ready());
  run_due();
  run_posted();
  flush_touched();
  turn_ends();
  return true;
}

// Where there is something to do the clock moves by what a turn takes, if at all; else to whatever comes next.
bool SimLoop::wait(bool busy) {
  if (busy) {
    if (random_.one_in(4)) advance_to(now() + std::chrono::microseconds(random_.below(100)));
    return true;
  }
  const TimePoint next = std::min(happenings_.empty() ? never : happenings_.top().when, next_due());
  if (next == never) return false;
  advance_to(next);
  return true;
}

void SimLoop::happen() {
  while (!happenings_.empty() && happenings_.top().when <= now()) {
    const Task task = happenings_.top().task;
    happenings_.pop();
    task();
    flush_touched();
  }
}

std::vector<SimLoop::Source*> SimLoop::find_ready() {
  std::vector<Source*> ready;
  sources_.for_each([&](Source& source) {
    if (source.ready()) ready.push_back(&source);
  });
  return ready;
}

// In any order, and some only in a later turn: a kernel hands out a bounded number at a time. Those told first may
// destroy others.
void SimLoop::tell(std::vector<Source*> ready) {
  for (std::size_t i = ready.size(); i > 1; --i) std::swap(ready[i - 1], ready[random_.below(i)]);
  for (Source* source : ready) {
    if (random_.one_in(8)) continue;
    bool alive = false;
    sources_.for_each([&](Source& other) { alive = alive || &other == source; });
    if (alive && source->ready()) source->tell();
    flush_touched();
  }
}

void SimLoop::run_posted() {
  for (Task& task : std::exchange(posted_, {})) {
    task();
    flush_touched();
  }
}

}  // namespace culvert::simulation
