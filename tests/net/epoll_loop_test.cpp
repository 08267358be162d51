// What would break: workers would spin, sleep through what is due, lose posted work, or touch closed connections.
#include "net/epoll_loop.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "net/descriptor.hpp"

namespace culvert::net {
namespace {

using namespace std::chrono_literals;

struct Alarm final : Deadline {
  explicit Alarm(std::function<TimePoint(TimePoint)> what) : act(std::move(what)) {}
  TimePoint on_due(TimePoint now) noexcept override { return act(now); }
  std::function<TimePoint(TimePoint)> act;
};

// One end of a socket pair in a loop; the test has the other.
struct End final : Watcher {
  explicit End(EpollLoop& loop) {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) throw std::runtime_error("fds");
    descriptor = std::make_unique<Descriptor>(loop, fds[0]);
    other = fds[1];
    descriptor->attach(*this);
  }
  ~End() { ::close(other); }
  void on_ready(Ready ready) noexcept override {
    ++calls;
    last = ready;
    if (act) act();
  }
  void poke() const { ASSERT_EQ(::write(other, "x", 1), 1); }
  void read_all() const {
    char bytes[64];
    while (::read(descriptor->fd(), bytes, sizeof(bytes)) > 0) {
    }
  }

  std::unique_ptr<Descriptor> descriptor;
  int other = -1;
  int calls = 0;
  Ready last;
  std::function<void()> act;
};

class EpollLoopTest : public ::testing::Test {
 protected:
  EpollLoop loop_;
};

TEST_F(EpollLoopTest, TellsWhatIsReadyUntilItIsTaken) {
  End end(loop_);
  EXPECT_FALSE(loop_.turn(0ms));
  end.poke();
  EXPECT_TRUE(loop_.turn(1s));
  EXPECT_TRUE(loop_.turn(0ms)) << "level-triggered: what is left over is told again";
  EXPECT_EQ(end.calls, 2);
  EXPECT_TRUE(end.last.readable);
  EXPECT_FALSE(end.last.writable);
  end.read_all();
  EXPECT_FALSE(loop_.turn(0ms));
}

TEST_F(EpollLoopTest, InterestIsThatOfTheEndOfTheTurn) {
  End end(loop_);
  end.descriptor->want({.read = false, .write = true});
  end.descriptor->want({.read = false, .write = false});
  EXPECT_FALSE(loop_.turn(0ms));
  end.descriptor->want({.read = true, .write = true});
  EXPECT_TRUE(loop_.turn(1s));
  EXPECT_TRUE(end.last.writable);
  EXPECT_FALSE(end.last.readable);
}

TEST_F(EpollLoopTest, ABreakIsToldOnceToWhoWantsNothing) {
  End end(loop_);
  end.descriptor->want({.read = false, .write = false});
  loop_.turn(0ms);
  shutdown(end.other, SHUT_RDWR);
  EXPECT_TRUE(loop_.turn(1s));
  EXPECT_TRUE(end.last.broken);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(loop_.turn(0ms)) << "it would spin";
  end.descriptor->want({.read = true, .write = false});
  EXPECT_TRUE(loop_.turn(1s));
  EXPECT_TRUE(end.last.readable);
  EXPECT_EQ(end.calls, 2);
}

TEST_F(EpollLoopTest, ClosingSparesTheRestOfTheBatch) {
  // Both are ready in the same batch; whichever is told first closes the other and itself.
  auto first = std::make_unique<End>(loop_);
  auto second = std::make_unique<End>(loop_);
  int calls = 0;
  const auto close_both = [&] {
    ++calls;
    first->descriptor.reset();
    second->descriptor.reset();
  };
  first->act = close_both;
  second->act = close_both;
  loop_.turn(0ms);
  first->poke();
  second->poke();
  EXPECT_TRUE(loop_.turn(1s));
  EXPECT_FALSE(loop_.turn(0ms));
  EXPECT_EQ(calls, 1);
}

TEST_F(EpollLoopTest, ANewDescriptorWithTheNumberOfAClosedOneIsAnother) {
  auto old = std::make_unique<End>(loop_);
  auto closer = std::make_unique<End>(loop_);
  std::unique_ptr<End> fresh;
  const auto swap = [&] {
    if (fresh != nullptr) return;
    old->descriptor.reset();
    closer->descriptor.reset();
    fresh = std::make_unique<End>(loop_);
  };
  old->act = swap;
  closer->act = swap;
  loop_.turn(0ms);
  old->poke();
  closer->poke();
  EXPECT_TRUE(loop_.turn(1s));
  EXPECT_FALSE(loop_.turn(0ms));
  EXPECT_EQ(fresh->calls, 0);
  fresh->poke();
  EXPECT_TRUE(loop_.turn(1s));
  EXPECT_EQ(fresh->calls, 1);
}

TEST(EpollLoopEnd, FreesWhatIsRetiredWhileItStillStands) {
  struct Closed final : Retired {
    explicit Closed(EpollLoop& loop) : end(loop) {}
    End end;
  };
  bool freed = false;
  {
    EpollLoop loop;
    auto closed = std::make_unique<Closed>(loop);
    closed->end.act = [token = std::shared_ptr<void>(nullptr, [&](void*) { freed = true; })] {};
    loop.retire(std::move(closed));
  }
  EXPECT_TRUE(freed);
}

TEST_F(EpollLoopTest, ASharedDescriptorLeavesTheSetThoughTheFileLivesOn) {
  End end(loop_);
  const int copy = dup(end.descriptor->fd());
  auto shared = std::make_unique<Descriptor>(loop_, copy, Descriptor::Use::shared);
  End witness(loop_);
  shared->attach(witness);
  loop_.turn(0ms);
  end.descriptor->want({.read = false, .write = false});
  end.poke();
  EXPECT_TRUE(loop_.turn(1s));
  EXPECT_EQ(witness.calls, 1);
  shared->want({.read = false, .write = false});
  EXPECT_FALSE(loop_.turn(0ms));
  shared->want({.read = true, .write = false});
  EXPECT_TRUE(loop_.turn(1s));
  shared.reset();
  const int calls = witness.calls;
  EXPECT_FALSE(loop_.turn(0ms));
  EXPECT_EQ(witness.calls, calls);
}

TEST_F(EpollLoopTest, WaitsNoLongerThanUntilSomethingIsDue) {
  bool asked = false;
  Alarm alarm([&](TimePoint) {
    asked = true;
    return never;
  });
  loop_.ask_at(alarm, loop_.now() + 20ms);
  const TimePoint before = loop_.now();
  while (!asked) loop_.turn(10s);
  EXPECT_GE(loop_.now() - before, 20ms);
  EXPECT_LT(loop_.now() - before, 5s);
}

TEST_F(EpollLoopTest, RunsUntilStoppedWhatOthersPostInOrder) {
  std::string order;
  std::thread poster([&] {
    for (char c = 'a'; c <= 'z'; ++c) loop_.post([&order, c] { order += c; });
    loop_.post([this] { loop_.stop(); });
  });
  loop_.run();
  poster.join();
  EXPECT_EQ(order, "abcdefghijklmnopqrstuvwxyz");
}

TEST_F(EpollLoopTest, ATaskMayPostAnother) {
  int runs = 0;
  loop_.post([&] {
    ++runs;
    loop_.post([&] { ++runs; });
  });
  EXPECT_TRUE(loop_.turn(1s));
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(loop_.turn(1s));
  EXPECT_EQ(runs, 2);
  EXPECT_FALSE(loop_.turn(0ms));
}

// ---- as a guest ---------------------------------------------------------------------------------------------------

class GuestTest : public ::testing::Test {
 protected:
  asio::io_context host_;
  EpollLoop loop_{host_};
};

TEST_F(GuestTest, HearsWhatItsHostWaitsFor) {
  End end(loop_);
  End slow(loop_);
  end.act = [&] {
    end.read_all();
    if (end.calls == 3) host_.stop();
    if (end.calls < 3) end.poke();
  };
  end.poke();
  host_.run();
  EXPECT_EQ(end.calls, 3);
  EXPECT_EQ(slow.calls, 0);
}

TEST_F(GuestTest, AsksDeadlinesInTheirOrder) {
  std::string order;
  Alarm late([&](TimePoint) {
    order += "late";
    host_.stop();
    return never;
  });
  Alarm early([&](TimePoint) {
    order += "early ";
    return never;
  });
  loop_.ask_at(late, loop_.now() + 30ms);
  asio::post(host_, [&] {
    // A host's handler posts what it wants from the loop; the timer moves forward.
    loop_.post([&] { loop_.ask_at(early, loop_.now() + 5ms); });
  });
  host_.run();
  EXPECT_EQ(order, "early late");
}

TEST_F(GuestTest, RunsWhatOtherThreadsPost) {
  std::atomic<int> runs = 0;
  std::thread poster([&] {
    for (int i = 0; i < 1000; ++i) {
      loop_.post([&] {
        if (++runs == 1000) host_.stop();
      });
    }
  });
  host_.run();
  poster.join();
  EXPECT_EQ(runs, 1000);
}

TEST_F(GuestTest, AnEndlesslyBusyLoopLetsItsHostRun) {
  End end(loop_);
  end.poke();  // nobody reads it: always ready
  bool host_ran = false;
  end.act = [&] {
    if (end.calls == 1) {
      asio::post(host_, [&] {
        host_ran = true;
        host_.stop();
      });
    }
  };
  host_.run();
  EXPECT_TRUE(host_ran);
  EXPECT_GT(end.calls, 1);
}

TEST_F(GuestTest, QuietItSleeps) {
  End end(loop_);
  Alarm alarm([&](TimePoint) {
    host_.stop();
    return never;
  });
  loop_.ask_at(alarm, loop_.now() + 100ms);
  const std::size_t handlers = host_.run();
  EXPECT_LT(handlers, 12u);
}

TEST(EpollLoopRandom, FillsAllOfItWithOtherBytesEachTime) {
  EpollLoop loop;
  std::array<std::byte, 600> first{};
  std::array<std::byte, 600> second{};
  loop.random_fill(first);
  loop.random_fill(second);
  EXPECT_NE(first, second);
  EXPECT_LT(std::count(first.begin(), first.end(), std::byte{}), 30);
}

}  // namespace
}  // namespace culvert::net
