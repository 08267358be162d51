// If these fail, a route lets somebody through whom it should ask, or a password goes where it does not belong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "proxy/authenticator.hpp"
#include "proxy/collected_lines.hpp"
#include "proxy/fleet.hpp"
#include "proxy/gateway.hpp"
#include "proxy/tunnel_places.hpp"
#include "proxy/scripted_checker.hpp"
#include "proxy/scripted_resolver.hpp"
#include "proxy/tunnel_places.hpp"
#include "support/world.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string get(std::string_view authorization) {
  return "GET /a HTTP/1.1\r\nHost: x\r\n" + (authorization.empty() ? "" : "Authorization: " + std::string(authorization) + "\r\n") +
         "\r\n";
}
std::string basic(std::string_view pair) { return "Basic " + encode_base64(as_bytes(pair)); }

class RouteAuth : public ::testing::Test {
 protected:
  RouteAuth() {
    config.log.access = config::AccessLog{.file = "-", .format = {}, .fields = {}, .redact = {}, .with_users = true};
    config.listeners.push_back({.name = "web", .addresses = {}, .max_connections = 0, .server = {}});
    config.upstreams["api"] = {.name = "api", .servers = {world.address()}};
    config.auths["ops"] = {.name = "ops", .realm = "the ops", .users = {{"ann", "secret"}}, .max_failures = 2};
    config::Route route{.name = "all", .action = config::ToUpstream{"api"}};
    route.auth = "ops";
    config.routes.push_back(route);
  }
  config::Route& route() { return config.routes[0]; }
  test::TestPeer& ask(const std::string& request) {
    if (!served_) {
      gateway.apply(std::make_shared<const config::Config>(config));
      gateway.serve(server, "web");
      served_ = true;
    }
    auto [stream, peer] = world.connect();
    server.adopt(std::move(stream));
    peer.send(request);
    world.settle();
    return peer;
  }
  std::string upstream_got(std::size_t n = 0) {
    world.settle();
    return world.accepted(n) == nullptr ? "" : world.accepted(n)->received();
  }
  std::string log() {
    world.settle();
    gateway.flush_log();
    return lines.text;
  }

  test::World world;
  config::Config config;
  ScriptedResolver resolver;
  ScriptedChecker checker;
  GuessLimit guesses;
  const Passwords passwords{checker, guesses};
  CollectedLines lines;
  Http http{world.loop(), world.network(), resolver};
  Server server{http, Gateway::server_options({})};
  TunnelPlaces places;
  Fleets fleets{1};
  Gateway gateway{http, &lines, places, {fleets, 0}, &passwords};

 private:
  bool served_ = false;
};

TEST_F(RouteAuth, AsksWhoSaysNothing) {
  test::TestPeer& client = ask(get(""));
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 401 Unauthorized\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("\r\nWWW-Authenticate: Basic realm=\"the ops\", charset=\"UTF-8\"\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("details=\"auth_required\""));
  EXPECT_EQ(upstream_got(), "");
  EXPECT_THAT(log(), HasSubstr("auth_required"));
}

TEST_F(RouteAuth, PassesAUserOnWithoutThePassword) {
  ask(get(basic("ann:secret")));
  EXPECT_EQ(upstream_got(), "") << "before the answer";
  checker.answer();
  EXPECT_THAT(upstream_got(), StartsWith("GET /a HTTP/1.1\r\n"));
  EXPECT_THAT(upstream_got(), Not(HasSubstr("uthorization")));
  world.accepted(0)->send("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_THAT(log(), HasSubstr("\"user.name\":\"ann\""));
  EXPECT_THAT(log(), Not(HasSubstr("secret")));
}

TEST_F(RouteAuth, PassesAKnownUserOnAtOnce) {
  ask(get(basic("ann:secret")));
  checker.answer();
  ask(get(basic("ann:secret")));
  EXPECT_THAT(upstream_got(1), StartsWith("GET /a HTTP/1.1\r\n"));
  EXPECT_EQ(checker.asked.size(), 1u);
}

TEST_F(RouteAuth, PassesCredentialsOnWhereItIsToldTo) {
  route().forward_authorization = true;
  ask(get(basic("ann:secret")));
  checker.answer();
  EXPECT_THAT(upstream_got(), HasSubstr("\r\nAuthorization: " + basic("ann:secret") + "\r\n"));
}

