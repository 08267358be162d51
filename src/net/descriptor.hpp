// One open descriptor and its place in a loop's set: who hears about it, what that one wants, what the kernel was told.
#pragma once
#include <cstdint>

#include "culvert/loop.hpp"
#include "culvert/transport.hpp"

namespace culvert::net {

class EpollLoop;

class Descriptor final : public ListHook {
 public:
  // `shared`: other loops wait for the same open file (a listening socket); the kernel wakes one of them. Such a
  // descriptor can only be waited on for reading.
  enum class Use : std::uint8_t { exclusive, shared };

  // Takes `fd`, which is non-blocking, and closes it in the end; the loop must live until then.
  Descriptor(EpollLoop& loop, int fd, Use use = Use::exclusive) : loop_(loop), fd_(fd), use_(use) {}
  ~Descriptor();

  // `watcher` hears from now on; reading is wanted at first.
  void attach(Watcher& watcher);
  // Applied at the end of the loop's turn, and only where it differs from what the kernel was told.
  void want(Interest interest) {
    wanted_ = interest;
    if (differs()) apply_later();
  }

  int fd() const { return fd_; }
  EpollLoop& loop() const { return loop_; }

 private:
  friend class EpollLoop;
  void become_ready(std::uint32_t events);
  void apply();
  void apply_later();
  bool differs() const { return in_set_ ? wanted_ != told_ : !quiet_ || wanted_ != nothing; }
  void leave_set();

  static constexpr Interest nothing{.read = false, .write = false};

  EpollLoop& loop_;
  Watcher* watcher_ = nullptr;
  const int fd_;
  const Use use_;
  Interest wanted_;
  Interest told_;
  bool in_set_ = false;
  bool quiet_ = false;  // out of the set until something is wanted
};

}  // namespace culvert::net
