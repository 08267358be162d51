// The seed's choices. The same seed makes the same choices on every machine, which the standard distributions do not
// promise.
#pragma once
#include <cstdint>
#include <span>

#include "base/split_mix.hpp"

namespace culvert::simulation {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() { return split_mix(state_); }
  // 0 .. bound - 1
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  // least .. most
  std::uint64_t between(std::uint64_t least, std::uint64_t most) { return least + below(most - least + 1); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  // Mostly small, now and then near `most`: each power of two is as likely as the next.
  std::uint64_t size(std::uint64_t most) {
    const std::uint64_t bits = below(64);
    return next() % ((most >> (bits % 17)) + 1);
  }
  template <class T>
  const T& pick(std::span<const T> from) {
    return from[below(from.size())];
  }
  // Another's choices: as many as it likes, without changing those made here.
  Random fork(std::uint64_t what) const { return Random(Random(state_ ^ (what * 0xd1342543de82ef95)).next()); }

 private:
  std::uint64_t state_;
};

}  // namespace culvert::simulation
