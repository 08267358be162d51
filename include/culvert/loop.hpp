// One thread's world: what is ready, what is due, what was asked to happen later in this turn.
//
// A turn, written once in Loop::turn_ends() and the loops' own run functions:
//   wait · read the clock · for each ready stream on_ready, then flush what it touched · due deadlines · posted tasks
//   · deferred work · free what was retired · interest changes
//
// Only post() may be called from other threads.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "culvert/error.hpp"

namespace culvert {

using TimePoint = std::chrono::steady_clock::time_point;  // for limits
using WallTime = std::chrono::system_clock::time_point;   // for Date
using Duration = std::chrono::steady_clock::duration;     // between two points
inline constexpr TimePoint never = TimePoint::max();      // no deadline

class BlockPool;
class DeadlineWheel;
class Loop;

// A place in a list that an object brings along: no allocation, and leaves the list when it dies.
class ListHook {
 public:
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  ~ListHook() { unlink(); }
  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (next_ == nullptr) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T>
  friend class IntrusiveList;
  ListHook* next_ = nullptr;
  ListHook* previous_ = nullptr;
};

// A place in the loop's wheel: the list of those that are asked about the same time.
class WheelHook : public ListHook {
  friend class DeadlineWheel;
  TimePoint asked_ = never;
};

// An object that has something to be asked at a time. O(1) to move.
class Deadline : public WheelHook {
 public:
  // "It is at least the time you named." Returns when to ask again (`never`: not until ask_at). Handlers only store
  // times; the comparison with the limits is made here. An object that this call destroys returns `never`.
  virtual TimePoint on_due(TimePoint now) noexcept = 0;

 protected:
  ~Deadline() = default;
};

// Node's nextTick: on_deferred runs later in the same turn, once for each defer().
class Deferred : public ListHook {
 public:
  virtual void on_deferred() noexcept = 0;  // once for each defer()

 protected:
  ~Deferred() = default;
};

// Something with bytes to send: on_flush runs as soon as the current event handler has returned.
class Flushable : public ListHook {
 public:
  virtual void on_flush() noexcept = 0;  // once for each flush_soon()

 protected:
  ~Flushable() = default;
};

// Something that has been closed and is freed at the end of the turn.
class Retired {
 public:
  virtual ~Retired() = default;
};

template <class T>
class IntrusiveList;

// What a thread runs. Time, randomness and order come from it alone; see the top of this file for a turn.
class Loop {
 public:
  using Task = std::function<void()>;                      // for post()
  static constexpr std::size_t scratch_bytes = 64 * 1024;  // of the read buffer

  Loop();
  virtual ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs `task` on the loop's thread, in order with others. From any thread.
  virtual void post(Task task) = 0;

  // "Call on_due no later than": early calls are harmless, so a later time than the one asked for before is a no-op.
  void ask_at(Deadline& deadline, TimePoint when);
  void forget(Deadline& deadline);               // it is not asked any more
  void defer(Deferred& work);                    // later in this turn
  void flush_soon(Flushable& sender);            // when this event handler has returned
  void retire(std::unique_ptr<Retired> closed);  // freed at the end of this turn
  // Owns something that nobody else does until let_go(), which retires it (and does nothing for what is not kept).
  void keep(std::unique_ptr<Retired> living);
  void let_go(Retired& closed);

  // What a program waits for before it ends: servers that listen, connections in use, names being looked up. Idle pooled
  // connections and timers do not count (Node's ref() and unref()).
  void ref() { ++references_; }
  void unref() { --references_; }
  bool referenced() const { return references_ > 0; }

  // Read once a turn.
  TimePoint now() const { return now_; }
  WallTime wall_now() const { return wall_now_; }
  // The value of a Date field for wall_now(), made anew once a second: "Sat, 21 Nov 2026 10:00:00 GMT".
  std::string_view http_date();
  // Not for secrets: ids, jitter, choice among equals.
  std::uint64_t random();
  // For secrets: bytes that nobody can guess. Loops of tests give what their seed says.
  virtual void random_fill(std::span<std::byte> bytes);

  // The one read buffer of this thread, yours until your event handler returns.
  std::span<std::byte> scratch() { return {scratch_.get(), scratch_bytes}; }
  BlockPool& blocks() { return *blocks_; }  // memory for what waits to be sent

 protected:
  // ---- for the loops that derive from this one: the steps of a turn
  void set_clock(TimePoint now, WallTime wall);
  void seed(std::uint64_t value) { random_state_ = value; }
  void flush_touched();                 // after every handler
  bool run_due();                       // due deadlines, each followed by a flush; whether there were any
  TimePoint next_due() const;           // `never` where there is none
  void turn_ends();                     // deferred work until none is left, then frees what was retired
  void free_retired();
  void free_everything();               // for destructors: what is left may need the loop that derives
  bool has_deferred() const;

 private:
  struct Queues;
  TimePoint now_{};
  WallTime wall_now_{};
  std::unique_ptr<std::byte[]> scratch_;
  std::unique_ptr<BlockPool> blocks_;
  std::unique_ptr<DeadlineWheel> wheel_;
  std::unique_ptr<Queues> queues_;
  std::uint64_t random_state_ = 0;
  std::int64_t references_ = 0;
  std::int64_t date_second_ = -1;
  char date_[32] = {};
};

}  // namespace culvert
