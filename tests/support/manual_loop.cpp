#include "support/manual_loop.hpp"

#include <utility>

namespace culvert::test {

ManualLoop::ManualLoop() {
  using namespace std::chrono;
  set_clock(TimePoint(hours(1)), sys_days(2026y / November / 21) + hours(10));
  seed(1);
}

void ManualLoop::random_fill(std::span<std::byte> bytes) {
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
}

bool ManualLoop::turn() {
  finish();  // what the test itself has asked for
  const bool ready = tell_ready();
  const bool due = run_due();
  const bool posted = run_posted();
  finish();
  return ready || due || posted || has_deferred();
}

void ManualLoop::settle() {
  while (turn()) {
  }
}

void ManualLoop::advance(Duration duration) {
  set_clock(now() + duration, wall_now() + std::chrono::duration_cast<WallTime::duration>(duration));
}

// Each source that is here now is asked once; those asked before it may add and destroy others.
bool ManualLoop::tell_ready() {
  IntrusiveList<Source> waiting;
  waiting.splice_back(sources_);
  bool any = false;
  while (!waiting.empty()) {
    Source& source = waiting.front();
    source.unlink();
    sources_.push_back(source);
    any = source.tell() || any;
    flush_touched();
  }
  return any;
}

bool ManualLoop::run_posted() {
  std::vector<Task> tasks = std::exchange(posted_, {});
  for (Task& task : tasks) {
    task();
    flush_touched();
  }
  return !tasks.empty();
}

void ManualLoop::finish() {
  flush_touched();
  turn_ends();
}

}  // namespace culvert::test
