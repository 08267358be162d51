// If these fail, requests to an origin are lost, answered with another's answer, or cost a connection each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "culvert/http.hpp"
#include "http/rows.hpp"
#include "support/world.hpp"
#include "wire/parse_error.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view ok_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// What became of one request.
struct Outcome {
  ClientRequest* request = nullptr;
  std::string events;
  std::uint16_t status = 0;
  std::string body;
  std::error_code error;
  bool reused = false;
  bool connected = false;  // when the error came
  bool closed() const { return events.ends_with("close"); }
};

class AgentTest : public ::testing::Test {
 protected:
  explicit AgentTest(AgentOptions options = {.keep_alive = true}) : agent(http, options) {}

  Address origin_address() { return world.address(); }

  Outcome& get(std::string_view path, PooledRequest options = {}) {
    options.path = path;
    Outcome& outcome = start(options);
    outcome.request->end();
    return outcome;
  }
  Outcome& start(const PooledRequest& options) {
    Outcome& outcome = *outcomes.emplace_back(std::make_unique<Outcome>());
    ClientRequest& request = agent.request(origin_address(), options);
    outcome.request = &request;
    outcome.reused = request.reused_socket();
    request.on_information([&](const Information& i) { outcome.events += std::to_string(i.status_code) + ' '; });
    request.on_response([&](IncomingMessage& answer) {
      outcome.events += "response ";
      outcome.status = answer.status_code();
      answer.on_data([&](Bytes part) { outcome.body += as_text(part); });
      answer.on_end([&] { outcome.events += "end "; });
      answer.on_aborted([&] { outcome.events += "aborted "; });
      answer.on_error([&](std::error_code error) { outcome.error = error; });
    });
    request.on_finish([&] { outcome.events += "finish "; });
    request.on_error([&](std::error_code error) {
      outcome.events += "error ";
      outcome.error = error;
      outcome.connected = outcome.request->connected();
    });
    request.on_close([&] { outcome.events += "close"; });
    return outcome;
  }
  // The peer of the agent's n-th connection, once `text` has arrived there.
  test::TestPeer& origin_got(std::size_t n, std::string_view text) {
    EXPECT_TRUE(world.run_until([&] {
      test::TestPeer* peer = world.accepted(n);
      return peer != nullptr && peer->received().find(text) != std::string::npos;
    })) << "connection "
        << n << " never got " << text;
    return *world.accepted(n);
  }

  test::World world;
  Http http{world.loop(), world.network(), world.resolver()};
  Agent agent;
  std::vector<std::unique_ptr<Outcome>> outcomes;
};

TEST_F(AgentTest, SendsARequestAndGivesTheAnswer) {
  ROWS("request.response.listen");
  Outcome& outcome = get("/hello");
  test::TestPeer& origin = origin_got(0, "\r\n\r\n");
  EXPECT_THAT(origin.received(), StartsWith("GET /hello HTTP/1.1\r\nHost: "));
  EXPECT_THAT(origin.received(), EndsWith("\r\nConnection: keep-alive\r\n\r\n"));
  origin.send(ok_answer);
  ASSERT_TRUE(world.run_until([&] { return outcome.closed(); }));
  EXPECT_EQ(outcome.status, 200);
  EXPECT_EQ(outcome.body, "ok");
  EXPECT_EQ(outcome.events, "finish response end close");
}

TEST_F(AgentTest, ReadsAnAnswerThatTheEndOfTheConnectionDelimits) {
  Outcome& outcome = get("/");
  test::TestPeer& origin = origin_got(0, "\r\n\r\n");
  origin.send("HTTP/1.0 200 OK\r\n\r\nall of it");
  origin.half_close();
  ASSERT_TRUE(world.run_until([&] { return outcome.closed(); }));
  EXPECT_EQ(outcome.body, "all of it");
  EXPECT_THAT(outcome.events, HasSubstr("end"));
  ASSERT_TRUE(world.run_until([&] { return agent.total_sockets() == 0; }));
}

