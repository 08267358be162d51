#include "net/account.hpp"

#include <algorithm>

namespace culvert::net {

namespace {

Duration::rep count(TimePoint time) { return time.time_since_epoch().count(); }

}  // namespace

void Account::set(const AccountLimits& limits) {
  bytes_per_second_.store(limits.bytes_per_second, relaxed);
  max_bytes_.store(limits.max_bytes, relaxed);
  interval_.store(Duration(limits.interval).count(), relaxed);
}

TimePoint Account::take(Way way, std::size_t bytes, TimePoint now) {
  const std::uint64_t rate = bytes_per_second_.load(relaxed);
  if (rate == 0) return now;
  const std::chrono::duration<double> takes(static_cast<double>(bytes) / static_cast<double>(rate));
  std::atomic<Duration::rep>& free_from = free_from_[index(way)];
  Duration::rep before = free_from.load(relaxed);
  Duration::rep after = 0;
  do {
    after = std::max(before, count(now)) + std::chrono::duration_cast<Duration>(takes).count();
  } while (!free_from.compare_exchange_weak(before, after, relaxed));
  return TimePoint(Duration(after));
}

// Who finds that the interval is over begins the next; what is added in this moment may count for either.
void Account::spend(std::uint64_t bytes, TimePoint now) {
  if (!limits_bytes()) return;
  Duration::rep ends_at = ends_at_.load(relaxed);
  if (count(now) >= ends_at) {
    const Duration::rep interval = interval_.load(relaxed);
    const Duration::rep next = interval == 0 ? count(never) : count(now) + interval;
    if (ends_at_.compare_exchange_strong(ends_at, next, relaxed)) spent_.store(0, relaxed);
  }
  spent_.fetch_add(bytes, relaxed);
}

std::uint64_t Account::spent(TimePoint now) const {
  return count(now) < ends_at_.load(relaxed) ? spent_.load(relaxed) : 0;
}

}  // namespace culvert::net
