// Where a suite runs: in memory, in memory one byte at a time, or over real sockets. World is the one that the compile
// definition CULVERT_WORLD_MEMORY (also the default), CULVERT_WORLD_TRICKLE or CULVERT_WORLD_SOCKETS chooses.
//
// In all three the clock stands still until advance(), and everything runs in the test's own thread.
#pragma once
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/block_pool.hpp"
#include "net/epoll_loop.hpp"
#include "net/listener.hpp"
#include "net/socket_network.hpp"
#include "support/duplex.hpp"
#include "support/fake_resolver.hpp"
#include "support/manual_loop.hpp"
#include "support/memory_network.hpp"
#include "support/recording_network.hpp"
#include "support/socket_options.hpp"
#include "support/test_peer.hpp"

namespace culvert::test {

using Predicate = std::function<bool()>;

class MemoryWorld {
 public:
  explicit MemoryWorld(bool trickle = false);

  Loop& loop() { return loop_; }
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
  void settle() { loop_.settle(); }
  // Moves the clock; what is due is asked in the next turn.
  void advance(Duration duration) { loop_.advance(duration); }

 private:
  const bool trickle_;
  ManualLoop loop_;
  MemoryNetwork network_;
  RecordingNetwork recorder_{network_};
  FakeResolver resolver_;
  std::vector<std::unique_ptr<TestPeer>> clients_;
  std::vector<std::unique_ptr<TestPeer>> accepted_;
};

// Each read of the code under test returns one byte.
class TrickleWorld : public MemoryWorld {
 public:
  TrickleWorld() : MemoryWorld(true) {}
};

// A loop over real descriptors whose clock stands still.
class StoppedClockLoop final : public net::EpollLoop {
 public:
  StoppedClockLoop();
  void random_fill(std::span<std::byte> bytes) override;
  void advance(Duration duration);

 private:
  void read_clock() override {}
};

class SocketWorld {
 public:
  SocketWorld();

  Loop& loop() { return loop_; }
  net::EpollLoop& epoll_loop() { return loop_; }
  Network& network() { return recorder_; }
  FakeResolver& resolver() { return resolver_; }
  Address address() const;
  std::pair<std::unique_ptr<Transport>, TestPeer&> connect();
  TestPeer* accepted(std::size_t n) { return n < accepted_.size() ? accepted_[n].get() : nullptr; }
  const std::vector<RecordingNetwork::Attempt>& attempts() const { return recorder_.attempts(); }
  const ConnectOptions& connect_options(std::size_t n) const { return attempts().at(n).options; }
  bool run_until(const Predicate& done);
  void settle();
  void advance(Duration duration) { loop_.advance(duration); }

 private:
  StoppedClockLoop loop_;
  net::SocketNetwork network_{loop_};
  RecordingNetwork recorder_{network_};
  FakeResolver resolver_;
  net::Listener listener_;
  std::vector<std::unique_ptr<TestPeer>> clients_;
  std::vector<std::unique_ptr<TestPeer>> accepted_;
};

#if defined(CULVERT_WORLD_SOCKETS)
using World = SocketWorld;
#elif defined(CULVERT_WORLD_TRICKLE)
using World = TrickleWorld;
#else
using World = MemoryWorld;
#endif

}  // namespace culvert::test
