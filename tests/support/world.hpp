// Where a suite runs: in memory, in memory one byte at a time, or over real sockets. A program says once which of them it
// means (suite_kind), so that its tests are compiled without knowing.
//
// In all three the clock stands still until advance(), and everything runs in the test's own thread.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "support/fake_resolver.hpp"
#include "support/recording_network.hpp"
#include "support/test_peer.hpp"

namespace culvert::test {

using Predicate = std::function<bool()>;

class World {
 public:
  enum class Kind : std::uint8_t {
    memory,
    trickle,  // each read of the code under test returns one byte
    sockets,
  };
  static const Kind suite_kind;  // memory, where the program does not define it

  explicit World(Kind which = suite_kind);
  ~World();

  const Kind kind;
  Loop& loop();
  Network& network() { return recorder_; }
  FakeResolver& resolver() { return resolver_; }
  // Where network() finds the world's peers.
  Address address() const;

  // A new connection: one end for the code under test, the other played by the test.
  std::pair<std::unique_ptr<Transport>, TestPeer&> connect();
  // The peer of the n-th connection that the code under test has made; null where there is none yet.
  TestPeer* accepted(std::size_t n) { return n < accepted_.size() ? accepted_[n].get() : nullptr; }
  // Every connection that the code under test has tried to make, to whatever address.
  const std::vector<RecordingNetwork::Attempt>& attempts() const { return recorder_.attempts(); }
  const ConnectOptions& connect_options(std::size_t n) const { return attempts().at(n).options; }

  // Turns until `done` says true; false where nothing happens any more, or not within five seconds.
  bool run_until(const Predicate& done);
  // Turns until nothing happens any more.
  void settle();
  // Moves the clock; what is due is asked in the next turn.
  void advance(Duration duration);

  // What the three differ in.
  class Ground;

 private:
  const std::unique_ptr<Ground> ground_;
  RecordingNetwork recorder_;
  FakeResolver resolver_;
  std::vector<std::unique_ptr<TestPeer>> clients_;
  std::vector<std::unique_ptr<TestPeer>> accepted_;
};

}  // namespace culvert::test
