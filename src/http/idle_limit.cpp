#include "http/idle_limit.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <numeric>
#include <utility>

namespace culvert {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds unit{16};
constexpr milliseconds same_moment{20};  // what ends with a process or a worker of the origin is told within this
constexpr unsigned closings_needed = 3;
constexpr unsigned closings_to_halve = 16;
constexpr unsigned moments_to_forget = 32;
constexpr std::uint8_t count_max = 32;  // of those that were good, so that a change is noticed within as many closings
constexpr double left_least = 7.0 / 8;
// To be relied on: so many were as old, and so many times as many as were closed before.
constexpr unsigned good_needed = 8;
constexpr unsigned good_per_closed = 16;

// Whether `now` is not the moment that began at `began`; then the next one begins.
bool is_another(TimePoint& began, TimePoint now) {
  if (now - began <= same_moment) return false;
  began = now;
  return true;
}

unsigned sum(const auto& counts, std::size_t from, std::size_t to) {
  return std::accumulate(counts.begin() + static_cast<std::ptrdiff_t>(from),
                         counts.begin() + static_cast<std::ptrdiff_t>(to), 0U);
}

void add(std::uint8_t& count) {
  if (count < count_max) ++count;
}

}  // namespace

// Spans 0 to 3 are a unit each; from there on four make a power of two.
std::size_t IdleLimit::span_of(Duration idle) {
  const auto units = static_cast<std::uint64_t>(std::max(Duration::zero(), idle) / unit);
  if (units < 4) return units;
  const auto power = static_cast<std::size_t>(std::bit_width(units)) - 3;
  return std::min(spans - 1, 4 * power + (units >> power));
}

Duration IdleLimit::begin_of(std::size_t span) {
  if (span < 4) return unit * span;
  return unit * ((4 + span % 4) << (span / 4 - 1));
}

bool IdleLimit::vouches_for(Duration idle) const {
  const std::size_t span = span_of(idle);
  const unsigned good = sum(good_, span, spans) + sum(closed_, span + 1, spans);
  return good >= good_needed && good >= good_per_closed * sum(closed_, 0, span + 1);
}

void IdleLimit::note_closed(Duration idle, TimePoint now) {
  const std::size_t span = span_of(idle);
  if (!is_another(closed_at_, now)) {
    const std::size_t other = std::exchange(oldest_closed_, std::max(oldest_closed_, span));
    add(good_[std::min(other, span)]);
    if (span <= other) return estimate();
    if (closed_[other] > 0) --closed_[other];
    add(closed_[span]);
    return estimate();
  }
  oldest_closed_ = span;
  add(closed_[span]);
  if (++closings_ >= closings_to_halve) age();
  estimate();
}

void IdleLimit::note_good(Duration idle) { add(good_[span_of(idle)]); }

void IdleLimit::note_run_out(TimePoint now) {
  if (is_another(run_out_at_, now) && ++run_out_ >= moments_to_forget) *this = {};
}

void IdleLimit::age() {
  closings_ = 0;
  for (std::uint8_t& count : closed_) count /= 2;
  for (std::uint8_t& count : good_) count /= 2;
}

void IdleLimit::estimate() {
  limit_ = unknown;
  unsigned left = sum(closed_, 0, spans) + sum(good_, 0, spans);  // of which it is known how they fared at this age
  unsigned closed = 0;
  double part_left = 1;
  for (std::size_t span = 0; span < spans; ++span) {
    if (closed_[span] > 0) {
      closed += closed_[span];
      part_left *= 1 - static_cast<double>(closed_[span]) / left;
      if (closed >= closings_needed && part_left <= left_least) {
        limit_ = begin_of(span) - begin_of(span) / 8;
        return;
      }
    }
    left -= closed_[span] + good_[span];
  }
}

}  // namespace culvert
