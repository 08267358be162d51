// If these fail, a request is sent twice or not often enough, or what became of it is told wrongly.
#include "proxy/exchange.hpp"

#include <string>
#include <vector>

#include "proxy/exchange_world.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view upgrade =
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
constexpr std::string_view switched =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

using Target = ExchangeTest;
using TryingAgain = ExchangeTest;
using Waiting = ExchangeTest;
using Failing = ExchangeTest;
using Upgrading = ExchangeTest;

TEST_F(Target, Ipv6HostKeepsItsBrackets) {
  route().match.hosts = {{.text = "[2001:db8::1]", .wildcard = false}};
  route().action = config::Redirect{.to = "https://{host}{uri}", .status = 308};
  start();
  test::TestPeer& client = connect();
  client.send("GET /a HTTP/1.1\r\nHost: [2001:DB8::1]:8080\r\n\r\nGET /b HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n");
  expect_answer(client, "\r\nLocation: https://[2001:db8::1]/a\r\n");
  expect_answer(client, "\r\nLocation: https://[2001:db8::1]/b\r\n");
}

TEST_F(Target, HostIsLowerCaseWithoutPort) {
  route().match.hosts = {{.text = "a.test", .wildcard = false}};
  route().action = config::Redirect{.to = "//{host}/", .status = 308};
  start();
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: A.Test:8080\r\n\r\n");
  expect_answer(client, "\r\nLocation: //a.test/\r\n");
}

TEST_F(Target, AsteriskIsPassedOn) {
  start();
  connect().send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(origin_got("\r\n\r\n").received(), StartsWith("OPTIONS * HTTP/1.1\r\n"));
}

TEST_F(TryingAgain, TakesTheNextServerWhereOneRefuses) {
  test::TestPeer& client = answered_by_the_second();
  second().send(ok_answer);
  expect_answer(client, "200 OK");
  EXPECT_THAT(log(), HasSubstr("\"culvert.retries\":1"));
  EXPECT_THAT(log(), Not(HasSubstr("error.type"))) << "nothing went wrong in the end";
}

TEST_F(TryingAgain, ForgetsTheFirstFailureWhenTheClientLeaves) {
  answered_by_the_second().reset();
  EXPECT_TRUE(world.run_until([&] { return gateway.exchanges() == 0; }));
  EXPECT_THAT(log(), HasSubstr("client_aborted"));
}

TEST_F(TryingAgain, ForgetsTheFirstFailureWhenTheAnswerIsCut) {
  test::TestPeer& client = answered_by_the_second();
  second().send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  expect_answer(client, "half");
  second().half_close();
  ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
  EXPECT_THAT(log(), HasSubstr("upstream_aborted_body"));
}

TEST_F(TryingAgain, TakesTheNextServerWhereANameHasNoAddress) {
  upstream().servers = {name("gone.test"), port(2)};
  start();
  resolver.fail(errc::name_not_found);
  for (std::size_t i = 0; i < 2; ++i) {
    test::TestPeer& client = connect();
    client.send(get);
    origin_got(get.substr(0, 4)).send(ok_answer);
    expect_answer(client, "\r\n\r\nok");
    world.accepted(0)->forget_received();
  }
}

TEST_F(TryingAgain, AsksEveryAddressOfAName) {
  upstream().servers = {name("both.test")};
  upstream().keep_alive = false;
  network.refused_hosts = {"127.0.0.8", "127.0.0.9"};
  start();
  resolver.answer({"127.0.0.8", "127.0.0.9", "127.0.0.1"});
  for (std::size_t i = 0; i < 3; ++i) {  // whichever of them the turn begins with
    test::TestPeer& client = connect();
    client.send(post);
    origin_got("\r\n\r\nbody", i).send(ok_answer);
    expect_answer(client, "\r\n\r\nok");
  }
  EXPECT_THAT(log(), Not(HasSubstr("\"culvert.retries\":1"))) << "it was one try each";
}

TEST_F(TryingAgain, TellsWhenNoAddressOfANameListens) {
  upstream().servers = {name("both.test")};
  network.refused_hosts = {"127.0.0.8", "127.0.0.9"};
  start();
  resolver.answer({"127.0.0.8", "127.0.0.9"});
  test::TestPeer& client = connect();
  client.send(get);
  expect_answer(client, "HTTP/1.1 502 ");
  EXPECT_EQ(network.tries, 2);
}

