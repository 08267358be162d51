// If these fail, a request is lost that another server could have answered, sent twice where that does harm, or a client
// waits for what nobody will answer.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "proxy/exchange_world.hpp"
#include "proxy/held_requests.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view put = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
constexpr std::string_view unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno";

class RetryTest : public ExchangeTest {
 protected:
  void with_servers(int count) {
    upstream().servers.clear();
    for (int i = 1; i <= count; ++i) upstream().servers.emplace_back(port(static_cast<std::uint16_t>(i)));
  }
};

using KeptBody = RetryTest;
using OnStatus = RetryTest;
using OnReset = RetryTest;
using OnTimeout = RetryTest;
using Holding = RetryTest;
using ChoosingFor = RetryTest;

TEST_F(KeptBody, GoesToTheNextServerWhereNothingWasSent) {
  with_servers(2);
  network.refused = {1};
  start();
  for (std::size_t i = 0; i < 2; ++i) {  // one of them meets the server that refuses
    test::TestPeer& client = connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
    world.settle();
    client.send("dy");
    origin_got("\r\n\r\nbody").send(ok_answer);
    expect_answer(client, "\r\n\r\nok");
    world.accepted(0)->forget_received();
  }
  EXPECT_EQ(network.tries, 2) << "one refused, one stands";
}

TEST_F(KeptBody, IsSentAgainOnAStaleConnectionWhereThatDoesNoHarm) {
  start();
  test::TestPeer& client = connect();
  client.send(get);
  origin_got("GET / ").send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  client.send(put);
  origin_got("\r\n\r\nbody").close();
  origin_got("\r\n\r\nbody", 1).send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  EXPECT_THAT(log(), HasSubstr("\"culvert.retries\":1"));
}

TEST_F(KeptBody, ChunkedIsAsWell) {
  start();
  test::TestPeer& client = connect();
  client.send(get);
  origin_got("GET / ").send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n");
  origin_got("4\r\nbody\r\n").close();
  test::TestPeer& second = origin_got("4\r\nbody\r\n", 1);
  client.send("0\r\n\r\n");
  EXPECT_TRUE(world.run_until([&] { return second.received().ends_with("0\r\n\r\n"); }));
  second.send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
}

TEST_F(KeptBody, OneThatIsLongerIsSentOnce) {
  route().retry.max_body_size = 3;
  start();
  test::TestPeer& client = connect();
  client.send(get);
  origin_got("GET / ").send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  client.send(put);
  origin_got("\r\n\r\nbody").close();
  expect_answer(client, "HTTP/1.1 502 ");
  EXPECT_EQ(network.tries, 1);
}

TEST_F(OnStatus, AsksAnotherServer) {
  with_servers(2);
  route().retry.on_status = {503};
  start();
  test::TestPeer& client = connect();
  client.send(put);
  origin_got("body").send(unavailable);
  origin_got("body", 1).send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  EXPECT_THAT(log(), HasSubstr("\"culvert.retries\":1"));
}

TEST_F(OnStatus, PassesOnWhatTheLastOneSays) {
  with_servers(2);
  route().retry.on_status = {503};
  start();
  test::TestPeer& client = connect();
  client.send(get);
  origin_got("GET / ").send(unavailable);
  origin_got("GET / ", 1).send(unavailable);
  expect_answer(client, "HTTP/1.1 503 ");
  expect_answer(client, "\r\n\r\nno");
  EXPECT_THAT(log(), Not(HasSubstr("error.type"))) << "it is an answer like any other";
}

TEST_F(OnStatus, IsNotForWhatMayHaveDoneSomething) {
  with_servers(2);
  route().retry.on_status = {503};
  start();
  test::TestPeer& client = connect();
  client.send(post);
  origin_got("body").send(unavailable);
  expect_answer(client, "HTTP/1.1 503 ");
  EXPECT_EQ(network.tries, 1);
}

TEST_F(OnStatus, EndsWithTheBudget) {
  with_servers(2);
  route().retry.on_status = {503};
  upstream().retry_budget = {.percent = 0, .min_per_second = 0};
  start();
  test::TestPeer& client = connect();
  client.send(get);
  origin_got("GET / ").send(unavailable);
  expect_answer(client, "HTTP/1.1 503 ");
  EXPECT_EQ(network.tries, 1);
}

TEST_F(OnReset, AsksAnotherServerOnlyWhereItIsWanted) {
  with_servers(2);
  start();
  test::TestPeer& client = connect();
  client.send(get);
  origin_got("GET / ").close();
  expect_answer(client, "HTTP/1.1 502 ");
  EXPECT_EQ(network.tries, 1);
}

