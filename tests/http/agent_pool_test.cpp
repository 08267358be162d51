// If these fail, an agent keeps connections that are of no use, uses the wrong one, or keeps a program from ending.
#include "http/agent_fixture.hpp"
#include "support/expect_error.hpp"
#include "support/socket_options.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;
using Scheduling = AgentOptions::Scheduling;

class AgentPool : public test::AgentRequestsTest {
 protected:
  // Three connections that become free in the order of their numbers.
  void free_three(Agent& by) {
    for (int i = 0; i < 3; ++i) get(by);
    for (const std::size_t n : {0, 1, 2}) answer(n);
    ASSERT_EQ(by.free_sockets()[name()].size(), 3u);
  }
  Agent keeps{http, {.keep_alive = true}};
};

TEST_F(AgentPool, IsWhereFinishedConnectionsWait) {
  ROWS("agent.freeSockets");
  get(keeps);
  EXPECT_THAT(keeps.free_sockets(), IsEmpty());
  answer(0);
  EXPECT_THAT(keeps.free_sockets(), ElementsAre(Pair(name(), SizeIs(1))));
  EXPECT_THAT(keeps.sockets(), IsEmpty());
}

TEST_F(AgentPool, IsThereOnlyWhereItIsWanted) {
  ROWS("agent.keepAlive");
  get(keeps);
  answer(0);
  EXPECT_TRUE(get(keeps).reused_socket());
  answer(0);
  EXPECT_EQ(world.accepted(1), nullptr);
  for (const std::size_t n : {1, 2}) {
    EXPECT_FALSE(get(agent).reused_socket());
    answer(n);
    EXPECT_TRUE(closes(n));
  }
}

TEST_F(AgentPool, IsAnnouncedToTheOrigin) {
  ROWS("agent.connection-header", "agent.iojs.keepalive-default");
  std::size_t n = 0;
  const auto head = [&](const AgentOptions& options, const RequestOptions::Fields& headers = {}) {
    Agent by(http, options);
    get(by, {.headers = headers});
    return origin(n++).received();
  };
  EXPECT_THAT(head({}), AllOf(HasSubstr("\r\nConnection: close\r\n"), Not(HasSubstr("keep-alive"))));
  EXPECT_THAT(head({.max_sockets = 5}), HasSubstr("\r\nConnection: keep-alive\r\n"));
  EXPECT_THAT(head({.keep_alive = true}), HasSubstr("\r\nConnection: keep-alive\r\n"));
  EXPECT_THAT(head({.keep_alive = true}, {{"Connection", "x"}}),
              AllOf(HasSubstr("\r\nConnection: x\r\n"), Not(HasSubstr("keep-alive"))));
}

TEST_F(AgentPool, LetsGoOfABrokenConnection) {
  ROWS("agent.pool.remove-on-close");
  Socket* const broken = get(keeps).socket();
  Socket* const other = get(keeps).socket();
  origin(1);
  bool told = false;
  broken->on_close([&] {
    told = true;
    EXPECT_THAT(keeps.sockets(), ElementsAre(Pair(name(), ElementsAre(other))));
    EXPECT_EQ(keeps.total_sockets(), 1u);
  });
  ASSERT_EQ(keeps.total_sockets(), 2u);
  origin(0).reset();
  EXPECT_TRUE(world.run_until([&] { return told; }));
  EXPECT_EQ(error, std::errc::connection_reset);
}

TEST_F(AgentPool, ForgetsAConnectionThatTheOriginCloses) {
  ROWS("agent.pool.server-closed-idle");
  get(keeps);
  answer(0);
  origin(0, "").half_close();
  ASSERT_TRUE(world.run_until([&] { return keeps.free_sockets().empty(); }));
  EXPECT_FALSE(get(keeps).reused_socket());
  answer(1);
  EXPECT_EQ(body, "okok");
  EXPECT_FALSE(error);
}

