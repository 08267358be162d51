// If these fail, a proxied exchange goes to the wrong place, carries the wrong fields, or fails without saying why.
#include "proxy/fleet.hpp"
#include "proxy/gateway.hpp"
#include "proxy/tunnel_places.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/collected_lines.hpp"
#include "proxy/scripted_resolver.hpp"
#include "support/world.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view ok_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() : gateway(http, &lines, places, {fleets, 0}) {
    config.log.access = config::AccessLog{.file = "-", .format = {}, .fields = {}, .redact = {}};
    config.listeners.push_back({.name = "web", .addresses = {}, .max_connections = 0, .server = {}});
    config.upstreams["api"] = {.name = "api", .servers = {world.address()}};
    route({.name = "all", .action = config::ToUpstream{"api"}});
  }
  config::Route& route(config::Route written) { return config.routes.emplace_back(std::move(written)); }
  config::Server& settings() { return config.listeners[0].server; }
  void start() {
    gateway.apply(std::make_shared<const config::Config>(config));
    server.options = Gateway::server_options(settings());
    gateway.serve(server, "web");
  }
  test::TestPeer& connect() {
    auto [stream, peer] = world.connect();
    server.adopt(std::move(stream));
    return peer;
  }
  test::TestPeer& origin_got(std::string_view text, std::size_t n = 0) {
    EXPECT_TRUE(world.run_until([&] {
      test::TestPeer* peer = world.accepted(n);
      return peer != nullptr && peer->received().find(text) != std::string::npos;
    })) << text;
    return *world.accepted(n);
  }
  std::string log() {
    world.settle();
    gateway.flush_log();
    return lines.text;
  }
  // The head that the upstream gets for `request`, and the head that the client gets for `answer`.
  std::string head_sent(const std::string& request) {
    start();
    connect().send(request);
    return origin_got("\r\n\r\n").received();
  }

  test::World world;
  config::Config config;
  ScriptedResolver resolver;
  CollectedLines lines;
  Http http{world.loop(), world.network(), resolver};
  Server server{http, Gateway::server_options({})};
  TunnelPlaces places;
  Fleets fleets{1};
  Gateway gateway;
};

TEST_F(GatewayTest, CarriesARequestThereAndItsAnswerBack) {
  start();
  test::TestPeer& client = connect();
  client.send("GET /a?b=c HTTP/1.1\r\nHost: Example.com\r\nX-Own: 1\r\n\r\n");
  test::TestPeer& origin = origin_got("\r\n\r\n");
  EXPECT_THAT(origin.received(), StartsWith("GET /a?b=c HTTP/1.1\r\nHost: Example.com\r\nX-Own: 1\r\n"));
  EXPECT_THAT(origin.received(), HasSubstr("\r\nVia: 1.1 culvert\r\n"));
  origin.send("HTTP/1.1 201 Made\r\nX-Theirs: 2\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("\r\n\r\nok"); }));
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 201 Made\r\nX-Theirs: 2\r\nContent-Length: 2\r\nVia: 1.1 culvert\r\n"));
  EXPECT_THAT(log(), HasSubstr("201"));
}

TEST_F(GatewayTest, TakesOutTheFieldsOfOneConnection) {
  const std::string head = head_sent(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Hop, X-Forwarded-For\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n"
      "Proxy-Connection: x\r\nTE: trailers\r\nUpgrade: h2c\r\nX-Stays: 1\r\n\r\n");
  EXPECT_THAT(head, Not(HasSubstr("X-Hop")));
  EXPECT_THAT(head, Not(HasSubstr("Keep-Alive: 5")));
  EXPECT_THAT(head, Not(HasSubstr("Proxy-Connection")));
  EXPECT_THAT(head, Not(HasSubstr("Upgrade")));
  EXPECT_THAT(head, HasSubstr("\r\nX-Stays: 1\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nTE: trailers\r\nConnection: keep-alive, TE\r\n"));
  // Nominated, but protected: who is behind the proxy is not to be hidden that way.
  EXPECT_THAT(head, HasSubstr("\r\nX-Forwarded-For: "));
}

TEST_F(GatewayTest, DoesNotBelieveAStranger) {
  const std::string head = head_sent(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nForwarded: for=6.6.6.6\r\n"
      "X-Real-IP: 6.6.6.6\r\n\r\n");
  EXPECT_THAT(head, Not(HasSubstr("6.6.6.6")));
  EXPECT_THAT(head, HasSubstr("\r\nX-Forwarded-Proto: http\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nX-Forwarded-Host: a\r\n"));
}

TEST_F(GatewayTest, ChangesPathAndFieldsAsTheRouteSays) {
  config.routes.clear();
  config::Route& written = route({.name = "api", .action = config::ToUpstream{"api"}});
  written.strip_prefix = "/api";
  written.request_headers.set = {{"X-Env", "beta {host}"}};
  written.request_headers.remove = {"X-Debug"};
  written.request_headers.add = {{"X-More", "1"}};
  const std::string head = head_sent("GET /api/v1?q=1 HTTP/1.1\r\nHost: a.b\r\nX-Debug: 1\r\nX-Env: prod\r\n\r\n");
  EXPECT_THAT(head, StartsWith("GET /v1?q=1 HTTP/1.1\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nX-Env: beta a.b\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nX-More: 1\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("prod")));
  EXPECT_THAT(head, Not(HasSubstr("X-Debug")));
}

TEST_F(GatewayTest, UsesTheHostOfAnAbsoluteTarget) {
  const std::string head = head_sent("GET http://real.example:81/x?y HTTP/1.1\r\nHost: REAL.EXAMPLE:81\r\n\r\n");
  EXPECT_THAT(head, StartsWith("GET /x?y HTTP/1.1\r\nHost: real.example:81\r\n"));
}

TEST_F(GatewayTest, SaysThatNoRouteMatches) {
  config.routes[0].match.hosts = {{.text = "other", .wildcard = false}};
  start();
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("}\n") || client.received().ends_with("}"); }));
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("Proxy-Status: culvert; error=destination_not_found"));
  EXPECT_THAT(client.received(), HasSubstr("\"reason\":\"no_route\""));
  EXPECT_THAT(log(), HasSubstr("no_route"));
}

