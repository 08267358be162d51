// Requests that wait for their upstream: until a name is resolved, or while no server can be reached.
#pragma once
#include <cstddef>
#include <utility>

#include "base/intrusive_list.hpp"
#include "config/upstream.hpp"
#include "culvert/loop.hpp"
#include "net/loop_entries.hpp"

namespace culvert::proxy {

class UpstreamWaiter : public ListHook {
 public:
  virtual void on_try_again() noexcept = 0;  // choose again; it has left the list

  TimePoint waits_until = never;  // of who is held

 protected:
  ~UpstreamWaiter() = default;
};

// Tells each of a list; those that wait again are not told twice.
inline void tell_all(IntrusiveList<UpstreamWaiter>& waiting) {
  IntrusiveList<UpstreamWaiter> all;
  all.splice_back(waiting);
  while (!all.empty()) {
    UpstreamWaiter& waiter = all.front();
    waiter.unlink();
    waiter.on_try_again();
  }
}

// First come, first served: now and then the first one tries, and when somebody gets through, all may.
class HeldRequests {
 public:
  static constexpr std::chrono::milliseconds scouts_every{100};

  HeldRequests(const config::Hold& settings, Loop& loop) : settings_(settings), loop_(loop) {}
  HeldRequests(const HeldRequests&) = delete;
  HeldRequests& operator=(const HeldRequests&) = delete;
  ~HeldRequests() { loop_.forget(due_); }

  std::size_t size() const {
    std::size_t count = 0;
    waiting_.for_each([&](UpstreamWaiter&) { ++count; });
    return count;
  }
  bool has_room() const { return size() < settings_.max_requests; }
  void add(UpstreamWaiter& waiter) {
    waiting_.push_back(waiter);
    loop_.ask_at(due_, loop_.now() + scouts_every);
  }
  void release_all() { tell_all(waiting_); }

 private:
  friend struct LoopEntries<HeldRequests>;

  // Whose time is up may stand anywhere: who has tried has gone to the end, behind those that came later.
  TimePoint on_due(TimePoint now) noexcept {
    IntrusiveList<UpstreamWaiter> called;
    bool has_scout = false;
    waiting_.for_each([&](UpstreamWaiter& waiter) {
      const bool is_late = waiter.waits_until <= now;
      if (!is_late && std::exchange(has_scout, true)) return;
      waiter.unlink();
      called.push_back(waiter);
    });
    tell_all(called);
    return waiting_.empty() ? never : now + scouts_every;
  }

  const config::Hold settings_;
  Loop& loop_;
  mutable IntrusiveList<UpstreamWaiter> waiting_;
  LoopEntries<HeldRequests>::Due due_{*this};
};

}  // namespace culvert::proxy
