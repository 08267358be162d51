// If these fail, a client that breaks the protocol gets another answer than it should, or none, or stays connected.
#include "http/server_fixture.hpp"
#include "wire/parse_error.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;

using ServerClientErrorsTest = ServerTest;

constexpr std::string_view bad_request = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";

// ---- without a listener ---------------------------------------------------------------------------------------------

TEST_F(ServerClientErrorsTest, AnswersWhatIsNotHttpWith400) {
  ROWS("server.event.clientError.400");
  answer_with_request();
  test::TestPeer& client = connect();
  client.send("BLAH\r\n\r\n");
  ASSERT_TRUE(sees_the_end(client));
  EXPECT_EQ(client.received(), bad_request);
  EXPECT_EQ(requests, 0);
  client.half_close();
  ASSERT_TRUE(world.run_until([&] { return server.connections() == 0; }));
}

TEST_F(ServerClientErrorsTest, AnswersAHeadThatIsTooLongWith431) {
  ROWS("server.event.clientError.431");
  answer_with_request();
  server.options.max_header_size = 200;
  for (const std::string& head : {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(300, 'x') + "\r\n\r\n",
                                  "GET /" + std::string(300, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n"}) {
    test::TestPeer& client = connect();
    client.send(head);
    ASSERT_TRUE(sees_the_end(client));
    EXPECT_EQ(client.received(), "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n");
  }
  EXPECT_EQ(requests, 0);
}

TEST_F(ServerClientErrorsTest, AnswersChunkExtensionsThatAreTooLongWith413) {
  ROWS("server.observed.reject-413");
  leave_pending();
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.send("1;" + std::string(20'000, 'e') + "\r\nx");
  ASSERT_TRUE(sees_the_end(client));
  EXPECT_EQ(client.received(), "HTTP/1.1 413 Payload Too Large\r\nConnection: close\r\n\r\n");
}

TEST_F(ServerClientErrorsTest, AddsNothingToAnAnswerThatHasBegun) {
  ROWS("server.event.clientError.destroy");
  server.on_request([](IncomingMessage& request, ServerResponse& response) {
    request.on_data([](Bytes) {});
    response.write("part");
  });
  for (const bool garbage : {true, false}) {
    test::TestPeer& client = connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    ASSERT_TRUE(receives(client, "4\r\npart\r\n"));
    const std::string before = client.received();
    if (garbage) {
      client.send("zz\r\n");
    } else {
      pass(server.options.request_timeout + 1ms);
    }
    ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
    EXPECT_EQ(client.received(), before);
    ASSERT_TRUE(world.run_until([&] { return server.connections() == 0; }));
  }
}

// ---- with one -------------------------------------------------------------------------------------------------------

TEST_F(ServerClientErrorsTest, LeavesTheAnswerToItsListener) {
  ROWS("server.event.clientError");
  std::uint16_t status = 0;
  server.on_client_error([&](ClientError& error, Socket& socket) {
    status = error.status;
    socket.end("HTTP/1.1 499 X\r\n\r\n");
  });
  test::TestPeer& client = connect();
  client.send("BAD\r\n\r\n");
  ASSERT_TRUE(sees_the_end(client));
  EXPECT_EQ(client.received(), "HTTP/1.1 499 X\r\n\r\n");
  EXPECT_EQ(status, 400);
}

TEST_F(ServerClientErrorsTest, DoesNothingItselfWhereSomebodyListens) {
  ROWS("server.event.clientError.no-default");
  Socket* left = nullptr;
  server.on_client_error([&](ClientError&, Socket& socket) { left = &socket; });
  test::TestPeer& client = connect();
  client.send("BAD\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return left != nullptr; }));
  pass(100ms);
  EXPECT_EQ(client.received(), "");
  EXPECT_FALSE(client.closed());
  EXPECT_EQ(server.connections(), 1u);
  left->end("later");
  ASSERT_TRUE(sees_the_end(client));
  EXPECT_EQ(client.received(), "later");
}

TEST_F(ServerClientErrorsTest, AListenerMayDestroyTheSocket) {
  ROWS("server.event.clientError");
  server.on_client_error([](ClientError&, Socket& socket) { socket.destroy(); });
  test::TestPeer& client = connect();
  client.send("BAD\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.closed() && server.connections() == 0; }));
  EXPECT_EQ(client.received(), "");
}

TEST_F(ServerClientErrorsTest, ThereIsNoMessageToAnswerWith) {
  ROWS("server.event.clientError.raw");
  answer_with_request();
  int errors = 0;
  server.on_client_error([&](ClientError& error, Socket& socket) {
    ++errors;
    EXPECT_EQ(error.request, nullptr);
    EXPECT_FALSE(error.head_sent);
    socket.end("HTTP/1.1 400 Mine\r\nContent-Length: 2\r\n\r\nno");
  });
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n");
  ASSERT_TRUE(sees_the_end(client));
  EXPECT_EQ(client.received(), "HTTP/1.1 400 Mine\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(requests, 0);
}

TEST_F(ServerClientErrorsTest, SaysWhatWasWrongAndWhere) {
  ROWS("server.event.clientError.fields");
  std::error_code code;
  std::size_t parsed = 0;
  std::string packet;
  server.on_client_error([&](ClientError& error, Socket& socket) {
    code = error.error;
    parsed = error.bytes_parsed;
    packet = as_text(error.raw_packet);
    socket.destroy();
  });
  test::TestPeer& client = connect();
  client.send("BAD\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
  EXPECT_EQ(code, wire::ParseError::HPE_INVALID_METHOD);
  if (trickles) {
    EXPECT_EQ(packet, "\n");  // a start line is judged when it is whole; the byte that made it so is the packet
  } else {
    EXPECT_EQ(packet, "BAD\r\n\r\n");
    EXPECT_EQ(parsed, 1u);
  }
}

TEST_F(ServerClientErrorsTest, ASocketThatWasResetIsNotWritable) {
  ROWS("server.event.clientError.writable");
  leave_pending();
  for (const std::string_view sent : {"GET / HTTP/1.1\r\nHo",
                                      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"}) {
    std::error_code code;
    bool written = false;
    const ListenerId id = server.on_client_error([&](ClientError& error, Socket& socket) {
      code = error.error;
      if (socket.writable()) written = socket.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    test::TestPeer& client = connect();
    client.send(sent);
    world.settle();
    client.reset();
    ASSERT_TRUE(world.run_until([&] { return server.connections() == 0; }));
    EXPECT_EQ(code, std::errc::connection_reset);
    EXPECT_FALSE(written);
    server.on_client_error.off(id);
  }
}

TEST_F(ServerClientErrorsTest, TellsOfAResetAlsoWhileNobodyReads) {
  ROWS("server.event.clientError.writable");
  server.on_request([this](IncomingMessage&, ServerResponse&) { ++requests; });  // leaves the body where it is
  std::error_code code;
  bool writable = true;
  server.on_client_error([&](ClientError& error, Socket& socket) {
    code = error.error;
    writable = socket.writable();
    EXPECT_NE(error.request, nullptr);
  });
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nbody");
  ASSERT_TRUE(world.run_until([&] { return requests == 1; }));
  world.settle();
  client.reset();
  ASSERT_TRUE(world.run_until([&] { return server.connections() == 0; }));
  EXPECT_EQ(code, std::errc::connection_reset);
  EXPECT_FALSE(writable);
}

}  // namespace
}  // namespace culvert