TEST_F(GatewayTest, AnswersForAnUpstreamThatHangsUp) {
  start();
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  origin_got("\r\n\r\nx").half_close();
  ASSERT_TRUE(world.run_until([&] { return client.received().starts_with("HTTP/1.1 502 "); }));
  EXPECT_THAT(log(), HasSubstr("upstream_reset_before_response"));
}

TEST_F(GatewayTest, TriesAgainWhereOnlyTheKeptConnectionWasStale) {
  start();
  test::TestPeer& client = connect();
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  origin_got("/1").send(ok_answer);
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("ok"); }));
  client.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  origin_got("/2").half_close();  // as an upstream does whose idle time ran out just now
  origin_got("/2", 1).send(ok_answer);
  ASSERT_TRUE(world.run_until([&] { return client.received().find("HTTP/1.1 200 OK", 10) != std::string::npos; }));
  EXPECT_THAT(client.received(), Not(HasSubstr("502")));
}

TEST_F(GatewayTest, CutsTheClientWhereTheUpstreamIsCut) {
  start();
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  test::TestPeer& origin = origin_got("\r\n\r\n");
  origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("c\r\n"); }));
  origin.half_close();
  ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
  EXPECT_THAT(client.received(), Not(EndsWith("0\r\n\r\n")));
  EXPECT_THAT(log(), HasSubstr("upstream_aborted_body"));
}

TEST_F(GatewayTest, LetsGoOfTheUpstreamWhenTheClientLeaves) {
  start();
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\npart");
  test::TestPeer& origin = origin_got("part");
  client.reset();
  ASSERT_TRUE(world.run_until([&] { return origin.closed() && gateway.exchanges() == 0; }));
  EXPECT_THAT(log(), HasSubstr("client_aborted"));
}

// The loop tells both in one turn, the client's end first.
TEST_F(GatewayTest, LetsGoOfATunnelWhoseClientLeavesAsItWouldStand) {
  const Endpoint there = world.address().ip;
  config.tunnels["out"] = {.name = "out", .default_allow = true, .private_networks = {.allow_all = true}, .ports = {there.port}};
  config.listeners[0].mode = config::ListenerMode::forward;
  config.listeners[0].tunnel = "out";
  start();
  test::TestPeer& client = connect();
  const std::string authority = "a.test:" + std::to_string(there.port);
  client.send("CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n");
  world.settle();
  resolver.answer({there.ip()});
  client.reset();
  world.settle();
  EXPECT_EQ(gateway.exchanges(), 0u);
  EXPECT_TRUE(world.accepted(0)->closed());
  EXPECT_THAT(log(), HasSubstr("\"error.type\":\"client_aborted\""));
}

TEST_F(GatewayTest, LetsGoOfAnUpgradeWhoseClientLeavesAsItWouldStand) {
  settings().upgrade = {"websocket"};
  start();
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  test::TestPeer& origin = origin_got("\r\n\r\n");
  origin.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  client.reset();
  world.settle();
  EXPECT_EQ(gateway.exchanges(), 0u);
  EXPECT_TRUE(origin.closed());
  EXPECT_THAT(log(), HasSubstr("\"error.type\":\"client_aborted\""));
}

// Upstream and client, in this order: the connection to the one is older than that of the other.
TEST_F(GatewayTest, AnswersNobodyWhereBothSidesLeave) {
  start();
  test::TestPeer& first = connect();
  first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  test::TestPeer& origin = origin_got("\r\n\r\n");
  origin.send(ok_answer);
  world.settle();
  origin.forget_received();
  test::TestPeer& second = connect();
  second.send("GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
  origin_got("/second");
  origin.reset();
  second.reset();
  const std::string records = log();
  EXPECT_EQ(gateway.exchanges(), 0u);
  EXPECT_THAT(records, HasSubstr("\"error.type\":\"client_aborted\""));
  EXPECT_THAT(records.substr(records.find("/second")), Not(HasSubstr("status_code")));
}

TEST_F(GatewayTest, RefusesABodyThatIsTooLarge) {
  settings().max_body_size = 10;
  start();
  test::TestPeer& told = connect();
  told.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return told.received().starts_with("HTTP/1.1 413 "); }));
  test::TestPeer& untold = connect();
  untold.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n");
  ASSERT_TRUE(world.run_until([&] { return untold.received().starts_with("HTTP/1.1 413 "); }));
  EXPECT_THAT(log(), HasSubstr("request_body_too_large"));
}

