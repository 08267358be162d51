// If these fail, a server that takes long keeps its clients waiting although another could answer, a request is sent to two
// servers that may not be, or what is left of the slower one goes on: its connection, its place, a bad name.
#include <string>
#include <string_view>

#include "proxy/exchange_world.hpp"
#include "proxy/request_key.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto hedge_after = 200ms;
constexpr std::string_view put = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
constexpr std::string_view other_answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother";
constexpr std::string_view unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno";

class HedgeTest : public ExchangeTest {
 protected:
  HedgeTest() {
    with_servers(2);
    route().retry.hedge_after = hedge_after;
    config.log.access->fields = {"server", "retries", "hedges", "error.type"};
  }
  void with_servers(std::uint16_t count) {
    upstream().servers.clear();
    for (std::uint16_t i = 1; i <= count; ++i) upstream().servers.emplace_back(port(i));
  }
  // Which server the n-th connection was made to.
  std::string server(std::size_t n) { return port(network.ports.at(n)).to_string(); }
  BackendState& state(std::size_t n) { return *fleets.fleet("[upstream.api]")->backend(server(n)); }

  test::TestPeer& ask(std::string_view request) {
    start();
    test::TestPeer& client = connect();
    client.send(request);
    return client;
  }
  // Both servers have the request.
  test::TestPeer& ask_two(std::string_view request = get, std::string_view got = "\r\n\r\n") {
    test::TestPeer& client = ask(request);
    origin_got(got);
    world.advance(hedge_after);
    origin_got(got, 1);
    return client;
  }
  test::TestPeer& origin(std::size_t n) { return *world.accepted(n); }
  void expect_closed(std::size_t n) {
    EXPECT_TRUE(world.run_until([&] { return origin(n).closed(); })) << "connection " << n;
  }
  // Whatever the time, nobody else is asked.
  void expect_one_asked() {
    for (int i = 0; i < 5; ++i) {
      world.advance(hedge_after);
      world.settle();
    }
    EXPECT_EQ(network.tries, 1);
  }
  void expect_rest() {
    world.settle();
    EXPECT_EQ(gateway.exchanges(), 0u);
    for (std::size_t n = 0; n < network.ports.size(); ++n) EXPECT_EQ(state(n).under_way(), 0u) << server(n);
  }
};

using Hedging = HedgeTest;
using NoHedge = HedgeTest;

TEST_F(Hedging, TheSecondAnswersFirst) {
  test::TestPeer& client = ask_two();
  EXPECT_EQ(state(0).under_way() + state(1).under_way(), 2u);
  origin(1).send(other_answer);
  expect_answer(client, "\r\n\r\nother");
  expect_closed(0);
  expect_rest();
  EXPECT_EQ(log(), R"({"server":")" + server(1) + "\",\"retries\":1,\"hedges\":1}\n");
}

TEST_F(Hedging, TheFirstAnswersAfterAll) {
  test::TestPeer& client = ask_two();
  origin(0).send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  expect_closed(1);
  expect_rest();
  EXPECT_THAT(log(), HasSubstr("\"server\":\"" + server(0)));
}

TEST_F(Hedging, NextRequestsAreAnsweredAsEver) {
  test::TestPeer& client = ask_two();
  origin(1).send(other_answer);
  expect_answer(client, "\r\n\r\nother");
  world.settle();
  client.forget_received();
  for (std::size_t n = 0; n < 2; ++n) origin(n).forget_received();
  client.send(get);
  const auto asked = [&]() -> test::TestPeer* {
    if (!origin(1).received().empty()) return &origin(1);
    test::TestPeer* const fresh = world.accepted(2);
    return fresh != nullptr && !fresh->received().empty() ? fresh : nullptr;
  };
  ASSERT_TRUE(world.run_until([&] { return asked() != nullptr; }));
  asked()->send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  expect_rest();
}

TEST_F(Hedging, NobodyIsAskedBefore) {
  test::TestPeer& client = ask(get);
  origin_got("GET / ");
  world.advance(hedge_after - 1ms);
  world.settle();
  EXPECT_EQ(network.tries, 1);
  origin(0).send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  expect_one_asked();
}

TEST_F(Hedging, OneThatEndsUnansweredIsDropped) {
  for (const std::size_t ends : {0u, 1u}) {
    const std::size_t first = network.ports.size();
    if (first == 0) start();
    test::TestPeer& client = connect();
    client.send(get);
    origin_got("GET / ", first);
    world.advance(hedge_after);
    origin_got("GET / ", first + 1);
    origin(first + ends).close();
    world.settle();
    EXPECT_EQ(client.received(), "") << "the other one is awaited";
    origin(first + 1 - ends).send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    expect_answer(client, "\r\n\r\nok");
    expect_rest();
  }
}

