// If these fail, a server that closes cuts answers short or never ends, or a client gets more requests than it may.
#include "http/server_fixture.hpp"

namespace culvert {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

class ServerCloseTest : public ServerTest {
 protected:
  // Answers "/wait" later, all others at once.
  void answer_unless_told_to_wait() {
    server.on_request([this](IncomingMessage& request, ServerResponse& response) {
      response.send_date = false;
      if (request.url() == "/wait") {
        pending = &response;
      } else {
        response.end("ok");
      }
    });
  }
  test::TestPeer& idle_client() {
    test::TestPeer& client = connect();
    client.send(get);
    EXPECT_TRUE(receives(client, "ok"));
    return client;
  }
  test::TestPeer& waiting_client() {
    test::TestPeer& client = connect();
    client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(world.run_until([&] { return pending != nullptr; }));
    return client;
  }
};

TEST_F(ServerCloseTest, ClosesIdleConnectionsAndLetsOthersFinish) {
  ROWS("server.close", "server.close.iojs", "server.event.close");
  answer_unless_told_to_wait();
  server.listen(0, "127.0.0.1");
  const Address address = Address::of(server.address());
  std::string events;
  server.on_close([&] { events += "close "; });
  test::TestPeer& idle = idle_client();
  test::TestPeer& busy = waiting_client();
  server.close([&](std::error_code error) { events += error ? "error" : "closed"; });
  ASSERT_TRUE(sees_the_end(idle));
  EXPECT_EQ(events, "");
  EXPECT_FALSE(busy.closed());
  test::TestPeer late(std::move(*world.network().connect(address, {})));
  ASSERT_TRUE(world.run_until([&] { return late.closed(); }));
  EXPECT_EQ(late.error(), std::errc::connection_refused);
  pending->end("bye");
  ASSERT_TRUE(sees_the_end(busy));
  ASSERT_TRUE(world.run_until([&] { return server.connections() == 0; }));
  world.settle();
  EXPECT_THAT(busy.received(), EndsWith("\r\n\r\nbye"));
  EXPECT_THAT(busy.received(), HasSubstr("Connection: close\r\n"));
  EXPECT_EQ(events, "close closed");
}

// RFC 9112 9.6: bytes for a closed socket are answered by a reset, which may destroy the answer before it is read.
TEST_F(ServerCloseTest, TakesWhatAClientSendsBehindItsLastRequest) {
  server.options.strict = true;
  server.options.max_requests_per_socket = 1;
  answer_unless_told_to_wait();
  test::TestPeer& client = idle_client();
  ASSERT_TRUE(sees_the_end(client));
  client.send(get);
  world.settle();
  EXPECT_FALSE(client.error());
  EXPECT_EQ(server.connections(), 1U);
  client.close();
  EXPECT_TRUE(world.run_until([&] { return server.connections() == 0; }));
}

TEST_F(ServerCloseTest, WaitsForNothingAfterARequestThatSaidItWasTheLast) {
  server.options.strict = true;
  answer_unless_told_to_wait();
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(sees_the_end(client));
  world.settle();
  EXPECT_EQ(server.connections(), 0U);
}

TEST_F(ServerCloseTest, TellsWhoeverClosesItAgain) {
  ROWS("server.asyncDispose");
  std::string events;
  server.on_close([&] { events += "close "; });
  server.close([&](std::error_code error) { events += error ? "error " : "closed "; });
  EXPECT_EQ(events, "");  // never from inside the call
  world.settle();
  EXPECT_EQ(events, "close closed ");
  std::error_code again;
  server.close([&](std::error_code error) { again = error; });
  world.settle();
  EXPECT_EQ(again, errc::ERR_SERVER_NOT_RUNNING);
  EXPECT_EQ(events, "close closed ");
}

TEST_F(ServerCloseTest, ClosesOnlyIdleConnectionsWhenAskedTo) {
  ROWS("server.closeIdleConnections");
  answer_unless_told_to_wait();
  test::TestPeer& idle = idle_client();
  test::TestPeer& busy = waiting_client();
  test::TestPeer& silent = connect();
  test::TestPeer& begun = connect();
  begun.send("GET / HT");
  test::TestPeer& begun_again = idle_client();
  begun_again.send("GET / HT");
  world.settle();
  server.close_idle_connections();
  ASSERT_TRUE(sees_the_end(idle));
  world.settle();
  EXPECT_FALSE(busy.closed());
  EXPECT_FALSE(silent.closed());
  EXPECT_FALSE(begun.closed());
  EXPECT_FALSE(begun_again.closed());
  EXPECT_EQ(server.connections(), 4u);
}

// ---- requests on one socket -----------------------------------------------------------------------------------------

TEST_F(ServerCloseTest, SaysHowManyRequestsASocketMayCarry) {
  ROWS("server.maxRequestsPerSocket");
  answer_unless_told_to_wait();
  EXPECT_THAT(idle_client().received(), HasSubstr("Keep-Alive: timeout=5\r\n"));
  server.options.max_requests_per_socket = 5;
  EXPECT_THAT(idle_client().received(), HasSubstr("Connection: keep-alive\r\nKeep-Alive: timeout=5, max=5\r\n"));
}

TEST_F(ServerCloseTest, DropsRequestsBeyondTheLimit) {
  ROWS("server.event.dropRequest", "server.maxRequestsPerSocket.limit");
  answer_unless_told_to_wait();
  server.on_request([this](IncomingMessage&, ServerResponse&) { ++requests; });
  server.options.max_requests_per_socket = 2;
  int drops = 0;
  server.on_drop_request([&](IncomingMessage&, Socket&) { ++drops; });
  test::TestPeer& client = connect();
  client.send(get);
  ASSERT_TRUE(receives(client, "ok"));
  EXPECT_EQ(client.received(),
            "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5, max=2\r\nContent-Length: 2\r\n\r\nok");
  client.forget_received();
  client.send(get);
  ASSERT_TRUE(receives(client, "ok"));
  EXPECT_EQ(client.received(), "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  for (int dropped = 1; dropped <= 2; ++dropped) {
    client.forget_received();
    client.send(get);
    ASSERT_TRUE(receives(client, "0\r\n\r\n"));
    EXPECT_EQ(client.received(), "HTTP/1.1 503 Service Unavailable\r\nDate: " + std::string(world.loop().http_date()) +
                                     "\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    EXPECT_EQ(drops, dropped);
  }
  world.settle();
  EXPECT_FALSE(client.closed());
  EXPECT_EQ(requests, 2);
}

}  // namespace
}  // namespace culvert
