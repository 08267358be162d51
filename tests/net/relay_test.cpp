// What would break: tunnels would lose, mix up or hold back bytes, hide a reset, or live beyond their limits.
#include "net/relay.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "support/world.hpp"
#include "support/wrapped_transport.hpp"

namespace culvert::test {
namespace {

using namespace std::chrono_literals;
using net::Relay;
using net::RelayEnd;
using net::RelayLimits;

template <class World>
class RelayTest : public ::testing::Test, public Relay::Owner {
 protected:
  RelayTest() : client_(world_.connect()), server_(world_.connect()) {}

  Relay& begin(const RelayLimits& limits = {}, std::string_view to_client = {}, std::string_view to_server = {}) {
    Relay& relay = relay_.emplace(world_.loop(), *this, limits, std::move(client_.first), std::move(server_.first), &pipes_);
    relay.send_first(as_bytes(to_client), as_bytes(to_server));
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

  World world_;
  net::PipePool pipes_;
  std::pair<std::unique_ptr<Transport>, TestPeer&> client_;
  std::pair<std::unique_ptr<Transport>, TestPeer&> server_;
  std::optional<Relay> relay_;
  std::optional<RelayEnd> how_;
  std::error_code cause_;
  std::uint64_t up_ = 0;
  std::uint64_t down_ = 0;
};
using Worlds = ::testing::Types<MemoryWorld, TrickleWorld, SocketWorld>;
TYPED_TEST_SUITE(RelayTest, Worlds);

// Bytes of which none is like its neighbours.
std::string many_bytes(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text.push_back(static_cast<char>((i * 31 + i / 251) & 0xff));
  return text;
}

TYPED_TEST(RelayTest, CarriesBothWays) {
  this->begin();
  this->client().send("to the server");
  this->server().send("to the client");
  EXPECT_TRUE(this->comes(this->server(), "to the server"));
  EXPECT_TRUE(this->comes(this->client(), "to the client"));
  EXPECT_FALSE(this->how_);
}

TYPED_TEST(RelayTest, WhatIsSentFirstComesFirst) {
  this->client().send(" and more");
  this->begin({}, "200", "early");
  EXPECT_TRUE(this->comes(this->server(), "early and more"));
  EXPECT_TRUE(this->comes(this->client(), "200"));
  EXPECT_EQ(this->relay_->bytes_up(), 14u);
  EXPECT_EQ(this->relay_->bytes_down(), 0u) << "the answer to CONNECT is not of the tunnel";
}

TYPED_TEST(RelayTest, CarriesMuchBothWaysAtOnce) {
  const std::string up = many_bytes(3'000'000), down = many_bytes(2'000'001);
  this->begin();
  this->client().send(up);
  this->server().send(down);
  ASSERT_TRUE(this->world_.run_until([&] {
    return this->server().received().size() == up.size() && this->client().received().size() == down.size();
  }));
  EXPECT_TRUE(this->server().received() == up);
  EXPECT_TRUE(this->client().received() == down);
  EXPECT_EQ(this->relay_->bytes_up(), up.size());
  EXPECT_EQ(this->relay_->bytes_down(), down.size());
}

TYPED_TEST(RelayTest, ASlowReaderStopsTheWriterAndLosesNothing) {
  const std::string much = many_bytes(16'000'000);
  this->begin();
  this->server().stop_reading();
  this->client().send(much);
  this->world_.settle();
  EXPECT_GT(this->client().unsent(), much.size() / 4) << "somebody takes it all in";
  this->server().send("the other way is free");
  EXPECT_TRUE(this->comes(this->client(), "the other way is free"));
  this->server().start_reading();
  ASSERT_TRUE(this->world_.run_until([&] { return this->server().received().size() == much.size(); }));
  EXPECT_TRUE(this->server().received() == much);
}

TYPED_TEST(RelayTest, AHalfCloseIsPassedOnAndTheOtherWayGoesOn) {
  this->begin();
  this->client().send("request");
  this->client().half_close();
  ASSERT_TRUE(this->world_.run_until([&] { return this->server().closed(); }));
  EXPECT_EQ(this->server().received(), "request");
  EXPECT_FALSE(this->server().error());
  EXPECT_FALSE(this->how_);
  this->server().send("answer");
  EXPECT_TRUE(this->comes(this->client(), "answer"));
  this->server().half_close();
  ASSERT_TRUE(this->ends());
  EXPECT_EQ(this->how_, RelayEnd::in_order);
  EXPECT_EQ(this->up_, 7u);
  EXPECT_EQ(this->down_, 6u);
  ASSERT_TRUE(this->world_.run_until([&] { return this->client().closed(); }));
  EXPECT_FALSE(this->client().error());
}

TYPED_TEST(RelayTest, TheEndComesBehindWhatASlowReaderHasNotTaken) {
  const std::string much = many_bytes(4'000'000);
  this->begin();
  this->client().stop_reading();
  this->server().send(much);
  this->server().half_close();
  this->world_.settle();
  EXPECT_FALSE(this->client().closed());
  this->client().start_reading();
  ASSERT_TRUE(this->world_.run_until([&] { return this->client().closed(); }));
  EXPECT_TRUE(this->client().received() == much);
}

TYPED_TEST(RelayTest, AResetIsAResetForTheOther) {
  this->begin();
  this->client().send("x");
  ASSERT_TRUE(this->comes(this->server(), "x"));
  this->server().reset();
  ASSERT_TRUE(this->ends());
  EXPECT_EQ(this->how_, RelayEnd::upstream_broken);
  EXPECT_EQ(this->cause_, std::errc::connection_reset);
  ASSERT_TRUE(this->world_.run_until([&] { return this->client().closed(); }));
  EXPECT_EQ(this->client().error(), std::errc::connection_reset);
}

TYPED_TEST(RelayTest, AClientsResetIsToldAsSuch) {
  this->begin();
  this->client().reset();
  ASSERT_TRUE(this->ends());
  EXPECT_EQ(this->how_, RelayEnd::downstream_broken);
  ASSERT_TRUE(this->world_.run_until([&] { return this->server().closed(); }));
  EXPECT_EQ(this->server().error(), std::errc::connection_reset);
}

TYPED_TEST(RelayTest, IdleItEnds) {
  this->begin({.idle_timeout = 10s});
  this->world_.advance(9s);
  this->client().send("x");
  ASSERT_TRUE(this->comes(this->server(), "x"));
  this->world_.advance(9s);
  this->world_.settle();
  EXPECT_FALSE(this->how_) << "a byte has moved meanwhile";
  this->world_.advance(1001ms);
  ASSERT_TRUE(this->ends());
  EXPECT_EQ(this->how_, RelayEnd::idle);
}

TYPED_TEST(RelayTest, BusyItEndsAtItsAge) {
  this->begin({.idle_timeout = 10s, .max_lifetime = 15s});
  this->world_.advance(8s);
  this->client().send("x");
  ASSERT_TRUE(this->comes(this->server(), "x"));
  this->world_.advance(7001ms);
  ASSERT_TRUE(this->ends());
  EXPECT_EQ(this->how_, RelayEnd::too_old);
}

TYPED_TEST(RelayTest, SoManyBytesAndNotOneMore) {
  this->begin({.max_bytes = 10});
  this->client().send("12345");
  this->server().send("67890");
  ASSERT_TRUE(this->comes(this->server(), "12345"));
  ASSERT_TRUE(this->comes(this->client(), "67890"));
  this->world_.settle();
  EXPECT_FALSE(this->how_);
  this->client().send("x");
  ASSERT_TRUE(this->ends());
  EXPECT_EQ(this->how_, RelayEnd::too_many_bytes);
}

TYPED_TEST(RelayTest, KeepsToItsBandwidthAndIsNotIdleMeanwhile) {
  this->begin({.idle_timeout = 1s, .bytes_per_second = 10'000});
  this->client().send(std::string(20'000, 'x'));
  this->world_.settle();
  const std::size_t at_once = this->server().received().size();
  this->client().send(std::string(20'000, 'y'));
  this->world_.settle();
  EXPECT_EQ(this->server().received().size(), at_once) << "faster than allowed";
  for (int i = 0; i < 80 && this->server().received().size() < 40'000; ++i) {
    this->world_.advance(50ms);
    this->world_.settle();
  }
  EXPECT_EQ(this->server().received().size(), 40'000u) << "slower than allowed";
  EXPECT_FALSE(this->how_);
}

TYPED_TEST(RelayTest, StoppedBothSeeAReset) {
  this->begin().stop();
  ASSERT_TRUE(this->ends());
  EXPECT_EQ(this->how_, RelayEnd::stopped);
  ASSERT_TRUE(this->world_.run_until([&] { return this->client().closed() && this->server().closed(); }));
  EXPECT_EQ(this->client().error(), std::errc::connection_reset);
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

class SpliceTest : public RelayTest<SocketWorld> {};

TEST_F(SpliceTest, WhereMuchComesTheKernelMovesIt) {
  std::size_t read_bytes = 0;
  const std::string much = many_bytes(8'000'000);
  client_.first = std::make_unique<NotedStream>(std::move(client_.first), read_bytes);
  begin();
  client().send(much);
  ASSERT_TRUE(world_.run_until([&] { return server().received().size() == much.size(); }));
  EXPECT_TRUE(server().received() == much);
  EXPECT_LT(read_bytes, much.size() / 2);
  EXPECT_EQ(relay_->bytes_up(), much.size());
  client().send("a little");
  ASSERT_TRUE(world_.run_until([&] { return server().received().size() == much.size() + 8; }));
  client().half_close();
  ASSERT_TRUE(world_.run_until([&] { return server().closed(); }));
  EXPECT_FALSE(server().error());
}

TEST_F(SpliceTest, ASlowReaderFindsAllThatIsInThePipe) {
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
