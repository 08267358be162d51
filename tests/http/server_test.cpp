// If these fail, a client of a culvert server gets wrong bytes, or its connection ends when it should not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "http/server_fixture.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(ServerTest, AnswersARequest) {
  ROWS("server.event.request", "outgoing.end.chunk");
  answer_with_request();
  test::TestPeer& client = connect();
  client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("GET /hello "); }));
  EXPECT_EQ(client.received(),
            "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 11\r\n\r\nGET /hello ");
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  ROWS("server.observed.pipelining");
  server.on_request([this](IncomingMessage& request, ServerResponse& response) {
    ++requests;
    response.send_date = false;
    // The first is answered last: nothing of the others may overtake it.
    if (request.url() == "/1") {
      world.loop().post([&response] { response.end("one"); });
    } else {
      response.end(std::string(request.url()));
    }
  });
  test::TestPeer& client = connect();
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("/3"); }));
  const std::string all = client.received();
  EXPECT_LT(all.find("one"), all.find("\r\n\r\n/2"));
  EXPECT_LT(all.find("\r\n\r\n/2"), all.find("\r\n\r\n/3"));
  EXPECT_EQ(requests, 3);
}

// Some clients send one behind a body (RFC 9112 2.2). What is left of it must neither stop the reading nor be forgotten.
TEST_F(ServerTest, SkipsABlankLineBetweenRequestsInWhateverPieces) {
  answer_with_request();
  const std::string first = "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
  const std::string second = "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const auto& [with_first, with_second] : {std::pair("", "\r\n"), {"\r", "\n"}, {"\r\n", ""}, {"\r\n\r", "\n"}}) {
    test::TestPeer& client = connect();
    client.send(first + with_first);
    ASSERT_TRUE(receives(client, "POST /1 x"));
    world.settle();
    client.send(with_second + second);
    EXPECT_TRUE(receives(client, "GET /2 ")) << client.received();
  }
}

TEST_F(ServerTest, HalfABlankLineIsNoRequest) {
  answer_with_request();
  test::TestPeer& client = connect();
  client.send(std::string(get) + "\r");
  ASSERT_TRUE(receives(client, "GET / "));
  client.half_close();
  EXPECT_TRUE(sees_the_end(client));
  EXPECT_THAT(client.received(), EndsWith("GET / "));

  test::TestPeer& waiting = connect();
  waiting.send(std::string(get) + "\r");
  ASSERT_TRUE(receives(waiting, "GET / "));
  world.settle();
  pass(server.options.keep_alive_timeout + 2s);
  EXPECT_TRUE(sees_the_end(waiting));
  EXPECT_THAT(waiting.received(), EndsWith("GET / "));
}

TEST_F(ServerTest, DeliversABodyWithALength) {
  answer_with_request();
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("POST / hello world"); }));
}

TEST_F(ServerTest, DeliversAChunkedBodyAndItsTrailers) {
  std::string body;
  std::string trailer;
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    request.on_data([&](Bytes part) { body += as_text(part); });
    request.on_end([&] {
      for (const Header& line : request.raw_trailers()) trailer += std::string(line.name) + '=' + std::string(line.value);
      response.end();
    });
  });
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 7\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("\r\n\r\n"); }));
  EXPECT_EQ(body, "hello world");
  EXPECT_EQ(trailer, "X-Sum=7");
}

TEST_F(ServerTest, SendsChunksWhenTheLengthIsNotKnown) {
  ROWS("outgoing.write.chunked");
  server.on_request([](IncomingMessage&, ServerResponse& response) {
    response.send_date = false;
    response.write("hello");
    response.write(" world");
    response.end();
  });
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("0\r\n\r\n"); }));
  EXPECT_THAT(client.received(), EndsWith("\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("Transfer-Encoding: chunked\r\n"));
}

TEST_F(ServerTest, EndsTheConnectionToDelimitABodyForHttp10) {
  server.on_request([](IncomingMessage&, ServerResponse& response) {
    response.write("hello");
    response.end();
  });
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
  EXPECT_THAT(client.received(), EndsWith("\r\n\r\nhello"));
  EXPECT_THAT(client.received(), Not(HasSubstr("Transfer-Encoding")));
  EXPECT_THAT(client.received(), HasSubstr("Connection: close\r\n"));
}

TEST_F(ServerTest, KeepsAnHttp10ConnectionWhenAsked) {
  answer_with_request();
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("GET / "); }));
  EXPECT_THAT(client.received(), HasSubstr("Connection: keep-alive\r\n"));
  world.settle();
  EXPECT_FALSE(client.closed());
}

