// If these fail, an agent opens more connections than it may, keeps more than it should, or forgets who waits for one.
#include "http/agent_fixture.hpp"
#include "support/expect_error.hpp"

namespace culvert {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using AgentLimits = test::AgentRequestsTest;

TEST_F(AgentLimits, AreNoneUnlessSomebodySaysSo) {
  ROWS("agent.constructor", "agent.maxTotalSockets.property");
  const AgentOptions& options = agent.options;
  EXPECT_FALSE(options.keep_alive);
  EXPECT_EQ(options.keep_alive_msecs, std::chrono::milliseconds(1000));
  EXPECT_EQ(options.max_sockets, unlimited);
  EXPECT_EQ(options.max_total_sockets, unlimited);
  EXPECT_EQ(options.max_free_sockets, 256u);
  EXPECT_EQ(options.scheduling, AgentOptions::Scheduling::lifo);
  EXPECT_EQ(options.timeout, std::chrono::milliseconds(0));
  for (int i = 0; i < 20; ++i) get(agent);
  origin(19);
  EXPECT_EQ(agent.total_sockets(), 20u);
  EXPECT_THAT(agent.requests(), IsEmpty());
}

TEST_F(AgentLimits, HoldForOneOrigin) {
  ROWS("agent.maxSockets");
  Agent two(http, {.max_sockets = 2});
  for (int i = 0; i < 5; ++i) get(two);
  const std::size_t connection_of[] = {0, 1, 1, 0, 1};
  for (const std::size_t n : connection_of) {
    EXPECT_LE(open_connections(), 2u);
    answer(n);
  }
  EXPECT_EQ(ended, 5u);
  EXPECT_EQ(world.accepted(2), nullptr);
}

TEST_F(AgentLimits, LetRequestsWaitInOrder) {
  ROWS("agent.class", "agent.maxSockets.queue", "agent.requests");
  Agent one(http, {.keep_alive = true, .max_sockets = 1});
  for (const std::string_view path : {"/1", "/2", "/3"}) get(one, {.path = path});
  std::string order;
  for (const std::size_t waiting : {2, 1, 0}) {
    EXPECT_EQ(one.requests().size(), waiting == 0 ? 0u : 1u);
    EXPECT_EQ(one.requests()[name()].size(), waiting);
    EXPECT_THAT(one.sockets(), ElementsAre(Pair(name(), SizeIs(1))));
    order += origin(0).received().substr(3, 3);
    answer(0);
  }
  EXPECT_EQ(order, " /1 /2 /3");
  EXPECT_EQ(world.accepted(1), nullptr);
}

TEST_F(AgentLimits, HoldForAllOriginsTogether) {
  ROWS("agent.maxTotalSockets");
  test::expect_error(errc::ERR_OUT_OF_RANGE, [&] { Agent(http, {.max_total_sockets = 0}); });
  Agent two(http, {.max_total_sockets = 2});
  for (const std::string_view host : {"one.test", "two.test", "three.test"}) {
    world.resolver().add(std::string(host), {world.address().ip});
    get(two, {.host = host});
  }
  EXPECT_EQ(open_connections(), 2u);
  EXPECT_THAT(two.requests(), ElementsAre(Key(name("three.test"))));
  answer(0);
  EXPECT_THAT(origin(2).received(), HasSubstr("Host: three.test:"));
  EXPECT_EQ(open_connections(), 2u);
  EXPECT_THAT(two.requests(), IsEmpty());
}

TEST_F(AgentLimits, OfOneOriginAreNotThoseOfAnother) {
  ROWS("agent.maxSockets.property");
  EXPECT_EQ(agent.options.max_sockets, unlimited);
  agent.options.max_sockets = 1;
  const ConnectOptions here{.local = *Endpoint::parse_ip("127.0.0.2")};
  const ConnectOptions there{.local = *Endpoint::parse_ip("127.0.0.3")};
  get(agent, {.connect = here});
  get(agent, {.connect = there});
  EXPECT_THAT(agent.sockets(),
              UnorderedElementsAre(Pair(name() + "127.0.0.2", SizeIs(1)), Pair(name() + "127.0.0.3", SizeIs(1))));
  get(agent, {.connect = there});
  EXPECT_THAT(agent.requests(), ElementsAre(Pair(name() + "127.0.0.3", SizeIs(1))));
}

TEST_F(AgentLimits, HoldForFreeConnections) {
  ROWS("agent.maxFreeSockets", "agent.maxFreeSockets.property");
  Agent keeps(http, {.keep_alive = true, .max_free_sockets = 1});
  for (int i = 0; i < 3; ++i) get(keeps);
  for (const std::size_t n : {0, 1, 2}) answer(n);
  EXPECT_THAT(keeps.free_sockets(), ElementsAre(Pair(name(), SizeIs(1))));
  EXPECT_TRUE(closes(1) && closes(2));
  EXPECT_EQ(open_connections(), 1u);

  EXPECT_EQ(agent.options.max_free_sockets, 256u);
  keeps.options.max_free_sockets = 2;
  get(keeps);
  get(keeps);
  answer(0);
  answer(3);
  EXPECT_THAT(keeps.free_sockets(), ElementsAre(Pair(name(), SizeIs(2)))) << "what is set holds from the next one on";
}

TEST_F(AgentLimits, ShowWhatIsInUse) {
  ROWS("agent.sockets");
  get(agent);
  get(agent);
  origin(1);
  EXPECT_THAT(agent.sockets(), ElementsAre(Pair(name(), SizeIs(2))));
  answer(0);
  EXPECT_THAT(agent.sockets(), ElementsAre(Pair(name(), SizeIs(1))));
  answer(1);
  EXPECT_THAT(agent.sockets(), IsEmpty());
}

TEST_F(AgentLimits, KnowNoNamesOfTheirOwn) {
  ROWS("agent.maps.null-prototype");
  Agent one(http, {.max_sockets = 1});
  for (const std::string_view host : {"toString", "__proto__"}) {
    world.resolver().add(std::string(host), {world.address().ip});
    get(one, {.host = host});
    get(one, {.host = host});
  }
  EXPECT_THAT(one.requests(),
              UnorderedElementsAre(Pair(name("toString"), SizeIs(1)), Pair(name("__proto__"), SizeIs(1))));
  EXPECT_THAT(one.free_sockets(), IsEmpty());
}

}  // namespace
}  // namespace culvert
