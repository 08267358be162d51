// How long a free connection to an origin can be kept, learned from what became of those before it.
//
// Idle time is cut into spans, each a quarter of a power of two. For each span it is counted how many connections the
// origin has closed in it while they were free, and of how many all that is known is that they were still good then: they
// were used again, or closed by us. From both follows which part of the connections would be left at each age if none were
// used or closed by us (the estimate of Kaplan and Meier). The limit is an eighth before the span at whose end an eighth
// of them would have been closed; three must have been. What is closed at one moment counts once, at the greatest age of
// all: an origin that is started anew closes young and old, and the old ones say that the young might have lived. Every
// sixteen closings all counts are halved, so that they follow the origin. A limit would never be found too short, as what
// is closed by it gets no older: when thirty-two moments have come at which connections were closed by it, everything is
// forgotten, and connections grow old until the origin closes some or none.
//
// So an origin with one limit is known after three closings, one that closes after a random time by the early ones, and
// one that is started anew now and then has no limit, as most connections live on.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "culvert/loop.hpp"

namespace culvert {

class IdleLimit {
 public:
  static constexpr Duration unknown = Duration::max();

  // Free connections are closed a while before the origin would close them; `unknown`: nothing says that it would.
  Duration limit() const { return limit_; }
  // Whether connections that were free for so long have been good so often that another one may be relied on.
  bool vouches_for(Duration idle) const;

  // One that had been free for `idle` was closed by the origin, was still good, or was closed by us at the limit.
  void note_closed(Duration idle, TimePoint now);
  void note_good(Duration idle);
  void note_run_out(TimePoint now);

 private:
  static constexpr std::size_t spans = 56;  // of 16 ms and more, the last from 7.6 minutes on
  using Counts = std::array<std::uint8_t, spans>;

  static std::size_t span_of(Duration idle);
  static Duration begin_of(std::size_t span);
  void age();
  void estimate();

  Duration limit_ = unknown;
  TimePoint closed_at_{};          // the moment at which the origin last closed one
  std::size_t oldest_closed_ = 0;  // the span of the oldest that was closed then
  TimePoint run_out_at_{};         // the moment at which we last closed one at the limit
  std::uint8_t closings_ = 0;      // since all was halved
  std::uint8_t run_out_ = 0;       // such moments
  Counts closed_{};
  Counts good_{};
};

}  // namespace culvert
