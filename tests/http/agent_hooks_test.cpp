// If these fail, a program cannot make the connections of an agent itself, say which are kept, or keep apart what must
// not share one.
#include <optional>

#include "http/agent_fixture.hpp"

namespace culvert {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::StartsWith;
using AgentHooks = test::AgentRequestsTest;
using Stream = std::unique_ptr<Transport>;

// Writes down what it is asked for, and does as every agent does.
class NotingAgent final : public Agent {
 public:
  using Agent::Agent;
  std::vector<Address> made;
  std::vector<const Socket*> kept;
  std::vector<std::pair<const Socket*, const ClientRequest*>> reused;

 private:
  Result<Stream> create_connection(const ConnectionOptions& how, ConnectionCreated created) override {
    made.push_back(how.address);
    return Agent::create_connection(how, std::move(created));
  }
  bool keep_socket_alive(Socket& socket) override {
    kept.push_back(&socket);
    return Agent::keep_socket_alive(socket);
  }
  void reuse_socket(Socket& socket, ClientRequest& request) override {
    reused.emplace_back(&socket, &request);
    Agent::reuse_socket(socket, request);
  }
};

// Makes connections as the test says.
class MakingAgent final : public Agent {
 public:
  using Agent::Agent;
  std::function<Result<Stream>(ConnectionCreated)> make;

