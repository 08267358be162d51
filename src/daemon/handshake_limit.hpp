// How many TLS handshakes one worker may have under way. A connection takes up a place from when it is accepted where TLS
// is spoken, a PROXY header before it included, until hands are shaken. Where there is none, the next connection waits at its
// entrance, unread, and the oldest gives way to it once it has had its time.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/intrusive_list.hpp"
#include "culvert/loop.hpp"

namespace culvert::daemon {

class HandshakeLimit final : private Deadline {
 public:
  // Shaking hands takes a few round trips; who needs longer may be somebody who says nothing, to keep others out.
  static constexpr std::chrono::seconds undisturbed{1};

  class Holder {
   public:
    // Others wait: it ends, and gives its place back before it returns.
    virtual void give_way() = 0;

   protected:
    ~Holder() = default;
  };

  // One of the places, until it is destroyed. The limit outlives it.
  class Place final : public ListHook {
   public:
    Place(HandshakeLimit& limit, Holder& holder);
    ~Place();

   private:
    friend HandshakeLimit;
    HandshakeLimit& limit_;
    Holder& holder_;
    const TimePoint taken_at_;
  };

  // Where somebody waits, `on_room` is called when it is worth asking again: later, for it may be called by has_room() itself.
  HandshakeLimit(Loop& loop, std::function<void()> on_room) : loop_(loop), on_room_(std::move(on_room)) {}
  ~HandshakeLimit();

  // 0: no limit. Handshakes under way are not touched by a lower one, unless others wait.
  void set_limit(std::uint64_t limit);

  // Whether one more may begin. Where it may not, `waiting` becomes true and the caller asks again when on_room was called; it
  // belongs to the caller and says whether this limit knows of him.
  bool has_room(bool& waiting);
  void stop_waiting(bool& waiting);

 private:
  TimePoint on_due(TimePoint now) noexcept override;
  bool is_full() const { return limit_ != 0 && taken_ >= limit_; }
  TimePoint oldest_gives_way_at() { return places_.front().taken_at_ + undisturbed; }

  Loop& loop_;
  const std::function<void()> on_room_;
  std::uint64_t limit_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t waiting_ = 0;
  IntrusiveList<Place> places_;  // the oldest first
};

}  // namespace culvert::daemon
