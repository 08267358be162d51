// What would break: tunnels would lose, mix up or hold back bytes, hide a reset, or live beyond their limits.
#include "net/relay.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "base/block_pool.hpp"
#include "support/every_world.hpp"
#include "support/wrapped_transport.hpp"

namespace culvert::test {
namespace {

using namespace std::chrono_literals;
using net::Relay;
using net::RelayEnd;
using net::RelayLimits;

class RelayTest : public ::testing::TestWithParam<World::Kind>, public Relay::Owner {
 protected:
  RelayTest() : client_(world_.connect()), server_(world_.connect()) {}

  Relay& begin(const RelayLimits& limits = {}, std::string_view to_client = {}, std::string_view early = {}) {
    BareStream client(std::move(client_.first), world_.loop());
    client.unsent.copy(as_bytes(to_client));
    Relay& relay = relay_.emplace(world_.loop(), *this, limits, std::move(client),
                                  BareStream(std::move(server_.first), world_.loop()), &pipes_);
    relay.pass_on(as_bytes(early), {});
    relay.start();
    return relay;
  }
  void relay_ended(RelayEnd how, std::error_code cause) noexcept override {
    EXPECT_FALSE(how_) << "told twice";
    how_ = how;
    cause_ = cause;
    up_ = relay_->bytes_up();
    down_ = relay_->bytes_down();
    relay_.reset();
  }
  bool comes(const TestPeer& peer, const std::string& text) {
    return world_.run_until([&] { return peer.received() == text; });
  }
  bool ends() {
    return world_.run_until([&] { return how_.has_value(); });
  }
  TestPeer& client() { return client_.second; }
  TestPeer& server() { return server_.second; }

