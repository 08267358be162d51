// If these fail, one server gets all the work, a server that has just failed is tried again, or a name that moved (or
// that nobody can resolve right now) takes the site down.
#include "culvert/http.hpp"
#include "proxy/upstream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "proxy/scripted_resolver.hpp"
#include "support/world.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;

struct CountingWaiter final : Upstream::Waiter {
  void on_resolved() noexcept override { ++calls; }
  int calls = 0;
};

class UpstreamTest : public ::testing::Test {
 protected:
  Upstream& with(std::vector<Address> servers) {
    settings.servers = std::move(servers);
    upstream = make_ref<Upstream>(settings, http);
    return *upstream;
  }
  static Address ip(std::string_view text) {
    return Address::of(*Endpoint::parse_ip(text, 80));
  }
  static Address name(std::string_view text) {
    return {.kind = Address::Kind::name, .ip = {}, .text = std::string(text), .port = 80};
  }
  // The server of an upstream that has only one.
  Upstream::Server& only_server(Upstream& of) {
    std::uint64_t tried = 0;
    return *of.choose(tried);
  }
  Upstream::Server& named_server() { return only_server(with({name("api.test")})); }
  Agent::Origin* at(std::string_view address) { return &upstream->agent().origin(ip(address)); }

  test::World world;
  ScriptedResolver resolver;
  Http http{world.loop(), world.network(), resolver};
  config::Upstream settings;
  Ref<Upstream> upstream;
};

using Choosing = UpstreamTest;
using Resolving = UpstreamTest;

TEST_F(Choosing, TakesServersInTurn) {
  Upstream& three = with({ip("10.0.0.1"), ip("10.0.0.2"), ip("10.0.0.3")});
  EXPECT_EQ(three.servers(), 3u);
  std::vector<std::string> turns;
  for (int i = 0; i < 7; ++i) turns.push_back(only_server(three).text());
  const std::vector<std::string> all = {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"};
  const auto first = std::find(all.begin(), all.end(), turns[0]) - all.begin();  // it begins anywhere
  for (std::size_t i = 0; i < turns.size(); ++i) EXPECT_EQ(turns[i], all[(static_cast<std::size_t>(first) + i) % 3]);
}

TEST_F(Choosing, LeavesOutWhatWasTriedUntilNoneIsLeft) {
  Upstream& three = with({ip("10.0.0.1"), ip("10.0.0.2"), ip("10.0.0.3")});
  std::uint64_t tried = 0;
  std::vector<Upstream::Server*> seen;
  for (int i = 0; i < 3; ++i) {
    seen.push_back(three.choose(tried));
    only_server(three);  // others take their turns in between
  }
  EXPECT_NE(seen[0], seen[1]);
  EXPECT_NE(seen[1], seen[2]);
  EXPECT_NE(seen[0], seen[2]);
  EXPECT_EQ(three.choose(tried), nullptr);
  EXPECT_EQ(three.choose(tried), nullptr);
}

TEST_F(Choosing, AddressesAndUnixSocketsNeedNoResolver) {
  const Address socket{.kind = Address::Kind::unix_path, .ip = {}, .text = "/run/api.sock", .port = 0};
  Upstream& two = with({ip("10.0.0.1"), socket});
  EXPECT_NE(only_server(two).origin(), nullptr);
  world.advance(24h);
  EXPECT_NE(only_server(two).origin(), nullptr);
  EXPECT_TRUE(resolver.names.empty());
}

TEST_F(Resolving, BeginsAtOnceAndTellsThoseWhoWait) {
  Upstream::Server& server = named_server();
  EXPECT_EQ(server.text(), "api.test:80");
  EXPECT_EQ(resolver.names, std::vector<std::string>{"api.test"});
  EXPECT_EQ(server.origin(), nullptr);
  EXPECT_FALSE(server.error());
  CountingWaiter first;
  CountingWaiter second;
  CountingWaiter left;
  server.wait(first);
  server.wait(second);
  server.wait(left);
  left.unlink();
  resolver.answer({"10.0.0.1"});
  EXPECT_EQ(first.calls, 1);
  EXPECT_EQ(second.calls, 1);
  EXPECT_EQ(left.calls, 0);
  EXPECT_FALSE(first.linked());
  EXPECT_EQ(server.origin(), at("10.0.0.1"));
}

TEST_F(Resolving, TakesTheAddressesOfANameInTurn) {
  Upstream::Server& server = named_server();
  resolver.answer({"10.0.0.1", "2001:db8::1"});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(server.origin(), at("10.0.0.1"));
    EXPECT_EQ(server.origin(), at("2001:db8::1"));
  }
}