TEST_F(Hedging, OneThatAnswersAsNobodyWantsIsDropped) {
  route().retry.on_status = {503};
  for (const std::size_t refuses : {0u, 1u}) {
    const std::size_t first = network.ports.size();
    if (first == 0) start();
    test::TestPeer& client = connect();
    client.send(get);
    origin_got("GET / ", first);
    world.advance(hedge_after);
    origin_got("GET / ", first + 1);
    origin(first + refuses).send(unavailable);
    expect_closed(first + refuses);
    EXPECT_EQ(client.received(), "") << "the other one is awaited";
    origin(first + 1 - refuses).send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    expect_answer(client, "\r\n\r\nok");
    expect_rest();
  }
}

TEST_F(Hedging, WithoutOnStatusEveryAnswerCounts) {
  test::TestPeer& client = ask_two();
  origin(1).send(unavailable);
  expect_answer(client, "HTTP/1.1 503 ");
  expect_closed(0);
  expect_rest();
}

TEST_F(Hedging, WhenBothFailTheLastSaysWhy) {
  test::TestPeer& client = ask_two();
  origin(1).close();
  world.settle();
  origin(0).send("nonsense\r\n\r\n");
  expect_answer(client, "HTTP/1.1 502 ");
  expect_rest();
  EXPECT_THAT(log(), HasSubstr("\"error.type\":\"upstream_response_malformed\""));
}

TEST_F(Hedging, WhenBothFailAnotherMayBeTried) {
  with_servers(3);
  route().retry.on_reset = true;
  test::TestPeer& client = ask_two();
  origin(1).close();
  world.settle();
  origin(0).close();
  origin_got("GET / ", 2).send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  expect_rest();
}

TEST_F(Hedging, AThirdIsAskedWhereTheSecondRefuses) {
  with_servers(3);
  test::TestPeer& client = ask(get);
  origin_got("GET / ");
  const std::uint16_t first = network.ports.at(0);
  network.refused = {static_cast<std::uint16_t>(first % 3 + 1)};  // whose turn it is next
  world.advance(hedge_after);
  world.settle();
  world.advance(1ms);
  origin_got("GET / ", 1).send(other_answer);
  expect_answer(client, "\r\n\r\nother");
  EXPECT_EQ(network.tries, 3);
  expect_rest();
}

TEST_F(Hedging, AKeptBodyGoesToBoth) {
  test::TestPeer& client = ask_two(put, "\r\n\r\nbody");
  origin(1).send(other_answer);
  expect_answer(client, "\r\n\r\nother");
  expect_rest();
}

TEST_F(Hedging, WaitsForTheEndOfTheRequest) {
  test::TestPeer& client = ask("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n");
  origin_got("body");
  world.advance(hedge_after);
  world.settle();
  world.advance(hedge_after / 2);
  client.send("0\r\n\r\n");
  origin_got("0\r\n\r\n");
  world.advance(hedge_after - 1ms);
  world.settle();
  EXPECT_EQ(network.tries, 1) << "the server has had no time yet";
  world.advance(1ms);
  origin_got("4\r\nbody\r\n0\r\n\r\n", 1).send(other_answer);
  expect_answer(client, "\r\n\r\nother");
  expect_rest();
}

TEST_F(Hedging, AClientThatGoesEndsBoth) {
  test::TestPeer& client = ask_two();
  client.reset();
  expect_closed(0);
  expect_closed(1);
  expect_rest();
}

TEST_F(Hedging, InterimAnswersOfTwoAreNotPassedOn) {
  test::TestPeer& client = ask_two();
  for (const std::size_t n : {0u, 1u}) {
    origin(n).send("HTTP/1.1 103 Early Hints\r\nLink: </" + std::to_string(n) + ">\r\n\r\n");
    world.settle();
  }
  origin(0).send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  EXPECT_THAT(client.received(), Not(HasSubstr("103")));
}

TEST_F(Hedging, EachHasItsTime) {
  route().retry.try_timeout = 300ms;
  route().response_timeout = 10s;
  test::TestPeer& client = ask_two();
  world.advance(100ms);
  expect_closed(0);
  world.advance(9s);
  world.settle();
  EXPECT_EQ(client.received(), "") << "the last try has all the time that the upstream has";
  world.advance(1s);
  expect_answer(client, "HTTP/1.1 504 ");
  expect_rest();
}

TEST_F(Hedging, TheCookieIsOfTheServerThatAnswers) {
  upstream().affinity = config::Affinity{.cookie = "srv"};
  test::TestPeer& client = ask_two();
  origin(1).send(other_answer);
  expect_answer(client, "\r\n\r\nother");
  EXPECT_THAT(client.received(), HasSubstr(affinity_cookie(*upstream().affinity, stable_hash(server(1)), false)));
}