TEST_F(ServerTest, SendsNoBodyForHead204And304) {
  ROWS("outgoing.write.no-body");
  int written = 0;
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    response.send_date = false;
    if (request.url() == "/204") response.status_code = 204;
    if (request.url() == "/304") response.status_code = 304;
    EXPECT_TRUE(response.write("body", [&](std::error_code error) { written += error ? 0 : 1; }));
    response.end("body");
  });
  test::TestPeer& client = connect();
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /204 HTTP/1.1\r\nHost: a\r\n\r\nGET /304 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
  EXPECT_THAT(client.received(), Not(HasSubstr("body")));
  EXPECT_EQ(written, 3);
  EXPECT_THAT(client.received(), HasSubstr("HTTP/1.1 204 No Content\r\nConnection"));
}

TEST_F(ServerTest, ClosesAfterConnectionClose) {
  answer_with_request();
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
  EXPECT_THAT(client.received(), HasSubstr("Connection: close\r\n"));
  ASSERT_TRUE(world.run_until([&] { return server.connections() == 0; }));
}

TEST_F(ServerTest, AnswersEvenWhenTheClientHasShutItsSide) {
  server.options.allow_half_open = true;
  server.on_request([&](IncomingMessage&, ServerResponse& response) {
    world.loop().post([&response] { response.end("late"); });
  });
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  client.half_close();
  ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
  EXPECT_THAT(client.received(), EndsWith("late"));
}

TEST_F(ServerTest, HoldsABodyThatNobodyReadsAndDeliversItLater) {
  IncomingMessage* held = nullptr;
  std::string body;
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    held = &request;
    request.on_end([&] { response.end("done"); });
  });
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nsome body");
  ASSERT_TRUE(world.run_until([&] { return held != nullptr; }));
  world.settle();
  EXPECT_EQ(held->body_bytes(), 0u);
  held->on_data([&](Bytes part) { body += as_text(part); });
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("done"); }));
  EXPECT_EQ(body, "some body");
}

TEST_F(ServerTest, StopsReadingWhilePaused) {
  IncomingMessage* message = nullptr;
  std::size_t got = 0;
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    message = &request;
    request.on_close([&] { message = nullptr; });
    request.on_data([&](Bytes part) {
      got += part.size();
      request.pause();
    });
    request.on_end([&] { response.end(); });
  });
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n0123456789");
  ASSERT_TRUE(world.run_until([&] { return got > 0; }));
  const std::size_t before = got;
  client.send("0123456789");
  world.settle();
  EXPECT_EQ(got, before);
  ASSERT_TRUE(world.run_until([&] {
    if (message != nullptr) message->resume();
    return client.received().ends_with("\r\n\r\n");
  }));
  EXPECT_EQ(got, 20u);
}

TEST_F(ServerTest, EndsTheConnectionAfterItsLastAllowedRequest) {
  server.options.strict = true;
  server.options.max_requests_per_socket = 2;
  answer_with_request();
  test::TestPeer& client = connect();
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("GET /1 "); }));
  EXPECT_THAT(client.received(), HasSubstr("Connection: keep-alive"));
  client.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
  EXPECT_THAT(client.received(), HasSubstr("Connection: close"));
}

TEST_F(ServerTest, ACutAnswerDoesNotLookComplete) {
  server.on_request([&](IncomingMessage&, ServerResponse& response) {
    response.write("half");
    world.loop().post([&response] { response.destroy(); });
  });
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
  EXPECT_THAT(client.received(), Not(EndsWith("0\r\n\r\n")));
}

TEST_F(ServerTest, ThrowsWhatTheProgramDidWrong) {
  ROWS("outgoing.headersSent");
  server.on_request([&](IncomingMessage&, ServerResponse& response) {
    EXPECT_THROW(response.set_header("bad name", "x"), http_error);
    EXPECT_THROW(response.set_header("X", "a\r\nb"), http_error);
    response.end("x");
    EXPECT_TRUE(response.headers_sent());
    EXPECT_THROW(response.set_header("X", "y"), http_error);
    EXPECT_FALSE(response.write("y"));
    response.on_error([&](std::error_code error) { EXPECT_EQ(error, errc::ERR_STREAM_WRITE_AFTER_END); });
    ++requests;
  });
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("\r\n\r\nx"); }));
  EXPECT_EQ(requests, 1);
}

}  // namespace
}  // namespace culvert