TEST_F(TryingAgain, SendsTheWholeBodyWhereTheFirstNameHasNoAddress) {
  upstream().servers = {name("gone.test"), port(2)};
  start();
  resolver.fail(errc::name_not_found);
  for (std::size_t i = 0; i < 2; ++i) {  // one of the two begins with the name
    test::TestPeer& client = connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n");
    origin_got("4\r\nbody\r\n0\r\n\r\n").send(ok_answer);
    expect_answer(client, "\r\n\r\nok");
    world.accepted(0)->forget_received();
  }
}

TEST_F(TryingAgain, TellsTheLastFailureWhereNoServerIsLeft) {
  upstream().servers = {port(1), port(2), port(3)};
  network.refused = {1, 2, 3};
  start();
  test::TestPeer& client = connect();
  client.send(post);
  expect_answer(client, "HTTP/1.1 502 ");
  EXPECT_EQ(network.tries, 3);
  EXPECT_THAT(log(), HasSubstr("upstream_connect_refused"));
}

TEST_F(TryingAgain, EndsWithTheAttemptsOfTheRoute) {
  upstream().servers = {port(1), port(2), port(3)};
  network.refused = {1, 2, 3};
  route().retry.attempts = 2;
  start();
  test::TestPeer& client = connect();
  client.send(get);
  expect_answer(client, "HTTP/1.1 502 ");
  EXPECT_EQ(network.tries, 2);
}

TEST_F(TryingAgain, IsLeftWhereTheRouteDoesNotWantIt) {
  upstream().servers = {port(1), port(2)};
  network.refused = {1, 2};
  route().retry.on_connect_failure = false;
  start();
  test::TestPeer& client = connect();
  client.send(get);
  expect_answer(client, "HTTP/1.1 502 ");
  EXPECT_EQ(network.tries, 1);
}

TEST_F(TryingAgain, IsLeftWhereTheUpstreamMayHaveActed) {
  start();
  test::TestPeer& client = connect();
  client.send(get);
  origin_got("GET / ").send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  client.send(post);
  origin_got("\r\n\r\nbody").half_close();
  expect_answer(client, "HTTP/1.1 502 ");
  EXPECT_EQ(network.tries, 1);
  EXPECT_THAT(log(), HasSubstr("upstream_reset_before_response"));
}

TEST_F(TryingAgain, KnowsThatAConnectionItWaitedForHadBeenUsed) {
  upstream().max_sockets = 1;
  start();
  test::TestPeer& first = connect();
  first.send(get);
  origin_got("\r\n\r\n");
  test::TestPeer& waiting = connect();
  waiting.send("GET /waiting HTTP/1.1\r\nHost: a\r\n\r\n");
  world.accepted(0)->send(ok_answer);
  origin_got("/waiting").close();
  origin_got("/waiting", 1).send(ok_answer);
  expect_answer(waiting, "\r\n\r\nok");
  EXPECT_THAT(log(), HasSubstr("\"culvert.retries\":1"));
}

// Each stale connection says nothing of the server, which may be well: it is no try that the next one has to share.
TEST_F(TryingAgain, OutlivesOneStaleConnectionAfterAnother) {
  start();
  for (int i = 0; i < 3; ++i) connect().send(get);
  for (std::size_t i = 0; i < 3; ++i) origin_got("\r\n\r\n", i);
  for (std::size_t i = 0; i < 3; ++i) world.accepted(i)->send(ok_answer);
  world.settle();
  test::TestPeer& client = connect();
  client.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n");
  for (std::size_t last : {2U, 1U, 0U}) origin_got("/again", last).close();
  origin_got("/again", 3).send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
}

// Both have run out of time when the machine wakes up, the upstream first.
TEST_F(TryingAgain, IsLeftWhereTheClientHasJustGone) {
  upstream().servers = {port(1), port(2)};
  upstream().connect_timeout = 900ms;
  upstream().send_proxy_protocol = config::SendProxyProtocol::v1;
  network.silent = {1, 2};
  start();
  server.options.timeout = 1s;
  connect().send(get);
  world.settle();
  world.advance(2s);
  EXPECT_TRUE(world.run_until([&] { return gateway.exchanges() == 0; }));
  EXPECT_EQ(network.tries, 1);
}