TEST_F(OnReset, AsksAnotherServer) {
  with_servers(2);
  route().retry.on_reset = true;
  start();
  test::TestPeer& client = connect();
  client.send(get);
  origin_got("GET / ").close();
  origin_got("GET / ", 1).send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
}

TEST_F(OnTimeout, EachTryHasItsTime) {
  with_servers(2);
  route().retry.on_response_timeout = true;
  route().retry.try_timeout = 1s;
  start();
  test::TestPeer& client = connect();
  client.send(get);
  origin_got("GET / ");
  world.advance(1s);
  test::TestPeer& second = origin_got("GET / ", 1);
  world.advance(10s);
  world.settle();
  EXPECT_EQ(client.received(), "") << "the last try has all the time that the upstream has";
  second.send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
}

TEST_F(OnTimeout, NoTryBeginsAfterTheTimeOfAll) {
  with_servers(3);
  route().retry.on_response_timeout = true;
  route().retry.try_timeout = 2s;
  route().retry.timeout = 3s;
  start();
  test::TestPeer& client = connect();
  client.send(get);
  origin_got("GET / ");
  world.advance(2s);
  origin_got("GET / ", 1);
  world.advance(2s);
  expect_answer(client, "HTTP/1.1 504 ");
  EXPECT_EQ(network.tries, 2);
}

TEST_F(Holding, WaitsForAServerThatComesBack) {
  upstream().hold.timeout = 10s;
  with_servers(1);
  network.refused = {1};
  start();
  test::TestPeer& client = connect();
  client.send(post);
  world.settle();
  for (int i = 0; i < 5; ++i) {
    world.advance(HeldRequests::scouts_every);
    world.settle();
  }
  EXPECT_EQ(client.received(), "");
  EXPECT_GT(network.tries, 2);
  network.refused.clear();
  world.advance(HeldRequests::scouts_every);
  origin_got("\r\n\r\nbody").send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
}

TEST_F(Holding, OneTriesForAllAndAllFollow) {
  upstream().hold.timeout = 10s;
  with_servers(1);
  network.refused = {1};
  start();
  for (int i = 0; i < 3; ++i) {
    connect().send(get);
    world.settle();
  }
  const int before = network.tries;
  world.advance(HeldRequests::scouts_every);
  world.settle();
  EXPECT_EQ(network.tries, before + 1);
  network.refused.clear();
  world.advance(HeldRequests::scouts_every);
  origin_got("GET / ").send(ok_answer);
  origin_got("GET / ", 1);
  origin_got("GET / ", 2);
}

TEST_F(Holding, EndsInTime) {
  upstream().hold.timeout = 1s;
  with_servers(1);
  network.refused = {1};
  start();
  test::TestPeer& client = connect();
  client.send(get);
  world.settle();
  for (int i = 0; i < 11; ++i) {
    world.advance(HeldRequests::scouts_every);
    world.settle();
  }
  expect_answer(client, "HTTP/1.1 503 ");
  expect_answer(client, "Retry-After: ");
  EXPECT_THAT(log(), HasSubstr("upstream_hold_timeout"));
}

// Who has tried stands behind those that came later. It had to wait until all of them had tried, a tick each.
TEST_F(Holding, EndsInTimeWhoeverCameLater) {
  struct Held final : UpstreamWaiter {
    Held(HeldRequests& by, Loop& on, TimePoint until) : list(by), loop(on) {
      waits_until = until;
      list.add(*this);
    }
    void on_try_again() noexcept override { loop.now() < waits_until ? list.add(*this) : void(ended = true); }
    HeldRequests& list;
    Loop& loop;
    bool ended = false;
  };
  constexpr Duration tick = HeldRequests::scouts_every;
  HeldRequests list({.timeout = 1s}, world.loop());
  Held first(list, world.loop(), world.loop().now() + 3 * tick);
  std::vector<std::unique_ptr<Held>> later;
  const TimePoint end = world.loop().now() + 20 * tick;
  for (int i = 0; i < 10; ++i) later.push_back(std::make_unique<Held>(list, world.loop(), end));
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(first.ended);
    world.advance(HeldRequests::scouts_every);
    world.settle();
  }
  EXPECT_TRUE(first.ended);
}

TEST_F(Holding, HasRoomForSoMany) {
  upstream().hold = {.timeout = 10s, .max_requests = 1};
  with_servers(1);
  network.refused = {1};
  start();
  connect().send(get);
  world.settle();
  test::TestPeer& client = connect();
  client.send(get);
  expect_answer(client, "HTTP/1.1 503 ");
  EXPECT_THAT(log(), HasSubstr("upstream_hold_full"));
}

