// What would break: a destination with one dead address would be out of reach, or slow, or be connected to twice.
#include "net/dialer.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "support/duplex.hpp"
#include "support/held_connect.hpp"
#include "support/world.hpp"

namespace culvert::test {
namespace {

using namespace std::chrono_literals;
using net::Dialer;

// Streams that stand when the test says so; each address answers as the test has it.
class ScriptedNetwork final : public Connector {
 public:
  explicit ScriptedNetwork(World& world) : world_(world) {}
  Result<std::unique_ptr<Transport>> connect(const Address& address, const ConnectOptions&) override {
    asked.push_back(address.ip.ip());
    if (address.ip == unreachable) return std::make_error_code(std::errc::network_unreachable);
    if (address.ip == refusing) return std::unique_ptr<Transport>(Duplex::refused(loop(), {}));
    auto stream = std::make_unique<HeldConnect>(world_.connect().first);
    streams.push_back(stream.get());
    return std::unique_ptr<Transport>(std::move(stream));
  }
  ManualLoop& loop() { return static_cast<ManualLoop&>(world_.loop()); }

  std::vector<std::string> asked;
  std::vector<HeldConnect*> streams;
  Endpoint unreachable;
  Endpoint refusing;

 private:
  World& world_;
};

struct DialerTest : ::testing::Test, Dialer::Owner, Watcher {
  void dialled(std::unique_ptr<Transport> with) noexcept override {
    ++told;
    stream = std::move(with);
    stream->attach(*this);
    dialer.reset();
  }
  void on_ready(Ready) noexcept override {}
  void not_dialled(std::error_code with) noexcept override {
    ++told;
    error = with;
    dialer.reset();
  }
  void dial(std::vector<Endpoint> addresses, std::chrono::milliseconds limit = 10s) {
    dialer.emplace(world.loop(), network, *this);
    dialer->dial(std::move(addresses), {}, limit);
    EXPECT_EQ(told, 0) << "from inside dial()";
  }

  const Endpoint first = *Endpoint::parse_ip("2001:db8::1", 443);
  const Endpoint second = *Endpoint::parse_ip("192.0.2.2", 443);
  const Endpoint third = *Endpoint::parse_ip("192.0.2.3", 443);
  World world{World::Kind::memory};
  ScriptedNetwork network{world};
  std::optional<Dialer> dialer;
  std::unique_ptr<Transport> stream;
  std::error_code error;
  int told = 0;
};

TEST_F(DialerTest, TheFirstThatAnswersIsTaken) {
  dial({first, second});
  world.settle();
  EXPECT_EQ(network.asked, std::vector<std::string>{"2001:db8::1"});
  network.streams[0]->stand();
  world.settle();
  EXPECT_NE(stream, nullptr);
  EXPECT_EQ(network.asked.size(), 1u);
}

TEST_F(DialerTest, OneThatDoesNotAnswerIsNotWaitedForAlone) {
  dial({first, second, third});
  world.advance(249ms);
  world.settle();
  EXPECT_EQ(network.asked.size(), 1u);
  world.advance(2ms);
  world.settle();
  ASSERT_EQ(network.asked.size(), 2u);
  network.streams[1]->stand();
  world.settle();
  EXPECT_NE(stream, nullptr);
  EXPECT_EQ(told, 1);
  world.advance(1s);
  world.settle();
  EXPECT_EQ(network.asked.size(), 2u);
  EXPECT_EQ(told, 1);
}

TEST_F(DialerTest, ALateFirstOneMayStillWin) {
  dial({first, second});
  world.advance(251ms);
  world.settle();
  ASSERT_EQ(network.streams.size(), 2u);
  network.streams[0]->stand();
  world.settle();
  EXPECT_NE(stream, nullptr);
}

TEST_F(DialerTest, OneThatRefusesIsFollowedAtOnce) {
  network.refusing = first;
  network.unreachable = second;
  dial({first, second, third});
  world.settle();
  ASSERT_EQ(network.asked.size(), 3u);
  network.streams[0]->stand();
  world.settle();
  EXPECT_NE(stream, nullptr);
}

TEST_F(DialerTest, WhereAllFailTheLastOnesErrorIsTold) {
  network.unreachable = first;
  network.refusing = second;
  dial({first, second});
  world.settle();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(error, std::errc::connection_refused);
}

TEST_F(DialerTest, WhereNoneCanEvenBeTriedItIsToldLater) {
  network.unreachable = first;
  dial({first});
  world.settle();
  EXPECT_EQ(error, std::errc::network_unreachable);
}

TEST_F(DialerTest, TheTimeIsForAllTogether) {
  dial({first, second}, 1s);
  world.advance(251ms);
  world.settle();
  EXPECT_EQ(network.asked.size(), 2u);
  world.advance(750ms);
  world.settle();
  EXPECT_EQ(error, errc::timed_out);
}

TEST_F(DialerTest, DroppedItTellsNothing) {
  network.unreachable = first;
  dial({first, second});
  dialer.reset();
  world.advance(20s);
  world.settle();
  EXPECT_EQ(told, 0);
}

}  // namespace
}  // namespace culvert::test