TEST_F(TryingAgain, KeepsFramingAndTrailersOfABodyOfNothing) {
  start();
  test::TestPeer& client = connect();
  client.send(get);
  origin_got("\r\n\r\n").send(ok_answer);
  expect_answer(client, "\r\n\r\nok");
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Check: yes\r\n\r\n");
  origin_got("X-Check: yes").close();
  EXPECT_THAT(origin_got("\r\n\r\n", 1).received(), HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_THAT(world.accepted(1)->received(), EndsWith("\r\n\r\n0\r\nX-Check: yes\r\n\r\n"));
}

TEST_F(TryingAgain, CountsStaleConnectionsWhereTheRouteHasAttempts) {
  route().retry.attempts = 2;
  start();
  for (int i = 0; i < 2; ++i) connect().send(get);
  for (std::size_t i = 0; i < 2; ++i) origin_got("\r\n\r\n", i);
  for (std::size_t i = 0; i < 2; ++i) world.accepted(i)->send(ok_answer);
  world.settle();
  test::TestPeer& client = connect();
  client.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n");
  for (std::size_t last : {1U, 0U}) origin_got("/again", last).close();
  expect_answer(client, "HTTP/1.1 502 ");
  EXPECT_EQ(network.tries, 2);
}

TEST_F(Waiting, ForAFreeConnectionEndsInTime) {
  upstream().max_sockets = 1;
  upstream().connect_timeout = 2s;
  start();
  test::TestPeer& busy = connect();
  busy.send(get);
  origin_got("\r\n\r\n");
  test::TestPeer& waiting = connect();
  waiting.send(get);
  world.settle();
  EXPECT_EQ(waiting.received(), "");
  world.advance(2'100ms);
  expect_answer(waiting, "HTTP/1.1 503 ");
  EXPECT_THAT(waiting.received(), HasSubstr("error=connection_limit_reached; details=\"upstream_queue_timeout\""));
  world.accepted(0)->send(ok_answer);
  expect_answer(busy, "\r\n\r\nok");
  EXPECT_EQ(network.tries, 1);
}

TEST_F(Waiting, ForAFreeConnectionIsRewarded) {
  upstream().max_sockets = 1;
  start();
  test::TestPeer& first = connect();
  first.send(get);
  origin_got("\r\n\r\n");
  test::TestPeer& second_client = connect();
  second_client.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
  world.accepted(0)->send(ok_answer);
  expect_answer(first, "\r\n\r\nok");
  origin_got("/second").send(ok_answer);
  expect_answer(second_client, "\r\n\r\nok");
  EXPECT_EQ(network.tries, 1);
}

TEST_F(Waiting, ForANameOutlivesItsClient) {
  upstream().servers = {name("api.test")};
  start();
  test::TestPeer& client = connect();
  client.send(get);
  world.settle();
  client.reset();
  world.settle();
  resolver.answer({"127.0.0.1"});
  EXPECT_TRUE(world.run_until([&] { return gateway.exchanges() == 0; }));
  EXPECT_EQ(network.tries, 0);
  EXPECT_THAT(log(), HasSubstr("client_aborted"));
}

// The loop tells of the client and of the answer in one turn.
TEST_F(Waiting, ForANameEndsWhereItsClientHasJustGone) {
  upstream().servers = {name("api.test")};
  upstream().send_proxy_protocol = config::SendProxyProtocol::v1;
  start();
  test::TestPeer& client = connect();
  client.send(get);
  world.settle();
  client.reset();
  world.loop().post([&] { resolver.answer({"127.0.0.1"}); });
  EXPECT_TRUE(world.run_until([&] { return gateway.exchanges() == 0; }));
  EXPECT_EQ(network.tries, 0);
  EXPECT_THAT(log(), HasSubstr("client_aborted"));
}

// What it has failed with is told in peace: its client may take that when it likes.
TEST_F(Waiting, ForAParentEndsWithItsAnswer) {
  config.tunnels["out"] = {.name = "out",
                           .default_allow = true,
                           .ports = {443},
                           .parents = {.proxies = {world.address()}},
                           .connect_timeout = 1s};
  config.listeners[0].tunnel = "out";
  route().action = config::Respond{.status = 200, .body = std::string(65'200, 'x')};
  start();
  test::TestPeer& client = connect();
  client.stop_reading();
  client.send(get);  // whose answer leaves no room for the next
  client.send("CONNECT far.test:443 HTTP/1.1\r\nHost: far.test:443\r\n\r\n");
  origin_got("\r\n\r\n").send("no HTTP\r\n\r\n");
  world.settle();
  world.advance(2s);
  world.settle();
  client.start_reading();
  expect_answer(client, "</html>");
  EXPECT_THAT(log(), AllOf(HasSubstr("upstream_response_malformed"), Not(HasSubstr("upstream_name_timeout"))));
}

TEST_F(Failing, ConnectIsNotServedHere) {
  start();
  test::TestPeer& client = connect();
  client.send("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n");
  expect_answer(client, "HTTP/1.1 405 ");
  EXPECT_EQ(network.tries, 0);
}

TEST_F(Failing, AnUpstreamThatSwitchesProtocolsUnasked) {
  start();
  test::TestPeer& client = connect();
  client.send(get);
  origin_got("\r\n\r\n").send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
  expect_answer(client, "HTTP/1.1 502 ");
  EXPECT_THAT(log(), HasSubstr("upstream_upgrade_unexpected"));
}

TEST_F(Upgrading, OperatorsSeeTheStreamAmongTheTunnelsAndMayCloseIt) {
  start();
  test::TestPeer& client = connect();
  client.send(upgrade);
  client.send("from the client");
  origin_got("\r\n\r\n").send(switched);
  expect_answer(client, "HTTP/1.1 101 ");
  origin_got("from the client").send("down");
  expect_answer(client, "down");
  EXPECT_EQ(gateway.tunnels(), 1u);
  EXPECT_EQ(gateway.exchanges(), 0u);
  std::uint64_t id = 0;
  gateway.for_each_tunnel([&](const TunnelView& view) {
    id = view.id;
    EXPECT_EQ(view.route, "all");
    EXPECT_EQ(view.tunnel, "");
    EXPECT_EQ(view.target, "/chat");
    EXPECT_EQ(view.server, world.address().to_string());
    EXPECT_EQ(view.bytes_up, 15u);
    EXPECT_EQ(view.bytes_down, 4u);
  });
  EXPECT_FALSE(gateway.close_tunnel(id + 1));
  EXPECT_TRUE(gateway.close_tunnel(id));
  EXPECT_TRUE(world.run_until([&] { return gateway.tunnels() == 0; }));
  EXPECT_THAT(log(), HasSubstr("tunnel_closed"));
}

TEST_F(Upgrading, TheRouteThatItCameByMayGo) {
  start();
  test::TestPeer& client = connect();
  client.send(upgrade);
  origin_got("\r\n\r\n").send(switched);
  expect_answer(client, "HTTP/1.1 101 ");
  config.routes.clear();
  config.upstreams.clear();
  gateway.apply(std::make_shared<const config::Config>(config));
  client.send("still");
  origin_got("still").half_close();
  client.half_close();
  EXPECT_TRUE(world.run_until([&] { return gateway.tunnels() == 0; }));
  EXPECT_THAT(log(), HasSubstr("\"culvert.upstream\":\"api\""));
}

TEST_F(Failing, AnAnswerBeforeTheRequestHasEnded) {
  start();
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart");
  test::TestPeer& origin = origin_got("part");
  origin.send("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
  expect_answer(client, "\r\n\r\nno");
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 403 No\r\n"));
  EXPECT_TRUE(world.run_until([&] { return origin.closed(); })) << "the rest has no reader";
}

TEST_F(Failing, AnExpectationThatTheRouteRejects) {
  route().expect_continue = config::ExpectContinue::reject;
  start();
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  expect_answer(client, "HTTP/1.1 417 ");
  EXPECT_EQ(network.tries, 0);
}

}  // namespace
}  // namespace culvert::proxy
