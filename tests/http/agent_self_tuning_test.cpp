// If these fail, requests meet connections that their origin is closing: they fail, are sent twice, or take a detour.
#include "http/agent_fixture.hpp"
#include "support/held_connect.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class SelfTuning : public test::AgentRequestsTest {
 protected:
  // A request by a relay; `once`: it must not be sent twice.
  ClientRequest& relay(bool once = false) {
    ClientRequest& request =
        count(record(pool.request(row, {.method = once ? "POST" : "GET", .headers = {}, .repeatable = !once})));
    request.end();
    return request;
  }
  // The n-th connection carries a request, then it is free.
  void serve(std::size_t n, std::string_view text = test::ok_answer) {
    relay();
    answer(n, text);
  }
  static std::string answer_with(std::string_view keep_alive) {
    return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: " + std::string(keep_alive) + "\r\n\r\nok";
  }
  // The origin closes the n-th connection, which is seen at once.
  void origin_closes(std::size_t n) {
    origin(n, "").half_close();
    EXPECT_TRUE(closes(n));
  }
  // So many connections are free for so long, and then the origin closes them.
  void teach(Duration idle, std::size_t times = 3) {
    for (std::size_t i = 0; i < times; ++i) {
      serve(opened());
      world.advance(idle);
      world.settle();
      origin_closes(opened() - 1);
    }
  }
  std::size_t opened() const { return pool.statistics().opened; }

  Agent pool{http, {.keep_alive = true, .strict = true, .self_tuning = true}};
  Agent::Origin& row = pool.origin(world.address());
};

TEST_F(SelfTuning, CountsWhatItDoes) {
  serve(0);
  EXPECT_EQ(pool.statistics().opened, 1u);
  EXPECT_EQ(pool.statistics().reused, 0u);
  serve(0);
  EXPECT_EQ(pool.statistics().opened, 1u);
  EXPECT_EQ(pool.statistics().reused, 1u);
  origin_closes(0);
  EXPECT_EQ(pool.statistics().closed_by_origin, 1u);
  serve(1);
  EXPECT_EQ(pool.statistics().opened, 2u);
  EXPECT_EQ(pool.statistics().stale_at_check, 0u);
  EXPECT_EQ(pool.statistics().stale_at_use, 0u);
}

TEST_F(SelfTuning, CountsWhoWaitedForAUsedConnection) {
  pool.options.max_sockets = 1;
  relay();
  relay();
  answer(0);
  answer(0);
  EXPECT_EQ(pool.statistics().opened, 1u);
  EXPECT_EQ(pool.statistics().reused, 1u);
}

TEST_F(SelfTuning, ObeysHowManyRequestsAnOriginTakes) {
  serve(0, answer_with("timeout=20, max=1"));
  serve(0, answer_with("timeout=20, max=0"));
  EXPECT_TRUE(closes(0));
  EXPECT_EQ(pool.statistics().closed_promised, 1u);
  serve(1);
  Agent node(http, {.keep_alive = true});
  get(node);
  answer(2, answer_with("max=0"));
  EXPECT_EQ(node.free_sockets().size(), 1u) << "Node does not read it";
}

TEST_F(SelfTuning, GivesNobodyTheLastOfAConnection) {
  pool.options.max_sockets = 1;
  relay();
  relay();
  answer(0, answer_with("max=0"));
  EXPECT_TRUE(closes(0));
  answer(1);
  EXPECT_EQ(pool.statistics().reused, 0u);
}

