// If these fail, a server that does not answer keeps its place, one that does loses it, or nobody hears of a change.
#include "proxy/health_check.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "culvert/http.hpp"
#include "support/world.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;

class HealthCheckTest : public ::testing::Test, private HealthCheck::Owner {
 protected:
  void start() {
    const Address address = world.address();
    backend = make_ref<Backend>(BackendPlace{.text = "api.test:80", .address = address, .server_name = {}}, false,
                                agent.origin(address), fleet->backend("a"), 0, 1);
    upstream.health = settings;
    check.emplace(upstream, http, AgentOptions{.strict = true}, backend, static_cast<HealthCheck::Owner&>(*this));
  }
  // The next look, which gets this answer.
  void look(std::string_view answer) {
    test::TestPeer* const server = next_look();
    ASSERT_NE(server, nullptr);
    ASSERT_TRUE(world.run_until([&] { return server->received().find("\r\n\r\n") != std::string::npos; }));
    asked = server->received();
    server->send(answer);
    server->half_close();
    world.settle();
  }
  test::TestPeer* next_look() {
    world.advance(settings.interval * 11 / 10);
    world.run_until([&] { return world.accepted(looks) != nullptr; });
    return world.accepted(looks++);
  }
  void on_health(Backend&, bool passes, std::string_view why) noexcept override {
    news.push_back((passes ? "passes: " : "fails: ") + std::string(why));
  }

  static constexpr std::string_view fine = "HTTP/1.1 204 No Content\r\n\r\n";
  static constexpr std::string_view broken = "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n";

  test::World world;
  Http http{world.loop(), world.network(), world.resolver()};
  Agent agent{http};
  Fleets fleets{1};
  std::shared_ptr<Fleet> fleet = fleets.fleet("api");
  Ref<Backend> backend;
  config::HealthCheck settings;
  config::Upstream upstream;
  std::optional<HealthCheck> check;
  std::size_t looks = 0;
  std::string asked;
  std::vector<std::string> news;
};

TEST_F(HealthCheckTest, AsksForThePathOfTheServer) {
  settings.path = "/healthz";
  start();
  look(fine);
  EXPECT_EQ(asked, "GET /healthz HTTP/1.1\r\nHost: api.test:80\r\nUser-Agent: culvert\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(news.empty());
}

TEST_F(HealthCheckTest, AsksForAnotherHost) {
  settings.host = "status.example";
  start();
  look(fine);
  EXPECT_NE(asked.find("Host: status.example\r\n"), std::string::npos);
}

TEST_F(HealthCheckTest, SaysThatItIsForNoClientWhereTheServerWantsToKnow) {
  upstream.send_proxy_protocol = config::SendProxyProtocol::v1;
  start();
  look(fine);
  EXPECT_TRUE(asked.starts_with("PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n")) << asked;
  EXPECT_TRUE(news.empty());
}

TEST_F(HealthCheckTest, TheVeryFirstLookDecides) {
  start();
  look(broken);
  EXPECT_EQ(news, std::vector<std::string>{"fails: status 500"});
}

TEST_F(HealthCheckTest, LaterOnItTakesSeveral) {
  settings.fall = 3;
  settings.rise = 2;
  start();
  look(fine);
  look(broken);
  look(broken);
  look(fine);
  look(broken);
  look(broken);
  EXPECT_TRUE(news.empty()) << "never three in a row";
  look(broken);
  EXPECT_EQ(news, std::vector<std::string>{"fails: status 500"});
  look(fine);
  EXPECT_EQ(news.size(), 1u);
  look(fine);
  EXPECT_EQ(news.back(), "passes: it answers");
}

TEST_F(HealthCheckTest, KnowsWhatWasKnownBefore) {
  const auto state = fleet->backend("a");
  fleet->set_failing(*state, true, world.loop().now());
  start();
  look(fine);
  EXPECT_EQ(news, std::vector<std::string>{"passes: it answers"});
}

TEST_F(HealthCheckTest, StatusesCanBeChosen) {
  settings.expect_status = {{500, 500}, {204, 204}};
  start();
  look(broken);
  look(fine);
  EXPECT_TRUE(news.empty());
  look("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  look("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  look("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(news.size(), 1u);
}

TEST_F(HealthCheckTest, FieldsAreLookedAt) {
  settings.expect_headers = {{"X-State", "ready"}, {"Server", "*"}};
  start();
  look("HTTP/1.1 200 OK\r\nServer: x\r\nx-state: ready\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(news.empty());
  settings.fall = 1;
  start();
  look("HTTP/1.1 200 OK\r\nServer: x\r\nX-State: busy\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(news.size(), 1u);
}

TEST_F(HealthCheckTest, TheBodyIsLookedAt) {
  settings.expect_body = "all is well";
  settings.fall = 1;
  start();
  look("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nsay: all is well now");
  EXPECT_TRUE(news.empty());
  look("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nbroken");
  EXPECT_EQ(news, std::vector<std::string>{"fails: the body is not as expected"});
}

TEST_F(HealthCheckTest, ABodyWithoutEndIsNotReadToIt) {
  settings.expect_body = "all is well";
  start();
  look("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(70'000, 'x'));
  EXPECT_EQ(news, std::vector<std::string>{"fails: the body is not as expected"});
}

TEST_F(HealthCheckTest, SilenceIsAFailure) {
  settings.timeout = 1s;
  start();
  ASSERT_NE(next_look(), nullptr);
  world.advance(999ms);
  world.settle();
  EXPECT_TRUE(news.empty());
  world.advance(1ms);
  world.settle();
  EXPECT_EQ(news, std::vector<std::string>{"fails: no answer in time"});
}

TEST_F(HealthCheckTest, AConnectionIsEnoughWhereThatIsAsked) {
  settings.type = config::HealthType::tcp;
  fleet->set_failing(*fleet->backend("a"), true, world.loop().now());
  const auto keep = fleet->backend("a");
  fleet->set_failing(*keep, true, world.loop().now());
  start();
  ASSERT_NE(next_look(), nullptr);
  world.settle();
  EXPECT_EQ(news, std::vector<std::string>{"passes: it answers"});
  EXPECT_EQ(world.accepted(0)->received(), "");
}

TEST_F(HealthCheckTest, OneThatEndsInTheMiddleOfALookLeavesNothingBehind) {
  start();
  ASSERT_NE(next_look(), nullptr);
  check.reset();
  world.accepted(0)->send(broken);
  world.settle();
  EXPECT_TRUE(news.empty());
}

}  // namespace
}  // namespace culvert::proxy