  World world_{GetParam()};
  net::PipePool pipes_;
  std::pair<std::unique_ptr<Transport>, TestPeer&> client_;
  std::pair<std::unique_ptr<Transport>, TestPeer&> server_;
  std::optional<Relay> relay_;
  std::optional<RelayEnd> how_;
  std::error_code cause_;
  std::uint64_t up_ = 0;
  std::uint64_t down_ = 0;
};
INSTANTIATE_TEST_SUITE_P(All, RelayTest, every_world, name_of_world);

// Bytes of which none is like its neighbours.
std::string many_bytes(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text.push_back(static_cast<char>((i * 31 + i / 251) & 0xff));
  return text;
}

TEST_P(RelayTest, CarriesBothWays) {
  begin();
  client().send("to the server");
  server().send("to the client");
  EXPECT_TRUE(comes(server(), "to the server"));
  EXPECT_TRUE(comes(client(), "to the client"));
  EXPECT_FALSE(how_);
}

TEST_P(RelayTest, WhatIsSentFirstComesFirst) {
  client().send(" and more");
  begin({}, "200", "early");
  EXPECT_TRUE(comes(server(), "early and more"));
  EXPECT_TRUE(comes(client(), "200"));
  EXPECT_EQ(relay_->bytes_up(), 14u);
  EXPECT_EQ(relay_->bytes_down(), 0u) << "the answer to CONNECT is not of the tunnel";
}

TEST_P(RelayTest, CarriesMuchBothWaysAtOnce) {
  const std::string up = many_bytes(3'000'000), down = many_bytes(2'000'001);
  begin();
  client().send(up);
  server().send(down);
  ASSERT_TRUE(world_.run_until([&] {
    return server().received().size() == up.size() && client().received().size() == down.size();
  }));
  EXPECT_TRUE(server().received() == up);
  EXPECT_TRUE(client().received() == down);
  EXPECT_EQ(relay_->bytes_up(), up.size());
  EXPECT_EQ(relay_->bytes_down(), down.size());
}

TEST_P(RelayTest, ASlowReaderStopsTheWriterAndLosesNothing) {
  const std::string much = many_bytes(16'000'000);
  begin();
  server().stop_reading();
  client().send(much);
  world_.settle();
  EXPECT_LE(world_.loop().blocks().bytes_in_use(), 2 * Loop::scratch_bytes) << "what nobody reads waits in memory";
  server().send("the other way is free");
  EXPECT_TRUE(comes(client(), "the other way is free"));
  server().start_reading();
  ASSERT_TRUE(world_.run_until([&] { return server().received().size() == much.size(); }));
  EXPECT_TRUE(server().received() == much);
}

TEST_P(RelayTest, AHalfCloseIsPassedOnAndTheOtherWayGoesOn) {
  begin();
  client().send("request");
  client().half_close();
  ASSERT_TRUE(world_.run_until([&] { return server().closed(); }));
  EXPECT_EQ(server().received(), "request");
  EXPECT_FALSE(server().error());
  EXPECT_FALSE(how_);
  server().send("answer");
  EXPECT_TRUE(comes(client(), "answer"));
  server().half_close();
  ASSERT_TRUE(ends());
  EXPECT_EQ(how_, RelayEnd::in_order);
  EXPECT_EQ(up_, 7u);
  EXPECT_EQ(down_, 6u);
  ASSERT_TRUE(world_.run_until([&] { return client().closed(); }));
  EXPECT_FALSE(client().error());
}

TEST_P(RelayTest, TheEndComesBehindWhatASlowReaderHasNotTaken) {
  const std::string much = many_bytes(4'000'000);
  begin();
  client().stop_reading();
  server().send(much);
  server().half_close();
  world_.settle();
  EXPECT_FALSE(client().closed());
  client().start_reading();
  ASSERT_TRUE(world_.run_until([&] { return client().closed(); }));
  EXPECT_TRUE(client().received() == much);
}

TEST_P(RelayTest, AResetIsAResetForTheOther) {
  begin();
  client().send("x");
  ASSERT_TRUE(comes(server(), "x"));
  server().reset();
  ASSERT_TRUE(ends());
  EXPECT_EQ(how_, RelayEnd::upstream_broken);
  EXPECT_EQ(cause_, std::errc::connection_reset);
  ASSERT_TRUE(world_.run_until([&] { return client().closed(); }));
  EXPECT_EQ(client().error(), std::errc::connection_reset);
}

TEST_P(RelayTest, AClientsResetIsToldAsSuch) {
  begin();
  client().reset();
  ASSERT_TRUE(ends());
  EXPECT_EQ(how_, RelayEnd::downstream_broken);
  ASSERT_TRUE(world_.run_until([&] { return server().closed(); }));
  EXPECT_EQ(server().error(), std::errc::connection_reset);
}

TEST_P(RelayTest, IdleItEnds) {
  begin({.idle_timeout = 10s});
  world_.advance(9s);
  client().send("x");
  ASSERT_TRUE(comes(server(), "x"));
  world_.advance(9s);
  world_.settle();
  EXPECT_FALSE(how_) << "a byte has moved meanwhile";
  world_.advance(1001ms);
  ASSERT_TRUE(ends());
  EXPECT_EQ(how_, RelayEnd::idle);
}

TEST_P(RelayTest, BusyItEndsAtItsAge) {
  begin({.idle_timeout = 10s, .max_lifetime = 15s});
  world_.advance(8s);
  client().send("x");
  ASSERT_TRUE(comes(server(), "x"));
  world_.advance(7001ms);
  ASSERT_TRUE(ends());
  EXPECT_EQ(how_, RelayEnd::too_old);
}

TEST_P(RelayTest, SoManyBytesAndNotOneMore) {
  begin({.max_bytes = 10});
  client().send("12345");
  server().send("67890");
  ASSERT_TRUE(comes(server(), "12345"));
  ASSERT_TRUE(comes(client(), "67890"));
  world_.settle();
  EXPECT_FALSE(how_);
  client().send("x");
  ASSERT_TRUE(ends());
  EXPECT_EQ(how_, RelayEnd::too_many_bytes);
}

TEST_P(RelayTest, KeepsToItsBandwidthAndIsNotIdleMeanwhile) {
  begin({.idle_timeout = 1s, .bytes_per_second = 10'000});
  client().send(std::string(20'000, 'x'));
  world_.settle();
  const std::size_t at_once = server().received().size();
  client().send(std::string(20'000, 'y'));
  world_.settle();
  EXPECT_EQ(server().received().size(), at_once) << "faster than allowed";
  for (int i = 0; i < 80 && server().received().size() < 40'000; ++i) {
    world_.advance(50ms);
    world_.settle();
  }
  EXPECT_EQ(server().received().size(), 40'000u) << "slower than allowed";
  EXPECT_FALSE(how_);
}

TEST_P(RelayTest, WaitsForWhatOthersHaveTakenOfTheirAccount) {
  net::Account account;
  account.set({.bytes_per_second = 10'000});
  account.take(net::Account::Way::up, 20'000, world_.loop().now());
  begin({.idle_timeout = 1s, .account = &account});
  client().send("x");
  server().send("y");
  EXPECT_TRUE(comes(client(), "y")) << "the other way is free";
  world_.settle();
  EXPECT_EQ(server().received(), "");
  for (int i = 0; i < 36; ++i) {
    world_.advance(50ms);
    world_.settle();
  }
  EXPECT_EQ(server().received(), "") << "before its turn";
  for (int i = 0; i < 4; ++i) {
    world_.advance(50ms);
    world_.settle();
  }
  EXPECT_EQ(server().received(), "x");
  EXPECT_FALSE(how_) << "who waits is not idle";
}

TEST_P(RelayTest, TakesOfItsAccountWhatItMoves) {
  net::Account account;
  account.set({.bytes_per_second = 10'000, .max_bytes = 1'000'000, .interval = 1h});
  const TimePoint began = world_.loop().now();
  begin({.account = &account}, "", "early");
  client().send("12345");
  server().send("67890");
  ASSERT_TRUE(comes(server(), "early12345"));
  ASSERT_TRUE(comes(client(), "67890"));
  EXPECT_EQ(account.spent(began), 15u);
  EXPECT_GT(account.turn(net::Account::Way::up), began);
  EXPECT_GT(account.turn(net::Account::Way::down), began);
}

TEST_P(RelayTest, EndsWhereItsAccountIsOverspent) {
  net::Account account;
  account.set({.max_bytes = 20, .interval = 1h});
  begin({.account = &account});
  account.spend(10, world_.loop().now());
  client().send("12345");
  server().send("67890");
  ASSERT_TRUE(comes(server(), "12345"));
  ASSERT_TRUE(comes(client(), "67890"));
  world_.settle();
  EXPECT_FALSE(how_);
  client().send("x");
  ASSERT_TRUE(ends());
  EXPECT_EQ(how_, RelayEnd::account_overspent);
}

TEST_P(RelayTest, StoppedBothSeeAReset) {
  begin().stop();
  ASSERT_TRUE(ends());
  EXPECT_EQ(how_, RelayEnd::stopped);
  ASSERT_TRUE(world_.run_until([&] { return client().closed() && server().closed(); }));
  EXPECT_EQ(client().error(), std::errc::connection_reset);
}

// A socket whose reads are noted.
struct NotedStream final : WrappedTransport {
  NotedStream(std::unique_ptr<Transport> stream, std::size_t& noted) : WrappedTransport(std::move(stream)), read_bytes(noted) {}
  int plain_handle() const override { return stream_->plain_handle(); }
  Result<Bytes> read() override {
    Result<Bytes> got = stream_->read();
    if (got) read_bytes += got->size();
    return got;
  }
  std::size_t& read_bytes;
};

class SpliceTest : public RelayTest {};
INSTANTIATE_TEST_SUITE_P(Sockets, SpliceTest, ::testing::Values(World::Kind::sockets), name_of_world);

TEST_P(SpliceTest, WhereMuchComesTheKernelMovesIt) {
  std::size_t read_bytes = 0;
  const std::string much = many_bytes(8'000'000);
  client_.first = std::make_unique<NotedStream>(std::move(client_.first), read_bytes);
  begin();
  server().stop_reading();
  client().send(much);
  world_.settle();  // until all that the kernel holds is full, and a read finds much
  server().start_reading();
  ASSERT_TRUE(world_.run_until([&] { return server().received().size() == much.size(); }));
  EXPECT_TRUE(server().received() == much);
  EXPECT_LT(read_bytes, much.size()) << "every byte was copied";
  EXPECT_EQ(relay_->bytes_up(), much.size());
  client().send("a little");
  ASSERT_TRUE(world_.run_until([&] { return server().received().size() == much.size() + 8; }));
  client().half_close();
  ASSERT_TRUE(world_.run_until([&] { return server().closed(); }));
  EXPECT_FALSE(server().error());
}

// How many bytes are read of so many that come through a relay with an account.
class SpliceWithAccountTest : public SpliceTest {
 protected:
  std::size_t read_of(std::size_t size, const net::AccountLimits& limits) {
    account_.set(limits);
    client_.first = std::make_unique<NotedStream>(std::move(client_.first), read_bytes_);
    begin({.account = &account_});
    server().stop_reading();
    client().send(many_bytes(size));
    world_.settle();
    server().start_reading();
    EXPECT_TRUE(world_.run_until([&] { return server().received().size() == size; }));
    return read_bytes_;
  }
  net::Account account_;
  std::size_t read_bytes_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Sockets, SpliceWithAccountTest, ::testing::Values(World::Kind::sockets), name_of_world);

TEST_P(SpliceWithAccountTest, BytesAreCountedInThePipe) {
  EXPECT_LT(read_of(8'000'000, {.max_bytes = 1ull << 40, .interval = 1h}), 8'000'000u) << "every byte was copied";
  EXPECT_EQ(account_.spent(world_.loop().now()), 8'000'000u);
}

TEST_P(SpliceWithAccountTest, AtABandwidthEveryByteIsRead) {
  EXPECT_EQ(read_of(8'000'000, {.bytes_per_second = 1ull << 40}), 8'000'000u) << "the kernel keeps no pace";
}

TEST_P(SpliceTest, ASlowReaderFindsAllThatIsInThePipe) {
  const std::string much = many_bytes(16'000'000);
  begin();
  client().send(much);
  client().half_close();
  ASSERT_TRUE(world_.run_until([&] { return server().received().size() > much.size() / 4; }));
  server().stop_reading();
  world_.settle();
  server().start_reading();
  ASSERT_TRUE(world_.run_until([&] { return server().closed(); }));
  EXPECT_TRUE(server().received() == much);
}

}  // namespace
}  // namespace culvert::test
