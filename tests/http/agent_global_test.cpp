// If these fail, requests that name no agent share connections with those of a named one, or do not share any.
#include <type_traits>

#include "http/agent_fixture.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class GlobalAgent : public test::AgentRequestsTest {
 protected:
  // A request that does not say which agent it wants.
  ClientRequest& get_plainly() {
    RequestOptions options = to_origin();
    options.agent = nullptr;
    return count(record(http.get(options)));
  }
  ClientRequest& get_alone() { return count(RequestTest::get({.own_agent = true})); }
  void expect_unused(const Agent& by) {
    EXPECT_THAT(by.sockets(), IsEmpty());
    EXPECT_THAT(by.free_sockets(), IsEmpty());
    EXPECT_THAT(by.requests(), IsEmpty());
  }
};

TEST_F(GlobalAgent, KeepsConnectionsForFiveSeconds) {
  ROWS("agent.global", "agent.iojs.global-defaults");
  EXPECT_TRUE(http.global_agent().options.keep_alive);
  EXPECT_EQ(http.global_agent().options.timeout, 5s);
  get_plainly();
  EXPECT_THAT(origin(0).received(), HasSubstr("\r\nConnection: keep-alive\r\n"));
  answer(0);
  EXPECT_TRUE(get_plainly().reused_socket());
  answer(0);
  world.advance(4'999ms);
  world.settle();
  EXPECT_FALSE(world.accepted(0)->closed());
  world.advance(2ms);
  EXPECT_TRUE(closes(0));
  expect_unused(http.global_agent());
}

TEST_F(GlobalAgent, MayBeReplaced) {
  ROWS("http.globalAgent");
  Agent& usual = http.global_agent();
  get_plainly();
  answer(0);
  Agent other(http);
  http.set_global_agent(other);
  EXPECT_EQ(&get_plainly().agent(), &other);
  EXPECT_THAT(origin(1).received(), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(other.sockets(), ElementsAre(Pair(name(), SizeIs(1))));
  EXPECT_THAT(usual.free_sockets(), ElementsAre(Pair(name(), SizeIs(1))));
  answer(1);
  world.advance(5'001ms);
  EXPECT_TRUE(closes(0)) << "what the first one had kept goes in its time";
  http.set_global_agent(usual);
  EXPECT_EQ(&get_plainly().agent(), &usual);
}

TEST_F(GlobalAgent, IsNotTheOneThatARequestNames) {
  ROWS("agent.custom-instance");
  Agent one(http, {.max_sockets = 1});
  get(one);
  get(one);
  EXPECT_EQ(http.global_agent().options.max_sockets, unlimited);
  EXPECT_THAT(one.sockets(), ElementsAre(Pair(name(), SizeIs(1))));
  EXPECT_THAT(one.requests(), ElementsAre(Pair(name(), SizeIs(1))));
  expect_unused(http.global_agent());
}

TEST_F(GlobalAgent, IsNotThatOfARequestWithoutOne) {
  ROWS("agent.false", "agent.iojs.agent-false");
  for (const std::size_t n : {0, 1}) {
    EXPECT_FALSE(get_alone().reused_socket());
    EXPECT_THAT(origin(n).received(), HasSubstr("\r\nConnection: close\r\n"));
    expect_unused(http.global_agent());
    expect_unused(agent);
    answer(n);
    EXPECT_TRUE(closes(n));
  }
}

template <class T>
constexpr bool names_an_agent = std::is_assignable_v<decltype(RequestOptions::agent)&, T>;

TEST_F(GlobalAgent, ServesOnlyWhoNamesNoOther) {
  ROWS("request.options.agent");
  get_plainly();
  EXPECT_THAT(http.global_agent().sockets(), ElementsAre(Pair(name(), SizeIs(1))));
  get(agent);
  EXPECT_THAT(agent.sockets(), ElementsAre(Pair(name(), SizeIs(1))));
  ClientRequest& alone = get_alone();
  EXPECT_THAT(alone.agent().sockets(), ElementsAre(Pair(name(), ElementsAre(alone.socket()))));
  EXPECT_THAT(http.global_agent().sockets(), ElementsAre(Pair(name(), SizeIs(1))));
  EXPECT_THAT(agent.sockets(), ElementsAre(Pair(name(), SizeIs(1))));
  // Where Node throws ERR_INVALID_ARG_TYPE, it does not compile.
  static_assert(names_an_agent<Agent*> && !names_an_agent<Http*> && !names_an_agent<bool>);
}

TEST_F(GlobalAgent, IsNotThatOfARequestWithAConnectionOfItsOwn) {
  ROWS("request.options.createConnection");
  auto [stream, peer] = world.connect();
  record(http.get(to_origin(
      {.create_connection = [&](const ConnectionOptions&, ConnectionCreated) { return std::move(stream); }})));
  ASSERT_TRUE(world.run_until([&] { return peer.received().ends_with("\r\n\r\n"); }));
  EXPECT_THAT(peer.received(), HasSubstr("\r\nConnection: close\r\n"));
  expect_unused(http.global_agent());
  expect_unused(agent);
  peer.send(test::ok_answer);
  ASSERT_TRUE(finishes());
  EXPECT_EQ(body, "ok");
  EXPECT_TRUE(world.run_until([&] { return peer.closed(); }));
}

}  // namespace
}  // namespace culvert