TEST_F(AgentPool, KeepsNoneThatTheOriginWantsClosed) {
  ROWS("agent.pool.no-reuse-server");
  for (const std::size_t n : {0, 1, 2}) {
    get(keeps);
    answer(n, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    EXPECT_TRUE(closes(n));
    EXPECT_THAT(keeps.free_sockets(), IsEmpty());
  }
  EXPECT_EQ(body, "okokok");
}

TEST_F(AgentPool, ThrowsOutWhatSpeaksUnasked) {
  ROWS("agent.observed.free-socket-data");
  get(keeps);
  answer(0, std::string(test::ok_answer) + std::string(test::ok_answer));
  EXPECT_TRUE(closes(0));
  EXPECT_THAT(keeps.free_sockets(), IsEmpty());
  get(keeps);
  answer(1);
  origin(1, "").reset();
  ASSERT_TRUE(world.run_until([&] { return keeps.free_sockets().empty(); }));
  EXPECT_FALSE(get(keeps).reused_socket());
  answer(2);
  EXPECT_EQ(body, "okokok");
  EXPECT_FALSE(error);
}

TEST_F(AgentPool, KeepsNoProgramRunning) {
  ROWS("agent.pool.unref-idle");
  Http real;
  std::unique_ptr<test::TestPeer> peer;
  const Address anywhere = Address::of(*Endpoint::parse_ip("127.0.0.1"));
  auto acceptor = real.network().listen({.address = anywhere},
                                        [&](std::unique_ptr<Transport> stream) {
                                          peer = std::make_unique<test::TestPeer>(std::move(stream));
                                          peer->send(test::ok_answer);
                                        },
                                        {});
  ASSERT_TRUE(acceptor);
  Agent pool(real, {.keep_alive = true});
  real.get({.host = "127.0.0.1", .port = (*acceptor)->local().port, .agent = &pool});
  EXPECT_TRUE(real.loop().referenced());
  real.run();
  EXPECT_THAT(pool.free_sockets(), SizeIs(1));
}

TEST_F(AgentPool, GivesTheLastOneFirst) {
  ROWS("agent.scheduling", "agent.scheduling.lifo");
  test::expect_error(errc::ERR_INVALID_ARG_VALUE, [&] { Agent(http, {.scheduling = static_cast<Scheduling>(2)}); });
  EXPECT_EQ(keeps.options.scheduling, Scheduling::lifo);
  free_three(keeps);
  get(keeps, {.path = "/next"});
  origin(2, "/next");
}

TEST_F(AgentPool, GivesTheFirstOneFirst) {
  ROWS("agent.scheduling.fifo");
  keeps.options.scheduling = Scheduling::fifo;
  free_three(keeps);
  get(keeps, {.path = "/next"});
  origin(0, "/next");
}

TEST_F(AgentPool, ClosesWhatIsQuietForTooLong) {
  ROWS("agent.timeout", "agent.freeSockets.timeout");
  Agent pool(http, {.keep_alive = true, .timeout = 200ms});
  get(pool);
  origin(0);
  world.advance(250ms);
  world.settle();
  EXPECT_EQ(events, "socket timeout ") << "of one in use the agent does nothing";
  EXPECT_FALSE(world.accepted(0)->closed());
  answer(0);
  world.advance(199ms);
  world.settle();
  EXPECT_FALSE(world.accepted(0)->closed());
  EXPECT_THAT(pool.free_sockets(), SizeIs(1));
  world.advance(2ms);
  EXPECT_TRUE(closes(0));
  EXPECT_FALSE(world.accepted(0)->error()) << "it is told in order";
  EXPECT_THAT(pool.free_sockets(), IsEmpty());
}

TEST_F(AgentPool, ClosesAConnectionASecondBeforeTheOriginDoes) {
  ROWS("agent.observed.keepalive-hint");
  struct Case {
    std::string_view hint;
    std::chrono::milliseconds kept;
  };
  keeps.options.timeout = 5s;
  std::size_t n = 0;
  for (const auto& [hint, kept] : {Case{"timeout=1", 0s}, {"timeout=2", 1s}, {"timeout=20", 5s}, {"max=1", 5s}}) {
    get(keeps);
    answer(n, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: " + std::string(hint) + "\r\n\r\n");
    if (kept > 0s) {
      world.advance(kept - 1ms);
      EXPECT_EQ(open_connections(), 1u) << hint;
      world.advance(2ms);
    }
    EXPECT_TRUE(closes(n++)) << hint;
  }
}

TEST_F(AgentPool, EndsWhenItsAgentIsDestroyed) {
  ROWS("agent.destroy");
  get(keeps);
  get(keeps);
  answer(0);
  origin(1);
  closed = false;
  keeps.destroy();
  EXPECT_TRUE(closes(0) && closes(1));
  ASSERT_TRUE(finishes());
  EXPECT_EQ(error, std::errc::connection_reset);
  EXPECT_EQ(error.message(), "socket hang up");
}

TEST_F(AgentPool, LetsASocketGoItsOwnWay) {
  ROWS("agent.event.agentRemove");
  Agent one(http, {.keep_alive = true, .max_sockets = 1});
  Socket* const endless = get(one).socket();
  origin(0);
  endless->agent_remove();
  EXPECT_EQ(one.total_sockets(), 0u);
  get(one);
  EXPECT_THAT(one.requests(), IsEmpty());
  origin(1);
  get(one);
  answer(0);
  EXPECT_EQ(body, "ok");
  EXPECT_TRUE(closes(0));
  EXPECT_THAT(one.requests(), SizeIs(1)) << "it is not for those who wait either";
  EXPECT_THAT(one.free_sockets(), IsEmpty());
}

TEST_F(AgentPool, ProbesWhatItKeeps) {
  ROWS("agent.iojs.keepAliveMsecs", "agent.pool.tcp-keepalive", "agent.keepAliveMsecs");
  keeps.options.keep_alive_msecs = 1001ms;
  get(keeps);
  get(agent);
  const test::SocketOptions before = test::socket_options(*agent.sockets()[name()].front()->transport());
  EXPECT_FALSE(before.keep_alive);
  answer(0);
  const test::SocketOptions kept = test::socket_options(*keeps.free_sockets()[name()].front()->transport());
  EXPECT_TRUE(kept.keep_alive);
  EXPECT_EQ(kept.keep_idle_s, 2);
  EXPECT_EQ(kept.keep_interval_s, before.keep_interval_s);
}

TEST_F(AgentPool, TakesNothingBackThatHasServedItsLast) {
  ROWS("agent.observed.non-keepalive-response");
  get(keeps);
  answer(0, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_TRUE(closes(0));
  EXPECT_THAT(keeps.free_sockets(), IsEmpty());
  EXPECT_EQ(body, "ok");
  get(keeps);
  answer(1, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_THAT(keeps.free_sockets(), SizeIs(1));
}

TEST_F(AgentPool, WaitsForARequestThatIsAnsweredEarly) {
  ROWS("agent.observed.non-keepalive-response");
  ClientRequest& upload = count(record(http.request(to_origin({.method = "POST", .agent = &keeps}))));
  upload.write("one");
  origin(0, "one").send(test::ok_answer);
  ASSERT_TRUE(world.run_until([&] { return events.ends_with("res.end "); }));
  world.settle();
  EXPECT_THAT(keeps.free_sockets(), IsEmpty());
  EXPECT_EQ(ended, 0u);
  upload.end("two");
  ASSERT_TRUE(world.run_until([&] { return ended == 1; }));
  EXPECT_THAT(keeps.free_sockets(), SizeIs(1));
  EXPECT_THAT(origin(0, "two").received(), ::testing::EndsWith("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"));
}

TEST_F(AgentPool, TakesTheSocketFromTheMessage) {
  ROWS("message.socket");
  const Socket* used = nullptr;
  bool empty_at_the_end = false;
  on_response = [&](IncomingMessage& response) {
    used = response.socket();
    EXPECT_EQ(used->remote(), world.address().ip);
    response.on_close([&] { empty_at_the_end = response.socket() == nullptr; });
  };
  get(keeps);
  answer(0);
  EXPECT_TRUE(world.run_until([&] { return events.ends_with("res.close "); }));
  EXPECT_TRUE(empty_at_the_end);
  EXPECT_THAT(keeps.free_sockets()[name()], ElementsAre(used));
}

}  // namespace
}  // namespace culvert
