// What would break: a destination with one dead address would be out of reach, or slow, or be connected to twice.
#include "net/dialer.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "support/scripted_connector.hpp"

namespace culvert::test {
namespace {

using namespace std::chrono_literals;
using net::Dialer;

struct DialerTest : ::testing::Test, Dialer::Owner, Watcher {
  void dialled(std::unique_ptr<Transport> with) noexcept override {
    ++told;
    stream = std::move(with);
    stream->attach(*this);
    connected_to = dialer->connected_to().ip();
    dialer.reset();
  }
  void on_ready(Ready) noexcept override {}
  void not_dialled(std::error_code with) noexcept override {
    ++told;
    error = with;
    dialer.reset();
  }
  void dial(const std::vector<Endpoint>& addresses, std::chrono::milliseconds limit = 10s) {
    dialer.emplace(world.loop(), network, *this);
    dialer->dial(addresses, {}, limit);
    EXPECT_EQ(told, 0) << "from inside dial()";
  }

  const Endpoint first = *Endpoint::parse_ip("2001:db8::1", 443);
  const Endpoint second = *Endpoint::parse_ip("192.0.2.2", 443);
  const Endpoint third = *Endpoint::parse_ip("192.0.2.3", 443);
  World world{World::Kind::memory};
  ScriptedConnector network{world};
  std::optional<Dialer> dialer;
  std::unique_ptr<Transport> stream;
  std::error_code error;
  std::string connected_to;
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

TEST_F(DialerTest, FamiliesTakeTurns) {
  const Endpoint v6[] = {first, *Endpoint::parse_ip("2001:db8::2", 443), *Endpoint::parse_ip("2001:db8::3", 443)};
  for (const Endpoint& each : {v6[0], v6[1], v6[2], second}) network.refusing.insert(each.ip());
  dial({v6[0], v6[1], v6[2], second, third});
  world.settle();
  EXPECT_EQ(network.asked, (std::vector<std::string>{"2001:db8::1", "192.0.2.2", "2001:db8::2", "192.0.2.3"}));
  dialer.reset();
  network.asked.clear();
  network.refusing = {second.ip(), third.ip(), v6[0].ip()};
  dial({second, third, v6[0], v6[1]});
  world.settle();
  EXPECT_EQ(network.asked, (std::vector<std::string>{"192.0.2.2", "2001:db8::1", "192.0.2.3", "2001:db8::2"}));
}

TEST_F(DialerTest, TheOneThatAnsweredIsTold) {
  dial({first, second});
  world.advance(251ms);
  world.settle();
  ASSERT_EQ(network.streams.size(), 2u);
  network.streams[1]->stand();
  world.settle();
  EXPECT_EQ(connected_to, "192.0.2.2");
}

TEST_F(DialerTest, OneThatRefusesIsFollowedAtOnce) {
  network.refusing = {first.ip()};
  network.unreachable = {second.ip()};
  dial({first, second, third});
  world.settle();
  ASSERT_EQ(network.asked.size(), 3u);
  network.streams[0]->stand();
  world.settle();
  EXPECT_NE(stream, nullptr);
}

TEST_F(DialerTest, WhereAllFailTheLastOnesErrorIsTold) {
  network.unreachable = {first.ip()};
  network.refusing = {second.ip()};
  dial({first, second});
  world.settle();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(error, std::errc::connection_refused);
}

TEST_F(DialerTest, WhereNoneCanEvenBeTriedItIsToldLater) {
  network.unreachable = {first.ip()};
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
  network.unreachable = {first.ip()};
  dial({first, second});
  dialer.reset();
  world.advance(20s);
  world.settle();
  EXPECT_EQ(told, 0);
}

}  // namespace
}  // namespace culvert::test
