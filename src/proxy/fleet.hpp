// What all workers know together of the servers of one upstream: which of them are left out, since when, and how much each
// has under way.
//
// No lock is on the way of a request. What changes seldom (a server is left out, or is back) is written under one and then
// counted by changes(): a worker that sees the count move chooses among other servers from then on. What changes with every
// request each worker writes for itself, on a cache line of its own, and others only read.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "config/upstream.hpp"
#include "culvert/loop.hpp"

namespace culvert::proxy {

// A number that one thread writes and others may read.
template <class Number>
class Tallied {
 public:
  Number get() const { return value_.load(std::memory_order_relaxed); }
  void add(Number by) { value_.store(get() + by, std::memory_order_relaxed); }
  void subtract(Number by) { value_.store(get() - by, std::memory_order_relaxed); }

 private:
  std::atomic<Number> value_{0};
};

// A point in time that any thread may write and read; `earliest` where there is none.
class SharedTime {
 public:
  static constexpr TimePoint earliest = TimePoint::min();
  TimePoint get() const { return TimePoint(Duration(ticks_.load(std::memory_order_relaxed))); }
  void set(TimePoint time) { ticks_.store(time.time_since_epoch().count(), std::memory_order_relaxed); }
  bool replace(TimePoint from, TimePoint to) {
    Duration::rep expected = from.time_since_epoch().count();
    return ticks_.compare_exchange_strong(expected, to.time_since_epoch().count(), std::memory_order_relaxed);
  }

 private:
  std::atomic<Duration::rep> ticks_{earliest.time_since_epoch().count()};
};

// One address of a server, as the process knows it.
class BackendState {
 public:
  // What one worker has counted.
  struct alignas(64) Share {
    Tallied<std::uint32_t> under_way;
    // Since the process began; where somebody judges by them.
    Tallied<std::uint32_t> answers;
    Tallied<std::uint32_t> failures;
    Tallied<std::uint64_t> nanoseconds;  // that answers took to begin, in all
  };

  explicit BackendState(unsigned workers) : shares_(workers) {}

  Share& share(unsigned worker) { return shares_[worker]; }
  std::uint32_t under_way() const { return sum(&Share::under_way); }
  template <class Number>
  Number sum(Tallied<Number> Share::*counted) const {
    Number sum = 0;
    for (const Share& share : shares_) sum += (share.*counted).get();
    return sum;
  }

  // It does not pass its health checks.
  bool is_failing() const { return failing_.load(std::memory_order_relaxed); }
  // It is left out, for what has become of requests.
  bool is_ejected(TimePoint now) const { return ejected_until_.get() > now; }
  TimePoint ejected_until() const { return ejected_until_.get(); }
  // Since when it may be used again; SharedTime::earliest: it always could.
  TimePoint back_since() const { return back_since_.get(); }
  std::uint32_t failures_in_a_row() const { return failures_in_a_row_.load(std::memory_order_relaxed); }

 private:
  friend class Fleet;
  std::vector<Share> shares_;
  std::atomic<std::uint32_t> failures_in_a_row_{0};
  std::atomic<bool> failing_{false};
  SharedTime ejected_until_;
  SharedTime back_since_;
};

class Fleet {
 public:
  explicit Fleet(unsigned workers) : workers_(workers), under_way_(workers) {}

  // What is known of an address; the same object for all who ask, as long as one of them keeps it.
  std::shared_ptr<BackendState> backend(const std::string& address);

  // Moves when some backend can be used that could not, or the other way round; not when an ejection ends by itself.
  std::uint32_t changes() const { return changes_.load(std::memory_order_acquire); }

  // A request has failed there. Whether the backend is left out for it, from now on.
  bool failed(BackendState& backend, const config::Outlier& rules, TimePoint now);
  // A request has been answered there. Whether that is news.
  bool answered(BackendState& backend);
  // Leaves it out, unless too many are.
  bool eject(BackendState& backend, const config::Outlier& rules, TimePoint now);
  // Its health checks have failed, or succeeded, often enough.
  void set_failing(BackendState& backend, bool failing, TimePoint now);

  // An operator takes a server (as it is written, or one address of it; empty: all of them) out of use, or back. Outlives
  // reloads, as long as somebody has the upstream. Whether that changes anything.
  bool set_drained(const std::string& server, bool drained);
  bool is_drained(const std::string& server, const std::string& address) const;

  // One more request may be sent a second time than the budget has, of which there are `per_second`.
  bool take_reserve(std::uint32_t per_second, TimePoint now);

  // Of one worker, and of all; for an upstream whose requests are limited.
  struct alignas(64) UnderWay {
    Tallied<std::uint32_t> requests;
  };
  UnderWay& under_way(unsigned worker) { return under_way_[worker]; }
  std::uint32_t under_way() const;

 private:
  const unsigned workers_;
  std::atomic<std::uint32_t> changes_{0};
  SharedTime reserve_;  // when it is whole again
  std::vector<UnderWay> under_way_;
  mutable std::mutex mutex_;  // of what follows
  std::map<std::string, std::weak_ptr<BackendState>> backends_;
  std::set<std::string, std::less<>> drained_;
};

// The fleets of the process, by the names of upstreams. Asked when a configuration is applied.
class Fleets {
 public:
  explicit Fleets(unsigned of_workers) : workers(of_workers) {}
  // The same object for all who ask, as long as one of them keeps it.
  std::shared_ptr<Fleet> fleet(const std::string& upstream);

  const unsigned workers;

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<Fleet>> fleets_;
};

// One worker's way to them.
struct FleetSeat {
  Fleets& fleets;
  unsigned worker;
};

}  // namespace culvert::proxy