TEST_F(RouteAuth, LeavesAloneWhatIsNotForIt) {
  route().auth.clear();
  ask(get("Bearer token"));
  EXPECT_THAT(upstream_got(), HasSubstr("\r\nAuthorization: Bearer token\r\n"));
}

TEST_F(RouteAuth, SendsTheUpstreamItsOwnCredentialsInstead) {
  config.upstreams["api"].auth = "culvert:inside";
  ask(get(basic("ann:secret")));
  checker.answer();
  EXPECT_THAT(upstream_got(), HasSubstr("\r\nAuthorization: " + basic("culvert:inside") + "\r\n"));
  EXPECT_THAT(upstream_got(), Not(HasSubstr(basic("ann:secret"))));
}

TEST_F(RouteAuth, RefusesWhatIsWrong) {
  test::TestPeer& client = ask(get(basic("ann:Secret")));
  checker.answer();
  world.settle();
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 401 Unauthorized\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("\r\nWWW-Authenticate: Basic "));
  EXPECT_THAT(client.received(), HasSubstr("details=\"auth_failed\""));
  EXPECT_THAT(log(), Not(HasSubstr("user.name")));
  EXPECT_THAT(ask(get("Bearer token")).received(), HasSubstr("details=\"auth_failed\""));
}

TEST_F(RouteAuth, RefusesTwoThatCouldBeReadAsEither) {
  const std::string two = "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: " + basic("ann:secret") + "\r\nAuthorization: Bearer x\r\n\r\n";
  EXPECT_THAT(ask(two).received(), HasSubstr("details=\"auth_failed\""));
  EXPECT_EQ(checker.waiting(), 0u);
}

TEST_F(RouteAuth, HasGuessersWait) {
  for (const char* pair : {"ann:1", "ann:2"}) {
    ask(get(basic(pair)));
    checker.answer();
  }
  test::TestPeer& client = ask(get(basic("ann:3")));
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("\r\nRetry-After: 6\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("details=\"auth_limited\""));
  EXPECT_THAT(client.received(), Not(HasSubstr("WWW-Authenticate")));
  world.advance(1001ms);
  EXPECT_THAT(ask(get(basic("ann:3"))).received(), HasSubstr("\r\nRetry-After: 5\r\n")) << "rounded up";
}

TEST_F(RouteAuth, TurnsAwayWhereTooManyWait) {
  checker.room = 0;
  test::TestPeer& client = ask(get(basic("ann:secret")));
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("\r\nRetry-After: 5\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("details=\"auth_overloaded\""));
}

TEST_F(RouteAuth, ForgetsAClientThatGoesWhileItWaits) {
  test::TestPeer& client = ask(get(basic("ann:secret")));
  client.reset();
  world.settle();
  EXPECT_EQ(gateway.exchanges(), 0u);
  EXPECT_THAT(log(), HasSubstr("client_aborted"));
  checker.answer();
  EXPECT_EQ(upstream_got(), "");
}

// The loop tells of the client and of the verdict in one turn.
TEST_F(RouteAuth, AsksNobodyForAClientThatHasJustGone) {
  config.upstreams["api"].send_proxy_protocol = config::SendProxyProtocol::v1;
  ask(get(basic("ann:secret"))).reset();
  world.loop().post([&] { checker.answer(); });
  EXPECT_EQ(upstream_got(), "");
  EXPECT_EQ(gateway.exchanges(), 0u);
  EXPECT_THAT(log(), HasSubstr("client_aborted"));
}

TEST_F(RouteAuth, AsksBeforeItDoesAnything) {
  route().action = config::Respond{};
  route().expect_continue = config::ExpectContinue::answer;
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
  EXPECT_THAT(ask(post).received(), StartsWith("HTTP/1.1 401 Unauthorized\r\n"));
}

TEST_F(RouteAuth, PassesOnABodyThatCameWhileItWaited) {
  ask("POST /a HTTP/1.1\r\nHost: x\r\nAuthorization: " + basic("ann:secret") + "\r\nContent-Length: 5\r\n\r\nhello");
  checker.answer();
  EXPECT_THAT(upstream_got(), testing::EndsWith("\r\n\r\nhello"));
}