TEST_F(Hedging, WhoIsOutrunHasNotFailed) {
  upstream().outlier.consecutive_failures = 1;
  upstream().outlier.latency_factor = 2;
  test::TestPeer& client = ask_two();
  world.advance(100ms);
  origin(1).send(other_answer);
  expect_answer(client, "\r\n\r\nother");
  expect_rest();
  EXPECT_EQ(state(0).failures_in_a_row(), 0u);
  EXPECT_EQ(state(0).sum(&BackendState::Share::failures), 0u);
  EXPECT_EQ(state(0).sum(&BackendState::Share::nanoseconds), 300'000'000u) << "it has taken so long at least";
  EXPECT_EQ(state(1).sum(&BackendState::Share::nanoseconds), 100'000'000u);
}

TEST_F(Hedging, WhoWasAskedLaterIsNotJudged) {
  upstream().outlier.latency_factor = 2;
  test::TestPeer& client = ask_two();
  origin(0).send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  EXPECT_EQ(state(1).sum(&BackendState::Share::answers), 0u);
}

TEST_F(Hedging, WhoFailsIsJudgedThoughTheOtherAnswers) {
  upstream().outlier.consecutive_failures = 5;
  test::TestPeer& client = ask_two();
  origin(0).close();
  world.settle();
  origin(1).send(other_answer);
  expect_answer(client, "\r\n\r\nother");
  EXPECT_EQ(state(0).failures_in_a_row(), 1u);
  EXPECT_EQ(state(1).failures_in_a_row(), 0u);
}

TEST_F(Hedging, CountsAmongTheRequestsUnderWay) {
  upstream().max_requests = 2;
  with_servers(3);
  ask_two();
  test::TestPeer& third = connect();
  third.send(get);
  expect_answer(third, "HTTP/1.1 503 ");
  origin(1).send(other_answer);
  world.settle();
  EXPECT_EQ(fleets.fleet("[upstream.api]")->under_way(), 0u);
}

TEST_F(NoHedge, WhereTheUpstreamHasAsManyAsItMay) {
  upstream().max_requests = 1;
  ask(get);
  expect_one_asked();
}

TEST_F(NoHedge, WhereItWouldWaitForAConnection) {
  upstream().max_total_sockets = 1;
  test::TestPeer& client = ask(get);
  expect_one_asked();
  origin(0).send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  EXPECT_THAT(log(), HasSubstr("\"hedges\":0")) << "not even one that waits";
}

TEST_F(NoHedge, OfWhatMayHaveDoneSomething) {
  ask(post);
  expect_one_asked();
}

TEST_F(NoHedge, OfWhatIsNotKept) {
  route().retry.max_body_size = 3;
  ask(put);
  expect_one_asked();
}

TEST_F(NoHedge, OfARequestToLeaveHttp) {
  route().upgrade = std::vector<std::string>{"websocket"};
  ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  expect_one_asked();
}

TEST_F(NoHedge, WithoutBudget) {
  upstream().retry_budget = {.percent = 0, .min_per_second = 0};
  ask(get);
  expect_one_asked();
}

TEST_F(NoHedge, WithoutATryLeft) {
  route().retry.attempts = 1;
  ask(get);
  expect_one_asked();
}

TEST_F(NoHedge, AfterTheTimeOfAllTries) {
  route().retry.timeout = 100ms;
  ask(get);
  expect_one_asked();
}

TEST_F(NoHedge, OnceAnAnswerHasBegun) {
  test::TestPeer& client = ask(get);
  origin_got("GET / ").send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
  expect_answer(client, "200 OK");
  expect_one_asked();
}

TEST_F(NoHedge, WithOneServer) {
  with_servers(1);
  ask(get);
  expect_one_asked();
}

TEST_F(NoHedge, OnABackup) {
  upstream().servers[1].backup = true;
  ask(get);
  expect_one_asked();
}

TEST_F(NoHedge, OnOneThatIsLeftOut) {
  upstream().outlier.max_ejected_percent = 100;
  ask(get);
  origin_got("GET / ");
  const std::string other = port(network.ports.at(0) == 1 ? 2 : 1).to_string();
  const auto fleet = fleets.fleet("[upstream.api]");
  const auto known = fleet->backend(other);
  EXPECT_TRUE(fleet->eject(*known, upstream().outlier, world.loop().now()));
  expect_one_asked();
}

TEST_F(NoHedge, UnlessItIsWanted) {
  route().retry.hedge_after = config::off;
  ask(get);
  expect_one_asked();
}

}  // namespace
}  // namespace culvert::proxy
