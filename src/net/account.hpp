// What several relays may move together, on whatever threads they run: so many bytes a second in each direction, and so
// many in an interval. Without locks: whoever has moved bytes adds them, and hears from when it may go on.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "culvert/loop.hpp"

namespace culvert::net {

struct AccountLimits {
  std::uint64_t bytes_per_second = 0;     // of each direction; 0: as fast as it goes
  std::uint64_t max_bytes = 0;            // of both directions, in an interval; 0: no limit
  std::chrono::milliseconds interval{0};  // that begins with its first byte; 0: without an end
};

class Account {
 public:
  enum class Way : std::uint8_t { up, down };  // from downstream, from upstream

  // For bytes from now on; those that it has are kept.
  void set(const AccountLimits& limits);

  bool limits_bandwidth() const { return bytes_per_second_.load(relaxed) != 0; }
  bool limits_bytes() const { return max_bytes_.load(relaxed) != 0; }

  // `bytes` have come this way: none should before the time that is returned. Each relay has its turn by it, one after
  // the other.
  TimePoint take(Way way, std::size_t bytes, TimePoint now);
  // The same for one that begins.
  TimePoint turn(Way way) const { return TimePoint(Duration(free_from_[index(way)].load(relaxed))); }

  void spend(std::uint64_t bytes, TimePoint now);
  // In the interval that `now` is in.
  std::uint64_t spent(TimePoint now) const;
  bool overspent(TimePoint now) const { return limits_bytes() && spent(now) > max_bytes_.load(relaxed); }
  bool used_up(TimePoint now) const { return limits_bytes() && spent(now) >= max_bytes_.load(relaxed); }

 private:
  static constexpr auto relaxed = std::memory_order_relaxed;
  static std::size_t index(Way way) { return static_cast<std::size_t>(way); }

  std::atomic<std::uint64_t> bytes_per_second_{0};
  std::atomic<std::uint64_t> max_bytes_{0};
  std::atomic<Duration::rep> interval_{0};
  std::array<std::atomic<Duration::rep>, 2> free_from_{};  // each way
  std::atomic<std::uint64_t> spent_{0};
  std::atomic<Duration::rep> ends_at_{0};  // the interval
};

}  // namespace culvert::net