TEST_F(AgentTest, TellsThatAnAnswerWasCut) {
  ROWS("request.response.error-listener");
  Outcome& outcome = get("/");
  test::TestPeer& origin = origin_got(0, "\r\n\r\n");
  origin.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
  ASSERT_TRUE(world.run_until([&] { return outcome.body == "part"; }));
  origin.half_close();
  ASSERT_TRUE(world.run_until([&] { return outcome.closed(); }));
  EXPECT_EQ(outcome.events, "finish response aborted close");
  EXPECT_EQ(outcome.error, errc::aborted);
}

TEST_F(AgentTest, TellsThatThereWasNoAnswer) {
  Outcome& outcome = get("/");
  origin_got(0, "\r\n\r\n").half_close();
  ASSERT_TRUE(world.run_until([&] { return outcome.closed(); }));
  EXPECT_EQ(outcome.events, "finish error close");
  EXPECT_EQ(outcome.error, errc::socket_hang_up);
  EXPECT_FALSE(outcome.reused);
}

TEST_F(AgentTest, RefusesAnAnswerThatIsNotHttp) {
  Outcome& outcome = get("/");
  origin_got(0, "\r\n\r\n").send("SSH-2.0-OpenSSH\r\n");
  ASSERT_TRUE(world.run_until([&] { return outcome.closed(); }));
  EXPECT_THAT(outcome.events, EndsWith("error close"));
  EXPECT_EQ(outcome.error.category(), wire::parse_category());
}

TEST_F(AgentTest, SkipsInformationBeforeTheAnswer) {
  Outcome& outcome = get("/");
  origin_got(0, "\r\n\r\n")
      .send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + std::string(ok_answer));
  ASSERT_TRUE(world.run_until([&] { return outcome.closed(); }));
  EXPECT_EQ(outcome.events, "finish 103 100 response end close");
}

TEST_F(AgentTest, AStrictOneReadsSixteenInformationsAndNoMore) {
  const std::string_view information = "HTTP/1.1 103 Early Hints\r\n\r\n";
  const auto after = [&](bool strict, int count) -> Outcome& {
    agent.options.strict = strict;
    Outcome& outcome = get("/");
    std::string sent;
    for (int i = 0; i < count; ++i) sent += information;
    sent += "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    origin_got(outcomes.size() - 1, "\r\n\r\n").send(sent);
    EXPECT_TRUE(world.run_until([&] { return outcome.closed(); }));
    return outcome;
  };
  const auto informations = [](const Outcome& outcome) { return std::ranges::count(outcome.events, '3'); };
  EXPECT_EQ(after(true, 16).status, 200);
  EXPECT_EQ(informations(*outcomes.back()), 16);
  EXPECT_EQ(after(true, 17).error, errc::too_many_informations);
  EXPECT_EQ(informations(*outcomes.back()), 16);
  EXPECT_EQ(outcomes.back()->status, 0);
  EXPECT_EQ(after(false, 100).status, 200) << "Node counts none";
}

