// SplitMix64: one addition and some mixing, every seed is a good one. Not for secrets.
#pragma once
#include <cstdint>

namespace culvert {

// The next number, and the state after it.
inline std::uint64_t split_mix(std::uint64_t& state) {
  std::uint64_t bits = state += 0x9e3779b97f4a7c15;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  return bits ^ (bits >> 31);
}

}  // namespace culvert
