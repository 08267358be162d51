// If these fail, slow clients keep their connections, or quick ones lose them.
#include "http/server_fixture.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

using ServerTimeoutsTest = ServerTest;

constexpr std::string_view request_timeout = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n";
constexpr std::string_view stalled = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc";

// ---- receiving a request --------------------------------------------------------------------------------------------

TEST_F(ServerTimeoutsTest, ChoosesTheTimeForAHeadByThatForARequest) {
  ROWS("server.headersTimeout", "server.requestTimeout", "createServer.headersTimeout");
  EXPECT_EQ(Server(http).options.request_timeout, 300'000ms);
  EXPECT_EQ(Server(http).options.headers_timeout, 60'000ms);
  EXPECT_EQ(Server(http, {.request_timeout = 10'000ms}).options.headers_timeout, 10'000ms);
  try {
    const Server contradictory(http, {.headers_timeout = 100ms, .request_timeout = 50ms});
    FAIL() << "a head may not take longer than its request";
  } catch (const http_error& error) {
    EXPECT_EQ(error.code(), errc::ERR_OUT_OF_RANGE);
  }
}

TEST_F(ServerTimeoutsTest, AnswersASlowHeadWith408) {
  ROWS("server.headersTimeout.408");
  answer_with_request();
  server.options.headers_timeout = 200ms;
  server.options.connections_checking_interval = 50ms;
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n");
  world.settle();
  pass(199ms);
  EXPECT_EQ(client.received(), "");
  pass(101ms);
  ASSERT_TRUE(sees_the_end(client));
  EXPECT_EQ(client.received(), request_timeout);
  EXPECT_EQ(requests, 0);
}

TEST_F(ServerTimeoutsTest, LooksForSlowRequestsAtIntervals) {
  ROWS("createServer.connectionsCheckingInterval");
  answer_with_request();
  server.options.headers_timeout = 200ms;
  server.options.connections_checking_interval = 1000ms;
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n");
  world.settle();
  pass(200ms - 1ms);
  EXPECT_EQ(client.received(), "");
  pass(1101ms);
  ASSERT_TRUE(sees_the_end(client));
  EXPECT_EQ(client.received(), request_timeout);
}

TEST_F(ServerTimeoutsTest, AnswersASlowBodyWith408UnlessTheAnswerHasBegun) {
  ROWS("server.requestTimeout.408", "createServer.requestTimeout");
  Server slow(http, {.request_timeout = 300ms, .connections_checking_interval = 50ms});
  bool begins = false;
  slow.on_request([&](IncomingMessage& request, ServerResponse& response) {
    request.on_data([](Bytes) {});
    if (begins) response.write("part");
    ++requests;
  });
  test::TestPeer& unanswered = connect(slow);
  unanswered.send(stalled);
  ASSERT_TRUE(world.run_until([&] { return requests == 1; }));
  pass(299ms);
  EXPECT_EQ(unanswered.received(), "");
  pass(101ms);
  ASSERT_TRUE(sees_the_end(unanswered));
  EXPECT_EQ(unanswered.received(), request_timeout);

  begins = true;
  test::TestPeer& begun = connect(slow);
  begun.send(stalled);
  ASSERT_TRUE(receives(begun, "part\r\n"));
  world.settle();
  const std::string before = begun.received();
  pass(400ms);
  ASSERT_TRUE(sees_the_end(begun));
  EXPECT_EQ(begun.received(), before);
}

// ---- silence on a socket --------------------------------------------------------------------------------------------

TEST_F(ServerTimeoutsTest, LeavesASilentSocketAloneByDefault) {
  ROWS("server.setTimeout.default-none", "server.timeout.zero");
  leave_pending();
  EXPECT_EQ(server.options.timeout, 0ms);
  test::TestPeer& client = connect();
  client.send(get);
  ASSERT_TRUE(world.run_until([&] { return requests == 1; }));
  pass(1s);
  pass(1h);
  EXPECT_FALSE(client.closed());
  pending->end("at last");
  ASSERT_TRUE(receives(client, "at last"));
}

TEST_F(ServerTimeoutsTest, DestroysASilentSocketWhereNobodyListens) {
  ROWS("server.timeout", "server.setTimeout.handler-owns");
  leave_pending();
  EXPECT_EQ(Server(http).options.timeout, 0ms);
  server.set_timeout(100ms);
  test::TestPeer& client = connect();
  client.send(get);
  ASSERT_TRUE(world.run_until([&] { return requests == 1; }));
  pass(99ms);
  EXPECT_FALSE(client.closed());
  pass(2ms);
  ASSERT_TRUE(sees_the_end(client));
  EXPECT_EQ(client.received(), "");
}

TEST_F(ServerTimeoutsTest, LeavesASilentSocketToItsListener) {
  ROWS("server.setTimeout", "server.setTimeout.handler-owns");
  leave_pending();
  Socket* silent = nullptr;
  EXPECT_EQ(&server.set_timeout(100ms, [&](Socket& socket) { silent = &socket; }), &server);
  test::TestPeer& client = connect();
  client.send(get);
  ASSERT_TRUE(world.run_until([&] { return requests == 1; }));
  pass(99ms);
  EXPECT_EQ(silent, nullptr);
  pass(2ms);
  ASSERT_EQ(silent, pending->socket());
  EXPECT_FALSE(client.closed());
  silent->end("custom");
  ASSERT_TRUE(sees_the_end(client));
  EXPECT_EQ(client.received(), "custom");
}

TEST_F(ServerTimeoutsTest, OffersATimeoutToRequestResponseAndServer) {
  ROWS("server.observed.timeout-order");
  std::string events;
  server.set_timeout(100ms, [&](Socket&) { events += "server "; });
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    ++requests;
    request.on_data([](Bytes) {});
    request.on_timeout([&] { events += "request "; });
    response.on_timeout([&] { events += "response "; });
  });
  for (const bool whole : {false, true}) {
    events.clear();
    requests = 0;
    test::TestPeer& client = connect();
    client.send(whole ? get : stalled);
    ASSERT_TRUE(world.run_until([&] { return requests == 1; }));
    world.settle();
    pass(101ms);
    EXPECT_EQ(events, whole ? "response server " : "request response server ");
    EXPECT_FALSE(client.closed());
    client.reset();
    ASSERT_TRUE(world.run_until([&] { return server.connections() == 0; }));
  }
}

TEST_F(ServerTimeoutsTest, ANewTimeoutIsForNewConnections) {
  ROWS("server.timeout.at-connect");
  test::TestPeer& earlier = connect();
  world.settle();
  server.options.timeout = 100ms;
  test::TestPeer& later = connect();
  world.settle();
  pass(150ms);
  ASSERT_TRUE(sees_the_end(later));
  EXPECT_FALSE(earlier.closed());
}

// ---- between requests -----------------------------------------------------------------------------------------------

TEST_F(ServerTimeoutsTest, ClosesAnIdleConnectionASecondAfterThePromise) {
  ROWS("server.keepAliveTimeout");
  answer_with_request();
  test::TestPeer& client = connect();
  client.send(get);
  ASSERT_TRUE(receives(client, "GET / "));
  EXPECT_THAT(client.received(), HasSubstr("Keep-Alive: timeout=5\r\n"));
  pass(5'999ms);
  EXPECT_FALSE(client.closed());
  pass(2ms);
  ASSERT_TRUE(sees_the_end(client));
}

TEST_F(ServerTimeoutsTest, TheNextRequestHasTheOrdinaryTimeout) {
  ROWS("server.keepAliveTimeout.reset");
  server.options.keep_alive_timeout = 200ms;
  leave_pending();
  test::TestPeer& client = connect();
  client.send(get);
  ASSERT_TRUE(world.run_until([&] { return requests == 1; }));
  pending->end("one");
  ASSERT_TRUE(receives(client, "one"));
  pass(100ms);
  client.send(get);
  ASSERT_TRUE(world.run_until([&] { return requests == 2; }));
  pass(2s);
  EXPECT_FALSE(client.closed());
  pending->end("two");
  ASSERT_TRUE(receives(client, "two"));
}

TEST_F(ServerTimeoutsTest, PromisesNothingWithoutATimeout) {
  ROWS("server.keepAliveTimeout.zero");
  server.options.keep_alive_timeout = 0ms;
  answer_with_request();
  test::TestPeer& client = connect();
  client.send(get);
  ASSERT_TRUE(receives(client, "GET / "));
  EXPECT_EQ(client.received(), "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 6\r\n\r\nGET / ");
  pass(1h);
  EXPECT_FALSE(client.closed());
}

TEST_F(ServerTimeoutsTest, AChangedPromiseHoldsForLaterConnections) {
  ROWS("server.keepAliveTimeout.at-connect", "createServer.keepAliveTimeout");
  Server other(http, {.keep_alive_timeout = 3000ms});
  other.on_request([](IncomingMessage&, ServerResponse& response) { response.end("ok"); });
  test::TestPeer& earlier = connect(other);
  earlier.send(get);
  ASSERT_TRUE(receives(earlier, "ok"));
  EXPECT_THAT(earlier.received(), HasSubstr("Keep-Alive: timeout=3\r\n"));
  other.options.keep_alive_timeout = 200ms;
  test::TestPeer& later = connect(other);
  later.send(get);
  ASSERT_TRUE(receives(later, "ok"));
  pass(1201ms);
  ASSERT_TRUE(sees_the_end(later));
  EXPECT_FALSE(earlier.closed());
}

TEST_F(ServerTimeoutsTest, ATimeoutOfTheProgramsEndsWithItsRequest) {
  ROWS("server.event.connection.setTimeout");
  server.options.keep_alive_timeout = 200ms;
  server.on_connection([](Socket& socket) { socket.set_timeout(10s); });
  answer_with_request();
  test::TestPeer& client = connect();
  client.send(get);
  ASSERT_TRUE(receives(client, "GET / "));
  pass(1201ms);
  ASSERT_TRUE(sees_the_end(client));
}

}  // namespace
}  // namespace culvert