TEST_F(AgentTest, SendsAStreamedBodyInChunks) {
  Outcome& outcome = start({.method = "POST", .path = "/up"});
  outcome.request->write("hello");
  outcome.request->write(" world");
  outcome.request->end();
  test::TestPeer& origin = origin_got(0, "0\r\n\r\n");
  EXPECT_THAT(origin.received(), HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(origin.received(), EndsWith("\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"));
  origin.send(ok_answer);
  ASSERT_TRUE(world.run_until([&] { return outcome.closed(); }));
}

TEST_F(AgentTest, GivesUpOnAnOriginThatDoesNotAnswer) {
  Outcome& outcome = get("/", {.response_timeout = 2s});
  origin_got(0, "\r\n\r\n");
  world.advance(1'900ms);
  world.settle();
  EXPECT_EQ(outcome.events, "finish ");
  world.advance(200ms);
  ASSERT_TRUE(world.run_until([&] { return outcome.closed(); }));
  EXPECT_EQ(outcome.error, errc::timed_out);
}

TEST_F(AgentTest, GivesUpOnABodyThatStops) {
  Outcome& outcome = get("/", {.response_timeout = 10s, .idle_timeout = 2s});
  origin_got(0, "\r\n\r\n").send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
  ASSERT_TRUE(world.run_until([&] { return outcome.body == "part"; }));
  world.advance(2'100ms);
  ASSERT_TRUE(world.run_until([&] { return outcome.closed(); }));
  EXPECT_EQ(outcome.error, errc::timed_out);
}

TEST_F(AgentTest, TakesAnAnswerThatComesBeforeTheRequestIsSent) {
  Outcome& outcome = start({.method = "POST", .path = "/up"});
  outcome.request->write("first part");
  test::TestPeer& origin = origin_got(0, "first part");
  origin.send("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
  origin.half_close();
  ASSERT_TRUE(world.run_until([&] { return outcome.closed() && agent.total_sockets() == 0; }));
  EXPECT_EQ(outcome.status, 413);
  EXPECT_EQ(outcome.body, "no");
  EXPECT_EQ(outcome.events, "response end close");
}

TEST_F(AgentTest, RefusesATargetThatIsNone) {
  EXPECT_THROW(agent.request(origin_address(), {.path = "/a b"}), http_error);
  EXPECT_THROW(agent.request(origin_address(), {.path = "/a\r\nX: y"}), http_error);
}

TEST_F(AgentTest, APrefaceGoesFirstOnAConnectionThatNoOtherRequestGets) {
  Outcome& plain = get("/plain");
  origin_got(0, "\r\n\r\n").send(ok_answer);
  ASSERT_TRUE(world.run_until([&] { return plain.closed(); }));
  Outcome& first = get("/first", {.preface = as_bytes("PREFACE\n")});
  EXPECT_FALSE(first.reused);
  test::TestPeer& origin = origin_got(1, "\r\n\r\n");
  EXPECT_THAT(origin.received(), StartsWith("PREFACE\nGET /first HTTP/1.1\r\n"));
  origin.send(ok_answer);
  ASSERT_TRUE(world.run_until([&] { return first.closed() && origin.closed(); }));
  EXPECT_EQ(first.body, "ok");
}

struct OneSocketTest : AgentTest {
  OneSocketTest() : AgentTest({.keep_alive = true, .max_sockets = 1}) {}
};

TEST_F(OneSocketTest, AWaitingRequestGivesUpInTime) {
  get("/1");
  Outcome& waiting = get("/2", {.connect_timeout = 1s});
  origin_got(0, "/1");
  world.advance(1'100ms);
  ASSERT_TRUE(world.run_until([&] { return waiting.closed(); }));
  EXPECT_EQ(waiting.error, errc::no_free_connection);
  EXPECT_FALSE(waiting.connected);
}

TEST_F(OneSocketTest, APrefaceIsNotSentOnTheConnectionOfAnother) {
  Outcome& first = get("/first");
  Outcome& second = get("/second", {.preface = as_bytes("PREFACE\n")});
  origin_got(0, "\r\n\r\n").send(ok_answer);
  test::TestPeer& origin = origin_got(1, "\r\n\r\n");
  EXPECT_THAT(origin.received(), StartsWith("PREFACE\nGET /second "));
  origin.send(ok_answer);
  ASSERT_TRUE(world.run_until([&] { return first.closed() && second.closed(); }));
}

TEST_F(OneSocketTest, AWaitingRequestGetsTheNextConnectionWhenOneBreaks) {
  Outcome& one = get("/1");
  Outcome& two = get("/2");
  origin_got(0, "/1").reset();
  ASSERT_TRUE(world.run_until([&] { return one.closed(); }));
  origin_got(1, "/2").send(ok_answer);
  ASSERT_TRUE(world.run_until([&] { return two.closed(); }));
  EXPECT_EQ(two.status, 200);
}

}  // namespace
}  // namespace culvert