TEST_F(GatewayTest, AcceptsABodyOfExactlyTheAllowedSize) {
  settings().max_body_size = 10;
  start();
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
  origin_got("0123456789").send(ok_answer);
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("ok"); }));
}

TEST_F(GatewayTest, AnswersForAnUpstreamThatIsTooSlow) {
  config.upstreams["api"].response_timeout = 2s;
  start();
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  origin_got("\r\n\r\n");
  world.advance(2'100ms);
  ASSERT_TRUE(world.run_until([&] { return client.received().starts_with("HTTP/1.1 504 "); }));
  EXPECT_THAT(log(), HasSubstr("upstream_response_timeout"));
}

TEST_F(GatewayTest, WaitsForANameToBeResolved) {
  config.upstreams["api"].servers = {Address{.kind = Address::Kind::name, .ip = {}, .text = "api.test", .port = 80}};
  start();
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  world.settle();
  EXPECT_EQ(client.received(), "");
  ASSERT_FALSE(resolver.names.empty());
  resolver.fail(errc::name_not_found);
  ASSERT_TRUE(world.run_until([&] { return client.received().starts_with("HTTP/1.1 502 "); }));
  EXPECT_THAT(log(), HasSubstr("upstream_name_not_found"));
}

TEST_F(GatewayTest, RedirectsAndRespondsByItself) {
  config.routes.clear();
  route({.name = "old", .match = {.paths = {{.text = "/old", .prefix = false}}},
         .action = config::Redirect{.to = "https://{host}{uri}", .status = 308}});
  route({.name = "ok", .action = config::Respond{.status = 200, .body = "fine\n", .content_type = "text/plain"}});
  start();
  test::TestPeer& client = connect();
  client.send("GET /old HTTP/1.1\r\nHost: a.b\r\n\r\nGET /new HTTP/1.1\r\nHost: a.b\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("fine\n"); }));
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 308 Permanent Redirect\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("\r\nLocation: https://a.b/old\r\n"));
}

TEST_F(GatewayTest, ForwardsTheExpectationAndTheGoAhead) {
  start();
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  test::TestPeer& origin = origin_got("\r\n\r\n");
  EXPECT_THAT(origin.received(), HasSubstr("\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client.received(), "");
  origin.send("HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received() == "HTTP/1.1 100 Continue\r\n\r\n"; }));
  client.send("body");
  origin_got("\r\n\r\nbody").send(ok_answer);
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("ok"); }));
}

TEST_F(GatewayTest, CarriesTrailersBothWays) {
  start();
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n");
  test::TestPeer& origin = origin_got("0\r\nX-Sum: 1\r\n\r\n");
  origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nyo\r\n0\r\nX-Back: 2\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("0\r\nX-Back: 2\r\n\r\n"); }));
}

TEST_F(GatewayTest, AReloadKeepsWhatDidNotChangeAndWhoIsOnTheWay) {
  start();
  test::TestPeer& client = connect();
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  test::TestPeer& origin = origin_got("/1");
  config.routes[0].response_headers.set = {{"X-Rev", "2"}};
  gateway.apply(std::make_shared<const config::Config>(config));
  origin.send(ok_answer);
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("ok"); }));
  EXPECT_THAT(client.received(), Not(HasSubstr("X-Rev")));  // it began under the old route
  client.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  origin_got("/2").send(ok_answer);  // the same connection: the upstream did not change
  ASSERT_TRUE(world.run_until([&] { return client.received().find("X-Rev: 2") != std::string::npos; }));
  EXPECT_EQ(world.accepted(1), nullptr);
}

TEST_F(GatewayTest, AReloadThatRemovesAnUpstreamLetsItsUsersFinish) {
  start();
  test::TestPeer& client = connect();
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  test::TestPeer& origin = origin_got("/1");
  config.upstreams.clear();
  config.routes.clear();
  route({.name = "all", .action = config::Respond{}});
  gateway.apply(std::make_shared<const config::Config>(config));
  world.settle();
  origin.send(ok_answer);
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("ok"); }));
  ASSERT_TRUE(world.run_until([&] { return origin.closed(); }));
}

TEST_F(GatewayTest, TellsWhatWasWrongWithARequestThatIsNone) {
  start();
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().starts_with("HTTP/1.1 400 "); }));
  EXPECT_THAT(client.received(), HasSubstr("Proxy-Status: culvert; error=http_request_error"));
  EXPECT_THAT(log(), HasSubstr("request_malformed"));
}

}  // namespace
}  // namespace culvert::proxy
