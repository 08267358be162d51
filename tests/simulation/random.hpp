// The seed's choices. The same seed makes the same choices on every machine, which the standard distributions do not
// promise.
#pragma once
#include <cstdint>
#include <span>

namespace culvert::simulation {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  // SplitMix64: one addition and some mixing, every seed is a good one.
  std::uint64_t next() {
    std::uint64_t bits = state_ += 0x9e3779b97f4a7c15;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
  }
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
