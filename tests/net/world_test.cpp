// What would break: the suites would judge code by doubles that do not behave as sockets do. Everything here is asked
// of the double and of real sockets alike.
#include "support/world.hpp"

#include <gtest/gtest.h>

#include <string>

namespace culvert::test {
namespace {

using namespace std::chrono_literals;

// The code under test: reads what comes, notes what it is told.
struct Tested final : Watcher {
  explicit Tested(std::unique_ptr<Transport> transport) : stream(std::move(transport)) { stream->attach(*this); }
  void on_ready(Ready ready) noexcept override {
    ++calls;
    if (ready.broken) broken = true;
    if (ready.writable) {
      writable = true;
      stream->want({.read = wants_read, .write = false});
    }
    if (!ready.readable) return;
    Result<Bytes> got = stream->read();
    ++reads;
    if (got) {
      received += as_text(*got);
    } else {
      error = got.error();
      stream->want({.read = false, .write = false});
    }
  }
  Result<std::size_t> write(std::string_view text) {
    const iovec part{const_cast<char*>(text.data()), text.size()};
    return stream->write({&part, 1});
  }
  std::unique_ptr<Transport> stream;
  std::string received;
  std::error_code error;
  int calls = 0;
  int reads = 0;
  bool wants_read = true;
  bool writable = false;
  bool broken = false;
};

template <class World>
class WorldTest : public ::testing::Test {
 protected:
  WorldTest() : connection_(world_.connect()), tested_(std::move(connection_.first)), peer_(connection_.second) {}
  World world_;
  std::pair<std::unique_ptr<Transport>, TestPeer&> connection_;
  Tested tested_;
  TestPeer& peer_;
};
using Worlds = ::testing::Types<MemoryWorld, TrickleWorld, SocketWorld>;
TYPED_TEST_SUITE(WorldTest, Worlds);

TYPED_TEST(WorldTest, CarriesTextBothWays) {
  this->peer_.send("hello");
  ASSERT_TRUE(this->world_.run_until([&] { return this->tested_.received == "hello"; }));
  ASSERT_TRUE(this->tested_.write("world"));
  ASSERT_TRUE(this->world_.run_until([&] { return this->peer_.received() == "world"; }));
  EXPECT_FALSE(this->peer_.closed());
}

TYPED_TEST(WorldTest, NothingHasArrivedIsNoEnd) {
  Result<Bytes> got = this->tested_.stream->read();
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->empty());
}

TYPED_TEST(WorldTest, HalfCloseEndsOneDirection) {
  this->peer_.send("all");
  this->peer_.half_close();
  ASSERT_TRUE(this->world_.run_until([&] { return bool(this->tested_.error); }));
  EXPECT_EQ(this->tested_.error, errc::end_of_stream);
  EXPECT_EQ(this->tested_.received, "all");
  EXPECT_FALSE(this->tested_.broken);
  ASSERT_TRUE(this->tested_.write("late"));
  ASSERT_FALSE(this->tested_.stream->shutdown_write());
  ASSERT_TRUE(this->world_.run_until([&] { return this->peer_.closed(); }));
  EXPECT_EQ(this->peer_.received(), "late");
  EXPECT_FALSE(this->peer_.error());
}

TYPED_TEST(WorldTest, DestroyingCloses) {
  ASSERT_TRUE(this->tested_.write("bye"));
  this->tested_.stream.reset();
  ASSERT_TRUE(this->world_.run_until([&] { return this->peer_.closed(); }));
  EXPECT_EQ(this->peer_.received(), "bye");
  EXPECT_FALSE(this->peer_.error());
}

TYPED_TEST(WorldTest, ResetOnCloseResets) {
  this->tested_.stream->reset_on_close();
  this->tested_.stream.reset();
  ASSERT_TRUE(this->world_.run_until([&] { return this->peer_.closed(); }));
  EXPECT_EQ(this->peer_.error(), std::errc::connection_reset);
}

TYPED_TEST(WorldTest, ClosingWithUnreadBytesResets) {
  this->tested_.stream->want({.read = false, .write = false});
  this->peer_.send("unread");
  this->world_.settle();
  this->tested_.stream.reset();
  ASSERT_TRUE(this->world_.run_until([&] { return this->peer_.closed(); }));
  EXPECT_EQ(this->peer_.error(), std::errc::connection_reset);
}

TYPED_TEST(WorldTest, AResetIsAnErrorForTheReader) {
  this->peer_.reset();
  ASSERT_TRUE(this->world_.run_until([&] { return bool(this->tested_.error); }));
  EXPECT_EQ(this->tested_.error, std::errc::connection_reset);
}

TYPED_TEST(WorldTest, WritingToAPeerThatIsGoneFailsSoon) {
  this->tested_.wants_read = false;
  this->tested_.stream->want({.read = false, .write = false});
  this->peer_.close();
  ASSERT_TRUE(this->tested_.write("into the void"));
  this->world_.settle();
  EXPECT_FALSE(this->tested_.write("again"));
  EXPECT_TRUE(this->tested_.broken);
}

TYPED_TEST(WorldTest, AnOwnerThatWantsNothingHearsOfABreakOnce) {
  this->tested_.stream->want({.read = false, .write = false});
  this->world_.settle();
  this->peer_.reset();
  ASSERT_TRUE(this->world_.run_until([&] { return this->tested_.broken; }));
  this->world_.settle();
  EXPECT_EQ(this->tested_.calls, 1);
  this->tested_.stream->want({.read = true, .write = false});
  ASSERT_TRUE(this->world_.run_until([&] { return bool(this->tested_.error); }));
  EXPECT_EQ(this->tested_.error, std::errc::connection_reset);
}

TYPED_TEST(WorldTest, WhoDoesNotWantToReadIsLeftAlone) {
  this->tested_.stream->want({.read = false, .write = false});
  this->peer_.send("later");
  this->world_.settle();
  EXPECT_EQ(this->tested_.calls, 0);
  this->tested_.stream->want({.read = true, .write = false});
  ASSERT_TRUE(this->world_.run_until([&] { return this->tested_.received == "later"; }));
}

TYPED_TEST(WorldTest, ASlowReaderStopsTheWriter) {
  this->peer_.stop_reading();
  const std::string part(100'000, 'x');
  std::size_t written = 0;
  for (bool full = false; !full;) {
    Result<std::size_t> taken = this->tested_.write(part);
    ASSERT_TRUE(taken);
    written += *taken;
    full = *taken < part.size();
    this->world_.settle();
  }
  this->tested_.stream->want({.read = true, .write = true});
  this->world_.settle();
  this->peer_.start_reading();
  ASSERT_TRUE(this->world_.run_until([&] { return this->peer_.received().size() == written; }));
  EXPECT_TRUE(this->tested_.writable);
}

TYPED_TEST(WorldTest, TheClockStandsStill) {
  const TimePoint before = this->world_.loop().now();
  this->world_.settle();
  EXPECT_EQ(this->world_.loop().now(), before);
  this->world_.advance(5s);
  this->world_.settle();
  EXPECT_EQ(this->world_.loop().now(), before + 5s);
}

TYPED_TEST(WorldTest, ConnectionsOfTheConnectorArePeers) {
  EXPECT_EQ(this->world_.accepted(0), nullptr);
  Result<std::unique_ptr<Transport>> stream = this->world_.connector().connect(this->world_.address());
  ASSERT_TRUE(stream);
  Tested dialled(std::move(*stream));
  dialled.stream->want({.read = false, .write = true});
  ASSERT_TRUE(this->world_.run_until([&] { return dialled.writable && this->world_.accepted(0) != nullptr; }));
  EXPECT_FALSE(dialled.stream->take_error());
  this->world_.accepted(0)->send("welcome");
  ASSERT_TRUE(this->world_.run_until([&] { return dialled.received == "welcome"; }));
}

TYPED_TEST(WorldTest, ANewOwnerReadsOn) {
  this->tested_.stream->want({.read = false, .write = false});
  this->world_.settle();
  Tested second(std::move(this->tested_.stream));
  this->peer_.send("for the second");
  ASSERT_TRUE(this->world_.run_until([&] { return second.received == "for the second"; }));
  EXPECT_EQ(this->tested_.calls, 0);
}

using TrickleTest = WorldTest<TrickleWorld>;
TEST_F(TrickleTest, EveryReadIsOneByte) {
  peer_.send("12345");
  ASSERT_TRUE(world_.run_until([&] { return tested_.received == "12345"; }));
  EXPECT_EQ(tested_.reads, 5);
}

TEST_F(TrickleTest, LargeBodiesAreNotSlow) {
  const std::string large(Duplex::trickled_bytes + 1000, 'x');
  peer_.send(large);
  ASSERT_TRUE(world_.run_until([&] { return tested_.received == large; }));
  EXPECT_EQ(tested_.reads, static_cast<int>(Duplex::trickled_bytes) + 1);
}

}  // namespace
}  // namespace culvert::test
