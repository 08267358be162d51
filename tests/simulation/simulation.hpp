// One seed's world from beginning to end: culvert's server, gateway, agents and everything below them, on a simulated
// clock, network and resolver. The same seed is the same run, to the last turn.
#pragma once
#include <cstdint>
#include <string>

namespace culvert::simulation {

struct Verdict {
  std::string broken;        // the first promise that was broken; empty: all were kept
  std::uint64_t digest = 0;  // of everything that happened
  std::uint64_t turns = 0;
  bool calm = false;
};

// `print`: every happening, as a line on standard output.
Verdict simulate(std::uint64_t seed, bool print);

}  // namespace culvert::simulation
