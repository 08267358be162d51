// If these fail, a program hears of a client's requests in the wrong order, twice, or not at all.
#include "http/server_fixture.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ServerEventsTest : public ServerTest {
 protected:
  // Notes the last events of every exchange.
  void note_events(IncomingMessage& request, ServerResponse& response) {
    request.on_end([this] { events += "request-end "; });
    request.on_aborted([this] { events += "aborted "; });
    request.on_error([this](std::error_code error) {
      events += error == std::errc::connection_reset ? "request-reset " : "request-error ";
    });
    request.on_close([this] { events += "request-close "; });
    response.on_prefinish([this] { events += "prefinish "; });
    response.on_finish([this] { events += "finish "; });
    response.on_close([this] { events += "response-close "; });
  }
  std::string events;
};

// ---- a request ------------------------------------------------------------------------------------------------------

TEST_F(ServerEventsTest, TellsOfARequestBeforeItsBody) {
  ROWS("server.event.request");
  answer_with_request();
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return requests == 1; }));
  pass(100ms);
  EXPECT_EQ(bodies.back(), "");
  EXPECT_EQ(client.received(), "");
  client.send("body");
  ASSERT_TRUE(receives(client, "POST / body"));
  EXPECT_EQ(requests, 1);
}

TEST_F(ServerEventsTest, EveryRequestOnAConnectionHasItsOwnMessages) {
  ROWS("server.event.request.keep-alive", "response.end");
  std::vector<Socket*> sockets;
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    note_events(request, response);
    sockets.push_back(request.socket());
    EXPECT_FALSE(response.has_header("X-First"));
    EXPECT_EQ(request.body_bytes(), 0u);
    request.on_data([](Bytes) {});
    response.set_header("X-First", "1");
    response.end(std::string(request.url()));
  });
  test::TestPeer& client = connect();
  client.send("POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  ASSERT_TRUE(receives(client, "/1"));
  world.settle();
  EXPECT_THAT(events, EndsWith("request-close "));
  events.clear();
  client.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(receives(client, "/2"));
  world.settle();
  EXPECT_EQ(events, "request-end prefinish finish response-close request-close ");
  ASSERT_EQ(sockets.size(), 2u);
  EXPECT_EQ(sockets[0], sockets[1]);
  EXPECT_FALSE(client.closed());
}

TEST_F(ServerEventsTest, TellsTheEndOfAnExchangeInOrder) {
  ROWS("server.observed.normal-order");
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    note_events(request, response);
    request.on_data([](Bytes) {});
    request.on_end([&response] { response.end("x"); });
  });
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nb");
  ASSERT_TRUE(receives(client, "\r\n\r\nx"));
  world.settle();
  EXPECT_EQ(events, "request-end prefinish finish response-close request-close ");
}

TEST_F(ServerEventsTest, TellsOfAClientThatIsGoneInTheMiddleOfItsBody) {
  ROWS("server.observed.client-abort-order", "message.event.aborted", "message.aborted", "message.complete");
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    note_events(request, response);
    request.on_data([this](Bytes) { ++requests; });
    request.on_close([&request] {
      EXPECT_FALSE(request.complete());
      EXPECT_TRUE(request.aborted());
    });
  });
  for (const bool resets : {true, false}) {
    events.clear();
    requests = 0;
    test::TestPeer& client = connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nb");
    ASSERT_TRUE(world.run_until([&] { return requests == 1; }));
    if (resets) {
      client.reset();
    } else {
      client.half_close();
    }
    ASSERT_TRUE(world.run_until([&] { return server.connections() == 0; }));
    EXPECT_EQ(events, "aborted response-close request-reset request-close ");
  }
}

TEST_F(ServerEventsTest, TellsOfAClientThatIsGoneBeforeItsAnswer) {
  ROWS("server.observed.client-abort-order", "response.event.close");
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    note_events(request, response);
    request.resume();
  });
  test::TestPeer& client = connect();
  client.send(get);
  ASSERT_TRUE(world.run_until([&] { return events == "request-end "; }));
  client.reset();
  ASSERT_TRUE(world.run_until([&] { return server.connections() == 0; }));
  EXPECT_EQ(events, "request-end request-close response-close ");
}

TEST_F(ServerEventsTest, AnAnswerToAClientThatHasShutItsSideIsLostUnlessAskedFor) {
  ROWS("server.observed.half-close");
  leave_pending();
  for (const bool half_open : {false, true}) {
    server.options.allow_half_open = half_open;
    bool closed = false;
    requests = 0;
    test::TestPeer& client = connect();
    client.send(get);
    client.half_close();
    ASSERT_TRUE(world.run_until([&] { return requests == 1; }));
    pending->on_close([&] { closed = true; });
    world.settle();
    EXPECT_EQ(closed, !half_open);
    if (half_open) {
      pass(100ms);
      pending->end("late");
    }
    ASSERT_TRUE(sees_the_end(client));
    if (half_open) {
      EXPECT_THAT(client.received(), EndsWith("\r\n\r\nlate"));
    } else {
      EXPECT_EQ(client.received(), "");
    }
  }
}

// ---- expectations ---------------------------------------------------------------------------------------------------

constexpr std::string_view expects_continue =
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";