TEST_F(SelfTuning, ObeysForHowLongAnOriginKeepsThem) {
  serve(0, answer_with("timeout=1"));
  EXPECT_TRUE(closes(0));
  serve(1, answer_with("timeout=3"));
  world.advance(1'999ms);
  EXPECT_EQ(open_connections(), 1u);
  world.advance(2ms);
  EXPECT_TRUE(closes(1));
  EXPECT_EQ(pool.statistics().closed_promised, 2u);
}

TEST_F(SelfTuning, LearnsWhenTheOriginClosesThem) {
  teach(4s);
  serve(3);
  world.advance(2s);
  EXPECT_EQ(open_connections(), 1u);
  world.advance(1'600ms);
  EXPECT_TRUE(closes(3)) << "before the origin would";
  EXPECT_EQ(pool.statistics().closed_learned, 1u);
  EXPECT_EQ(pool.statistics().closed_by_origin, 3u);
}

TEST_F(SelfTuning, LearnsNothingWhereNobodyWantsItTo) {
  pool.options.self_tuning = false;
  teach(4s, 8);
  serve(8);
  world.advance(10s);
  EXPECT_EQ(open_connections(), 1u);
}

TEST_F(SelfTuning, LearnsNothingOfAMomentsRest) {
  for (const bool moment : {true, false}) {
    pool.options.check_free_after = moment ? 50ms : 49ms;
    teach(50ms, 5);
    serve(opened());
    world.advance(1s);
    EXPECT_EQ(open_connections(), moment ? 1u : 0u);
    if (moment) origin_closes(opened() - 1);
  }
}

TEST_F(SelfTuning, AppliesWhatItLearnsToThoseThatAreFreeAlready) {
  for (int i = 0; i < 4; ++i) relay();
  for (const std::size_t n : {0, 1, 2, 3}) answer(n);
  world.advance(4s);
  for (const std::size_t n : {1, 2, 3}) {
    world.advance(30ms);
    world.settle();
    origin_closes(n);
  }
  EXPECT_EQ(pool.free_sockets(row), 1u);
  serve(4);
  EXPECT_TRUE(closes(0));
  EXPECT_EQ(pool.statistics().closed_learned, 1u);
}

TEST_F(SelfTuning, LooksAtAConnectionBeforeItIsUsedAgain) {
  serve(0);
  world.advance(11ms);
  world.settle();
  origin(0, "").half_close();  // and no turn of the loop in between
  relay();
  answer(1);
  EXPECT_EQ(error, std::error_code());
  EXPECT_EQ(pool.statistics().stale_at_check, 1u);
  EXPECT_EQ(pool.statistics().stale_at_use, 0u);
  EXPECT_EQ(pool.statistics().closed_by_origin, 1u);
}

TEST_F(SelfTuning, LooksAtOneThatSpeaksUnasked) {
  serve(0);
  world.advance(11ms);
  world.settle();
  origin(0, "").send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
  on_response = [](IncomingMessage& response) { EXPECT_EQ(response.status_code(), 200); };
  relay();
  answer(1);
  EXPECT_EQ(pool.statistics().stale_at_check, 1u);
}

TEST_F(SelfTuning, TakesTheNextOneWhereOneIsStale) {
  relay();
  relay();
  answer(0);
  answer(1);
  world.advance(11ms);
  world.settle();
  origin(1, "").half_close();
  serve(0);
  EXPECT_EQ(pool.statistics().stale_at_check, 1u);
  EXPECT_EQ(opened(), 2u);
}

TEST_F(SelfTuning, LooksAtNoneThatHasJustServed) {
  serve(0);
  world.advance(10ms);
  world.settle();
  origin(0, "").half_close();
  closed = false;
  relay();
  ASSERT_TRUE(finishes());
  EXPECT_TRUE(error);
  EXPECT_EQ(pool.statistics().stale_at_check, 0u);
  EXPECT_EQ(pool.statistics().stale_at_use, 1u);
}

TEST_F(SelfTuning, LooksAtEveryOneThatIsForARequestThatCannotBeRepeated) {
  serve(0);
  origin(0, "").half_close();
  relay(true);
  answer(1);
  EXPECT_FALSE(error);
  EXPECT_EQ(pool.statistics().stale_at_check, 1u);
}

TEST_F(SelfTuning, LearnsFromAConnectionThatWasStaleWhenItWasUsed) {
  for (std::size_t n = 0; n < 3; ++n) {
    serve(n);
    world.advance(4s);
    world.settle();
    relay();
    origin(n).reset();
    closed = false;
    ASSERT_TRUE(finishes());
  }
  EXPECT_EQ(pool.statistics().stale_at_use, 3u);
  serve(3);
  world.advance(3'600ms);
  EXPECT_TRUE(closes(3));
  EXPECT_EQ(pool.statistics().closed_learned, 1u);
}

// ---- what cannot be repeated ------------------------------------------------------------------------------------------

TEST_F(SelfTuning, GivesWhatCannotBeRepeatedNoneWhoseTimeMayBeUp) {
  serve(0);
  world.advance(250ms);
  relay(true);
  answer(0);
  world.advance(251ms);
  relay(true);
  answer(1);
  EXPECT_EQ(pool.free_sockets(row), 2u) << "the other one is good enough for those that can be repeated";
  pool.options.scheduling = AgentOptions::Scheduling::fifo;
  relay(true);
  answer(1);
  relay();
  answer(0);
}

TEST_F(SelfTuning, GivesItOneByWhatTheOriginPromises) {
  serve(0, answer_with("timeout=10"));
  world.advance(5s);
  relay(true);
  answer(0, answer_with("timeout=10"));
  world.advance(5'001ms);
  relay(true);
  answer(1);
}

TEST_F(SelfTuning, GivesItOneByWhatWasLearned) {
  teach(4s);
  serve(3);
  world.advance(1s);
  relay(true);
  answer(3);
  world.advance(2s);
  relay(true);
  answer(4);
}

TEST_F(SelfTuning, GivesItOneByWhatWasGoodOften) {
  for (int i = 0; i < 9; ++i) {
    serve(0);
    world.advance(4s);
  }
  relay(true);
  answer(0);
  EXPECT_EQ(opened(), 1u);
}

TEST_F(SelfTuning, MakesRoomForWhatCannotBeRepeated) {
  pool.options.max_sockets = 2;
  relay();
  relay();
  answer(0);
  answer(1);
  world.advance(251ms);
  relay(true);
  EXPECT_TRUE(closes(0)) << "the one that was free for longer";
  answer(2);
  EXPECT_EQ(pool.free_sockets(row), 2u);
}

// ---- those that wait --------------------------------------------------------------------------------------------------

class Pending : public SelfTuning {
 protected:
  Pending() { pool.options.max_sockets = 1; }
  ClientRequest& relay_within(std::chrono::milliseconds connect_timeout) {
    ClientRequest& request = count(record(pool.request(row, {.connect_timeout = connect_timeout})));
    request.end();
    return request;
  }
};

TEST_F(Pending, AreAsManyAsMayBe) {
  pool.options.max_pending = 2;
  for (int i = 0; i < 3; ++i) relay();
  world.settle();
  EXPECT_FALSE(error);
  EXPECT_EQ(pool.requests(row), 2u);
  relay();
  ASSERT_TRUE(finishes());
  EXPECT_EQ(error, errc::queue_full);
  answer(0);
  relay();
  for (int i = 0; i < 3; ++i) answer(0);
  EXPECT_EQ(ended, 5u);
  EXPECT_EQ(pool.requests(row), 0u);
}

TEST_F(Pending, AreNoneAnyMoreOnceTheyHaveGivenUp) {
  pool.options.max_pending = 1;
  relay();
  relay().destroy();
  EXPECT_EQ(pool.requests(row), 0u);
  relay();
  EXPECT_EQ(pool.requests(row), 1u);
  pool.destroy();
  EXPECT_EQ(pool.requests(row), 0u);
}

TEST_F(Pending, WaitWithinTheTimeForAConnectionWhereNothingElseIsSaid) {
  relay();
  relay_within(200ms);
  world.advance(199ms);
  world.settle();
  EXPECT_FALSE(error);
  world.advance(2ms);
  ASSERT_TRUE(finishes());
  EXPECT_EQ(error, errc::no_free_connection);
}

TEST_F(Pending, WaitForATimeOfTheirOwn) {
  pool.options.pending_timeout = 500ms;
  relay();
  relay_within(200ms);
  world.advance(499ms);
  world.settle();
  EXPECT_FALSE(error);
  world.advance(2ms);
  ASSERT_TRUE(finishes());
  EXPECT_EQ(error, errc::no_free_connection);
}

TEST_F(Pending, HaveTheWholeTimeForAConnectionWhenTheyHaveWaited) {
  class Slow : public Agent {
   public:
    using Agent::Agent;
    test::HeldConnect* last = nullptr;

   private:
    Result<std::unique_ptr<Transport>> create_connection(const ConnectionOptions& how, ConnectionCreated to) override {
      Result<std::unique_ptr<Transport>> stream = Agent::create_connection(how, std::move(to));
      auto held = std::make_unique<test::HeldConnect>(std::move(*stream));
      last = held.get();
      return std::unique_ptr<Transport>(std::move(held));
    }
  };
  Slow slow(http, {.max_sockets = 1, .pending_timeout = 500ms});
  const auto ask = [&] {
    count(record(slow.request(slow.origin(world.address()), {.connect_timeout = 200ms}))).end();
  };
  ask();
  slow.last->stand();
  origin(0);
  ask();
  world.advance(400ms);
  answer(0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  world.settle();
  world.advance(199ms);
  world.settle();
  EXPECT_EQ(error, std::error_code()) << "the wait does not count any more";
  closed = false;
  world.advance(2ms);
  ASSERT_TRUE(finishes());
  EXPECT_EQ(error, errc::timed_out);
}

}  // namespace
}  // namespace culvert