TEST_F(RouteAuth, FinishesUnderTheUsersItBeganWith) {
  ask(get(basic("ann:secret")));
  config.auths["ops"].users["ann"] = "new";
  gateway.apply(std::make_shared<const config::Config>(config));
  checker.answer();
  EXPECT_THAT(upstream_got(), StartsWith("GET /a HTTP/1.1\r\n"));
  test::TestPeer& client = ask(get(basic("ann:secret")));
  ASSERT_EQ(checker.waiting(), 1u) << "what was known is not known any more";
  checker.answer();
  world.settle();
  EXPECT_THAT(client.received(), HasSubstr("details=\"auth_failed\""));
}

// A proxy's clients are asked in another field, and whatever they say stays with the proxy.
class TunnelAuth : public RouteAuth {
 protected:
  TunnelAuth() {
    config::Tunnel tunnel;
    tunnel.name = "out";
    tunnel.auth = "ops";
    tunnel.rules.push_back({.name = "ann's", .allow = true, .targets = {{.host = {.text = "", .wildcard = true}}}, .users = {"ann"}});
    config.tunnels["out"] = tunnel;
    config.listeners[0].mode = config::ListenerMode::forward;
    config.listeners[0].tunnel = "out";
  }
  static std::string connect(std::string_view line) {
    return "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n" + std::string(line) + "\r\n";
  }
};

TEST_F(TunnelAuth, AsksBeforeAnythingIsLookedUp) {
  test::TestPeer& client = ask(connect(""));
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 407 Proxy Authentication Required\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("\r\nProxy-Authenticate: Basic realm=\"the ops\", charset=\"UTF-8\"\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("details=\"proxy_auth_required\""));
  EXPECT_THAT(ask(connect("Authorization: " + basic("ann:secret") + "\r\n")).received(), HasSubstr("proxy_auth_required"));
  EXPECT_TRUE(resolver.names.empty());
}

TEST_F(TunnelAuth, GoesOnOnceTheUserIsKnown) {
  ask(connect("Proxy-Authorization: " + basic("ann:secret") + "\r\n"));
  EXPECT_TRUE(resolver.names.empty());
  checker.answer();
  EXPECT_EQ(resolver.names.size(), 1u);
}

TEST_F(TunnelAuth, JudgesAUserByTheRules) {
  config.auths["ops"].users["bob"] = "hunter2";
  test::TestPeer& client = ask(connect("Proxy-Authorization: " + basic("bob:hunter2") + "\r\n"));
  checker.answer();
  world.settle();
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  EXPECT_THAT(log(), HasSubstr("\"user.name\":\"bob\""));
}

TEST_F(TunnelAuth, ForgetsAClientThatGoesWhileItWaits) {
  test::TestPeer& client = ask(connect("Proxy-Authorization: " + basic("ann:secret") + "\r\n"));
  client.reset();
  world.settle();
  EXPECT_EQ(gateway.exchanges(), 0u);
  checker.answer();
  EXPECT_TRUE(resolver.names.empty());
}

TEST_F(TunnelAuth, KnowsNobodyOnceTheUsersHaveChanged) {
  const std::string request = connect("Proxy-Authorization: " + basic("ann:secret") + "\r\n");
  ask(request);
  checker.answer();
  config.auths["ops"].users["ann"] = "new";
  gateway.apply(std::make_shared<const config::Config>(config));
  test::TestPeer& client = ask(request);
  ASSERT_EQ(checker.waiting(), 1u);
  checker.answer();
  world.settle();
  EXPECT_THAT(client.received(), HasSubstr("details=\"proxy_auth_failed\""));
}

TEST_F(TunnelAuth, HasGuessersWait) {
  for (const char* pair : {"ann:1", "ann:2"}) {
    ask(connect("Proxy-Authorization: " + basic(pair) + "\r\n"));
    checker.answer();
  }
  test::TestPeer& client = ask(connect("Proxy-Authorization: " + basic("ann:secret") + "\r\n"));
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("details=\"proxy_auth_limited\""));
}

}  // namespace
}  // namespace culvert::proxy