TEST_F(Holding, AClientThatGoesIsForgotten) {
  upstream().hold.timeout = 10s;
  with_servers(1);
  network.refused = {1};
  start();
  test::TestPeer& client = connect();
  client.send(get);
  world.settle();
  client.reset();
  world.settle();
  EXPECT_EQ(gateway.exchanges(), 0u);
  world.advance(HeldRequests::scouts_every);
  world.settle();
}

TEST_F(ChoosingFor, AffinityBringsAClientBack) {
  with_servers(3);
  upstream().affinity = config::Affinity{.cookie = "srv", .max_age = 1h};
  start();
  test::TestPeer& client = connect();
  client.send(get);
  origin_got("GET / ").send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  const std::string answer = client.received();
  const std::size_t at = answer.find("Set-Cookie: srv=");
  ASSERT_NE(at, std::string::npos) << answer;
  EXPECT_THAT(answer, HasSubstr("; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600\r\n"));
  const std::string cookie = answer.substr(at + 12, answer.find(';', at) - at - 12);
  for (int i = 0; i < 4; ++i) {
    client.forget_received();
    world.accepted(0)->forget_received();
    client.send("GET /again HTTP/1.1\r\nHost: a\r\nCookie: x=1; " + cookie + "\r\n\r\n");
    origin_got("GET /again ").send(ok_answer);
    expect_answer(client, "\r\n\r\nok");
    EXPECT_THAT(client.received(), Not(HasSubstr("Set-Cookie")));
  }
  EXPECT_EQ(network.tries, 1) << "the same server, so the same connection";
}

TEST_F(ChoosingFor, ACookieOfNoServerIsReplaced) {
  upstream().affinity = config::Affinity{.cookie = "srv"};
  start();
  for (const std::string_view value : {"0", "xyz", "", "ffffffffffffffffffff"}) {
    test::TestPeer& client = connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nCookie: srv=" + std::string(value) + "\r\n\r\n");
    origin_got("GET / ").send(ok_answer);
    expect_answer(client, "Set-Cookie: srv=");
    world.accepted(0)->forget_received();
  }
}

TEST_F(ChoosingFor, TheSameKeyGoesToTheSameServer) {
  with_servers(8);
  upstream().balance = config::Balance::consistent_hash;
  upstream().hash_on = {config::HashOn::Kind::header, "X-User"};
  start();
  test::TestPeer& client = connect();
  for (int i = 0; i < 6; ++i) {
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-User: ann\r\n\r\n");
    origin_got("GET / ").send(ok_answer);
    expect_answer(client, "\r\n\r\nok");
    world.accepted(0)->forget_received();
    client.forget_received();
  }
  EXPECT_EQ(network.tries, 1);
}

TEST_F(ChoosingFor, SoManyRequestsAtATime) {
  upstream().max_requests = 1;
  start();
  test::TestPeer& first = connect();
  first.send(get);
  test::TestPeer& origin = origin_got("GET / ");
  test::TestPeer& second = connect();
  second.send(get);
  expect_answer(second, "HTTP/1.1 503 ");
  expect_answer(second, "Retry-After: ");
  origin.send(ok_answer);
  expect_answer(first, "\r\n\r\nok");
  world.settle();
  first.send(get);
  world.accepted(0)->forget_received();
  origin_got("GET / ");
  EXPECT_THAT(log(), HasSubstr("upstream_requests_exhausted"));
}

TEST_F(ChoosingFor, AServerThatFailsIsLeftOut) {
  with_servers(2);
  upstream().outlier.consecutive_failures = 2;
  network.refused = {1};
  start();
  test::TestPeer& client = connect();
  for (int i = 0; i < 12; ++i) {
    client.send(get);
    origin_got("GET / ").send(ok_answer);
    expect_answer(client, "\r\n\r\nok");
    world.accepted(0)->forget_received();
    client.forget_received();
  }
  EXPECT_EQ(network.tries, 3) << "two refusals and the connection that stands";
}

TEST_F(ChoosingFor, AnswersCanBeFailures) {
  with_servers(2);
  upstream().outlier.consecutive_failures = 1;
  upstream().outlier.statuses = {500};
  start();
  test::TestPeer& client = connect();
  client.send(get);
  origin_got("GET / ").send("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno");
  expect_answer(client, "\r\n\r\nno");
  world.accepted(0)->forget_received();
  for (int i = 0; i < 4; ++i) {
    client.forget_received();
    client.send(get);
    test::TestPeer& other = origin_got("GET / ", 1);
    other.send(ok_answer);
    expect_answer(client, "\r\n\r\nok");
    other.forget_received();
  }
  EXPECT_EQ(world.accepted(0)->received(), "");
}

}  // namespace
}  // namespace culvert::proxy