TEST_F(ServerEventsTest, AnswersExpect100ContinueItself) {
  ROWS("server.event.checkContinue.default");
  answer_with_request();
  test::TestPeer& client = connect();
  client.send(expects_continue);
  ASSERT_TRUE(receives(client, "\r\n\r\n"));
  EXPECT_EQ(client.received(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(requests, 1);
  client.send("ok");
  ASSERT_TRUE(receives(client, "POST / ok"));
}

TEST_F(ServerEventsTest, LeavesTheExpectationToItsListener) {
  ROWS("server.event.checkContinue", "server.event.checkContinue.no-request");
  answer_with_request();
  int checks = 0;
  server.on_check_continue([&](IncomingMessage& request, ServerResponse& response) {
    ++checks;
    response.send_date = false;
    response.write_continue();
    request.on_data([](Bytes) {});
    request.on_end([&response] { response.end("done"); });
  });
  test::TestPeer& client = connect();
  client.send(expects_continue);
  ASSERT_TRUE(receives(client, "\r\n\r\n"));
  EXPECT_EQ(client.received(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  ASSERT_TRUE(receives(client, "done"));
  EXPECT_EQ(client.received(),
            "HTTP/1.1 100 Continue\r\n\r\n"
            "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 4\r\n\r\ndone");
  EXPECT_EQ(checks, 1);
  EXPECT_EQ(requests, 0);
}

TEST_F(ServerEventsTest, AFinalAnswerToAnExpectationIsTheLast) {
  ROWS("server.event.checkContinue", "server.event.checkContinue.no-request");
  answer_with_request();
  server.on_check_continue([](IncomingMessage&, ServerResponse& response) {
    response.status_code = 400;
    response.end("no");
  });
  test::TestPeer& client = connect();
  client.send(expects_continue);
  ASSERT_TRUE(receives(client, "no"));
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(requests, 0);
}

TEST_F(ServerEventsTest, LeavesOtherExpectationsToTheirListener) {
  ROWS("server.event.checkExpectation");
  answer_with_request();
  int checks = 0;
  server.on_check_expectation([&](IncomingMessage& request, ServerResponse& response) {
    ++checks;
    EXPECT_EQ(request.headers().text("expect"), "x");
    response.end("as you like");
  });
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(receives(client, "as you like"));
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(checks, 1);
  EXPECT_EQ(requests, 0);
}

TEST_F(ServerEventsTest, AnswersOtherExpectationsWith417) {
  ROWS("server.event.checkExpectation.default");
  answer_with_request();
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(receives(client, "0\r\n\r\n"));
  EXPECT_EQ(client.received(), "HTTP/1.1 417 Expectation Failed\r\nDate: " + std::string(world.loop().http_date()) +
                                   "\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n"
                                   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  EXPECT_EQ(requests, 0);
  client.send(get);
  ASSERT_TRUE(receives(client, "GET / "));
}

// ---- a connection ---------------------------------------------------------------------------------------------------

TEST_F(ServerEventsTest, TellsOfEveryConnection) {
  ROWS("server.event.connection");
  std::vector<Socket*> sockets;
  Socket* asked_on = nullptr;
  server.on_connection([&](Socket& socket) { sockets.push_back(&socket); });
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    asked_on = request.socket();
    response.end("ok");
  });
  test::TestPeer& client = connect();
  world.settle();
  ASSERT_EQ(sockets.size(), 1u);
  EXPECT_EQ(asked_on, nullptr);
  client.send(get);
  ASSERT_TRUE(receives(client, "ok"));
  EXPECT_EQ(asked_on, sockets.front());
  EXPECT_EQ(sockets.size(), 1u);
}

TEST_F(ServerEventsTest, ServesAnyStream) {
  ROWS("server.event.connection.inject", "server.event.connect.socket-type");
  auto [stream, client] = world.connect();
  std::vector<const Transport*> told;
  server.on_connection([&](Socket& socket) { told.push_back(socket.transport()); });
  server.on_client_error([&](ClientError&, Socket& socket) {
    told.push_back(socket.transport());
    socket.end();
  });
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    told.push_back(request.socket()->transport());
    response.end("ok");
  });
  const Transport* const injected = stream.get();
  server.adopt(std::move(stream));
  client.send(get);
  ASSERT_TRUE(receives(client, "ok"));
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 200 OK\r\n"));
  client.send("BAD\r\n\r\n");
  ASSERT_TRUE(sees_the_end(client));
  EXPECT_THAT(told, ::testing::ElementsAre(injected, injected, injected));
}

// Whoever took a stream may have had to look at its first bytes.
TEST_F(ServerEventsTest, GoesOnWhereSomebodyElseHasBegunToRead) {
  answer_with_request();
  for (const std::string_view first : {"", "GET", "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2"}) {
    auto [stream, client] = world.connect();
    const std::string whole = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    server.adopt(std::move(stream), as_bytes(std::string(first)));
    client.send(whole.substr(first.size()));
    ASSERT_TRUE(receives(client, "GET /2 ")) << first;
    EXPECT_THAT(client.received(), HasSubstr("GET /1 "));
  }
  server.on_connection([](Socket& socket) { socket.destroy(); });
  auto [stream, client] = world.connect();
  server.adopt(std::move(stream), as_bytes(get));
  EXPECT_TRUE(sees_the_end(client)) << "destroyed before its first bytes count";
}

}  // namespace
}  // namespace culvert