TEST_F(Resolving, AsksAgainWhenTheAnswerIsOld) {
  settings.resolve = 30s;
  Upstream::Server& server = named_server();
  resolver.answer({"10.0.0.1"});
  world.advance(29'999ms);
  server.origin();
  EXPECT_EQ(resolver.names.size(), 1u);
  world.advance(1ms);
  EXPECT_EQ(server.origin(), at("10.0.0.1")) << "the old address does until the new one is known";
  EXPECT_EQ(server.origin(), at("10.0.0.1"));
  EXPECT_EQ(resolver.names.size(), 2u) << "one question at a time";
  resolver.answer({"10.0.0.2"});
  EXPECT_EQ(server.origin(), at("10.0.0.2"));
}

TEST_F(Resolving, NeverAsksAgainWithoutALimit) {
  settings.resolve = config::no_limit;
  Upstream::Server& server = named_server();
  resolver.answer({"10.0.0.1"});
  world.advance(24h);
  EXPECT_EQ(server.origin(), at("10.0.0.1"));
  EXPECT_EQ(resolver.names.size(), 1u);
}

TEST_F(Resolving, KeepsTheLastGoodAnswer) {
  settings.resolve = 30s;
  Upstream::Server& server = named_server();
  resolver.answer({"10.0.0.1"});
  world.advance(30s);
  server.origin();
  resolver.fail(errc::name_not_found);
  EXPECT_EQ(server.origin(), at("10.0.0.1"));
  EXPECT_EQ(resolver.names.size(), 2u) << "not with every request";
  world.advance(30s);
  server.origin();
  EXPECT_EQ(resolver.names.size(), 3u);
  resolver.answer({});  // no address at all counts as no answer
  EXPECT_EQ(server.origin(), at("10.0.0.1"));
}

TEST_F(Resolving, FailsAndAsksAgainSoon) {
  settings.resolve = 30s;
  Upstream::Server& server = named_server();
  CountingWaiter waiter;
  server.wait(waiter);
  resolver.fail(errc::name_not_found);
  EXPECT_EQ(waiter.calls, 1);
  EXPECT_EQ(server.origin(), nullptr);
  EXPECT_EQ(server.error(), errc::name_not_found);
  EXPECT_EQ(resolver.names.size(), 1u);
  world.advance(1s);
  EXPECT_EQ(server.origin(), nullptr);
  EXPECT_EQ(resolver.names.size(), 2u);
  EXPECT_FALSE(server.error()) << "whoever comes now waits for the new answer";
  resolver.answer({"10.0.0.1"});
  EXPECT_EQ(server.origin(), at("10.0.0.1"));
}

TEST_F(Resolving, CountsAnEmptyAnswerAsAFailure) {
  Upstream::Server& server = named_server();
  resolver.answer({});
  EXPECT_EQ(server.origin(), nullptr);
  EXPECT_EQ(server.error(), errc::name_not_found);
}

TEST_F(Resolving, IsForgottenWithTheUpstream) {
  named_server();
  upstream = nullptr;
  resolver.answer({"10.0.0.1"});  // nobody is there to hear it
}

TEST_F(UpstreamTest, AgentIsAsTheSettingsSay) {
  settings.keep_alive = false;
  settings.max_sockets = 3;
  settings.max_free_sockets = 5;
  settings.scheduling = config::Scheduling::fifo;
  settings.timeout = 7s;
  const AgentOptions& options = with({ip("10.0.0.1")}).agent().options;
  EXPECT_FALSE(options.keep_alive);
  EXPECT_EQ(options.max_sockets, 3u);
  EXPECT_EQ(options.max_total_sockets, unlimited) << "0 in a file";
  EXPECT_EQ(options.max_free_sockets, 5u);
  EXPECT_EQ(options.scheduling, AgentOptions::Scheduling::fifo);
  EXPECT_EQ(options.timeout, 7s);
}

}  // namespace
}  // namespace culvert::proxy