 private:
  Result<Stream> create_connection(const ConnectionOptions&, ConnectionCreated created) override {
    return make(std::move(created));
  }
};

TEST_F(AgentHooks, MakeAConnectionByDialling) {
  ROWS("agent.createConnection");
  NotingAgent noting(http);
  get(noting);
  EXPECT_THAT(origin(0).received(), StartsWith("GET / HTTP/1.1\r\n"));
  EXPECT_THAT(noting.made, ElementsAre(world.address()));
  EXPECT_EQ(world.attempts().size(), 1u);
}

TEST_F(AgentHooks, DialAsTheAgentIsTold) {
  ROWS("agent.connect-options");
  const Endpoint local = *Endpoint::parse_ip("127.0.0.2");
  Agent told(http, {.connect = {.local = local, .no_delay = false, .keep_alive = true}});
  for (const std::size_t n : {0, 1}) {
    get(told);
    EXPECT_EQ(origin(n).remote().ip(), "127.0.0.2");
    EXPECT_EQ(world.connect_options(n), told.options.connect);
  }
}

TEST_F(AgentHooks, MayTakeAConnectionFromAnywhere) {
  ROWS("agent.createConnection.override");
  auto [stream, peer] = world.connect();
  MakingAgent making(http);
  making.make = [&](ConnectionCreated) { return std::move(stream); };
  get(making);
  ASSERT_TRUE(world.run_until([&] { return peer.received().ends_with("\r\n\r\n"); }));
  EXPECT_THAT(peer.received(), StartsWith("GET / HTTP/1.1\r\n"));
  peer.send(test::ok_answer);
  ASSERT_TRUE(finishes());
  EXPECT_EQ(body, "ok");
  EXPECT_THAT(world.attempts(), IsEmpty());
}

TEST_F(AgentHooks, MayFailLater) {
  ROWS("agent.createConnection.callback");
  MakingAgent making(http);
  std::optional<ConnectionCreated> later;
  making.make = [&](ConnectionCreated created) {
    later.emplace(std::move(created));
    return Stream();
  };
  get(making);
  world.settle();
  EXPECT_EQ(events, "");
  EXPECT_EQ(making.total_sockets(), 1u) << "the place is taken";
  (*later)(std::make_error_code(std::errc::no_link));
  EXPECT_EQ(events, "");
  ASSERT_TRUE(finishes());
  EXPECT_EQ(events, "error close ");
  EXPECT_EQ(error, std::errc::no_link);
  EXPECT_EQ(making.total_sockets(), 0u);
  EXPECT_THAT(making.sockets(), IsEmpty());
}

TEST_F(AgentHooks, CountOnlyTheFirstConnection) {
  ROWS("agent.createConnection.callback");
  MakingAgent making(http);
  std::optional<ConnectionCreated> later;
  auto [returned, first] = world.connect();
  auto [called, second] = world.connect();
  making.make = [&](ConnectionCreated created) {
    later.emplace(std::move(created));
    return std::move(returned);
  };
  get(making);
  (*later)(std::move(called));
  EXPECT_TRUE(world.run_until([&] { return second.closed(); }));
  EXPECT_EQ(making.total_sockets(), 1u);
  first.send(test::ok_answer);
  ASSERT_TRUE(finishes());
  EXPECT_EQ(body, "ok");

  closed = false;
  auto [late, third] = world.connect();
  auto [soon, fourth] = world.connect();
  making.make = [&](ConnectionCreated created) {
    created(std::move(soon));
    return std::move(late);
  };
  get(making);
  EXPECT_TRUE(world.run_until([&] { return third.closed(); }));
  EXPECT_EQ(making.total_sockets(), 1u);
  fourth.send(test::ok_answer);
  ASSERT_TRUE(finishes());
  EXPECT_EQ(body, "okok");
}

TEST_F(AgentHooks, AreAskedWhetherToKeepAConnection) {
  ROWS("agent.keepSocketAlive");
  NotingAgent noting(http, {.keep_alive = true, .max_sockets = 1});
  const Socket* const socket = get(noting).socket();
  get(noting);
  answer(0);
  EXPECT_THAT(noting.kept, IsEmpty()) << "somebody waits for it";
  answer(0);
  world.settle();
  EXPECT_THAT(noting.kept, ElementsAre(socket));
  EXPECT_THAT(noting.free_sockets(), ElementsAre(Pair(name(), ElementsAre(socket))));
  EXPECT_THAT(noting.reused, IsEmpty()) << "it had not been free between the two";
}

TEST_F(AgentHooks, MayKeepNone) {
  ROWS("agent.keepSocketAlive.false");
  class Ungrateful final : public Agent {
   public:
    using Agent::Agent;

   private:
    bool keep_socket_alive(Socket&) override { return false; }
  };
  Ungrateful ungrateful(http, {.keep_alive = true});
  get(ungrateful);
  answer(0);
  EXPECT_TRUE(closes(0));
  EXPECT_THAT(ungrateful.free_sockets(), IsEmpty());
  EXPECT_EQ(ungrateful.total_sockets(), 0u);
}

TEST_F(AgentHooks, HearOfEveryReuse) {
  ROWS("agent.reuseSocket");
  NotingAgent noting(http, {.keep_alive = true});
  const ClientRequest& first = get(noting);
  const Socket* const socket = first.socket();
  EXPECT_FALSE(first.reused_socket());
  answer(0);
  const ClientRequest& second = get(noting);
  EXPECT_TRUE(second.reused_socket());
  EXPECT_THAT(noting.reused, ElementsAre(Pair(socket, &second)));
  answer(0);
  EXPECT_THAT(noting.reused, SizeIs(1));
}

TEST_F(AgentHooks, NameWhatMayShareAConnection) {
  ROWS("agent.getName", "agent.iojs.getName");
  const ConnectOptions from{.local = *Endpoint::parse_ip("127.0.0.9")};
  EXPECT_EQ(agent.get_name({}), "localhost::");
  EXPECT_EQ(agent.get_name({.host = "h", .port = 1, .connect = from}), "h:1:127.0.0.9");
  EXPECT_EQ(agent.get_name({.host = "h", .port = 1, .connect = from, .family = 6}), "h:1:127.0.0.9:6");
  EXPECT_EQ(agent.get_name({.host = "h", .port = 1, .family = 4}), "h:1::4");
  EXPECT_EQ(agent.get_name({.socket_path = "/s"}), "localhost:::/s");
}

// As an agent over TLS will have to, which is not there yet: whoever trusts others gets connections of his own.
class TrustingAgent final : public Agent {
 public:
  using Agent::Agent;
  std::string ca;
  std::string get_name(const RequestOptions& asked) const override { return Agent::get_name(asked) + ':' + ca; }
};

TEST_F(AgentHooks, MayTellMoreConnectionsApart) {
  ROWS("agent.getName.https");
  TrustingAgent trusting(http, {.keep_alive = true});
  trusting.ca = "one";
  get(trusting);
  answer(0);
  trusting.ca = "other";
  EXPECT_FALSE(get(trusting).reused_socket());
  EXPECT_THAT(trusting.free_sockets(), ElementsAre(Pair(name() + ":one", SizeIs(1))));
  EXPECT_THAT(trusting.sockets(), ElementsAre(Pair(name() + ":other", SizeIs(1))));
  answer(1);
  trusting.ca = "one";
  EXPECT_TRUE(get(trusting).reused_socket());
  answer(0);
}

}  // namespace
}  // namespace culvert
