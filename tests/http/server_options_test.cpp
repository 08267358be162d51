// If these fail, a program that configures its server gets one that behaves as if it had not.
#include "http/server_fixture.hpp"
#include "support/socket_options.hpp"

namespace culvert {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ServerOptionsTest : public ServerTest {
 protected:
  // What a server with these options, that answers "ok", says to `sent`.
  std::string answer(ServerOptions options, std::string_view sent) {
    return answer(std::move(options), sent, [](IncomingMessage&, ServerResponse& response) { response.end("ok"); });
  }
  std::string answer(ServerOptions options, std::string_view sent, Http::RequestListener listener) {
    const std::unique_ptr<Server> asked = http.create_server(std::move(options), std::move(listener));
    test::TestPeer& client = connect(*asked);
    client.send(sent);
    world.settle();
    return client.received();
  }
};

TEST_F(ServerOptionsTest, AListenerMayBeGivenAtOnceOrLater) {
  ROWS("createServer");
  const auto handler = [](IncomingMessage& request, ServerResponse& response) {
    response.send_date = false;
    response.end(std::string(request.url()));
  };
  const std::string at_once = answer({}, get, handler);
  EXPECT_THAT(at_once, EndsWith("\r\n\r\n/"));
  const std::unique_ptr<Server> bare = http.create_server();
  bare->on_request(handler);
  test::TestPeer& client = connect(*bare);
  client.send(get);
  ASSERT_TRUE(receives(client, "\r\n\r\n/"));
  EXPECT_EQ(client.received(), at_once);
}

TEST_F(ServerOptionsTest, AMarkTellsWhenToStopWriting) {
  ROWS("createServer.highWaterMark");
  bool went_on = true;
  std::size_t mark = 0;
  answer({.high_water_mark = 1024}, get, [&](IncomingMessage&, ServerResponse& response) {
    mark = response.writable_high_water_mark();
    went_on = response.write(std::string(2048, 'x'));
  });
  EXPECT_FALSE(went_on);
  EXPECT_EQ(mark, 1024u);
  answer({}, get, [&](IncomingMessage&, ServerResponse& response) {
    went_on = response.write(std::string(2048, 'x'));
  });
  EXPECT_TRUE(went_on);
}

TEST_F(ServerOptionsTest, ProgramsMayHaveMessagesOfTheirOwn) {
  ROWS("createServer.IncomingMessage", "createServer.ServerResponse");
  struct MyRequest final : IncomingMessage {
    using IncomingMessage::IncomingMessage;
    std::string greeting() const { return "hello " + std::string(url()); }
  };
  struct MyResponse final : ServerResponse {
    using ServerResponse::ServerResponse;
    void answer(const std::string& text) { end('<' + text + '>'); }
  };
  const ServerOptions options{
      .make_request = [](BodySource& source) { return std::make_unique<MyRequest>(source); },
      .make_response = [](const ServerResponse::Place& place) { return std::make_unique<MyResponse>(place); }};
  const auto handler = [](IncomingMessage& request, ServerResponse& response) {
    dynamic_cast<MyResponse&>(response).answer(dynamic_cast<MyRequest&>(request).greeting());
  };
  EXPECT_THAT(answer(options, get, handler), EndsWith("\r\n\r\n<hello />"));
}

TEST_F(ServerOptionsTest, JoinsRepeatedHeadersWhereAsked) {
  ROWS("createServer.joinDuplicateHeaders");
  const auto handler = [](IncomingMessage& request, ServerResponse& response) {
    response.end(request.headers().text("authorization"));
  };
  const std::string_view twice = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nAuthorization: y\r\n\r\n";
  EXPECT_THAT(answer({.join_duplicate_headers = true}, twice, handler), EndsWith("\r\n\r\nx, y"));
  EXPECT_THAT(answer({}, twice, handler), EndsWith("\r\n\r\nx"));
}

TEST_F(ServerOptionsTest, LimitsTheBytesOfAHead) {
  ROWS("createServer.maxHeaderSize");
  const std::string large = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(300, 'x') + "\r\n\r\n";
  EXPECT_THAT(answer({.max_header_size = 200}, large), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(answer({.max_header_size = 1000}, large), StartsWith("HTTP/1.1 200 "));
}

TEST_F(ServerOptionsTest, IgnoresHeaderLinesBeyondTheLimit) {
  ROWS("server.maxHeadersCount", "message.observed.headers-count");
  const auto handler = [](IncomingMessage& request, ServerResponse& response) {
    std::string names;
    for (const auto& [name, value] : request.headers()) names += name + ' ';
    response.end(names);
  };
  const std::string_view four = "GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n";
  EXPECT_THAT(answer({.max_headers_count = 2}, four, handler), EndsWith("\r\n\r\na host "));
  EXPECT_THAT(answer({.max_headers_count = 3}, four, handler), EndsWith("\r\n\r\na b host "));
  EXPECT_THAT(answer({.max_headers_count = 0}, four, handler), EndsWith("\r\n\r\na b c host "));
  EXPECT_THAT(answer({.max_headers_count = 2, .strict = true}, four, handler), StartsWith("HTTP/1.1 431 "));
}

TEST_F(ServerOptionsTest, AsksForAHost) {
  ROWS("createServer.requireHostHeader");
  const std::string_view without = "GET / HTTP/1.1\r\n\r\n";
  const std::string_view older = "GET / HTTP/1.0\r\n\r\n";
  answer_with_request();
  test::TestPeer& client = connect();
  client.send(without);
  ASSERT_TRUE(sees_the_end(client));
  EXPECT_EQ(client.received(), "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(requests, 0);
  EXPECT_THAT(answer({.require_host_header = false}, without), StartsWith("HTTP/1.1 200 "));
  for (const bool asks : {true, false}) {
    EXPECT_THAT(answer({.require_host_header = asks}, older), StartsWith("HTTP/1.1 200 "));
  }
}

TEST_F(ServerOptionsTest, ReadsLenientlyWhereAsked) {
  ROWS("createServer.insecureHTTPParser");
  const std::string_view bare = "GET / HTTP/1.1\nHost: a\n\n";
  const std::string_view both =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  for (const std::string_view sent : {bare, both}) {
    EXPECT_THAT(answer({}, sent), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(answer({.insecure_http_parser = true}, sent), StartsWith("HTTP/1.1 200 "));
  }
}

TEST_F(ServerOptionsTest, SendsListsAsOneLineWhereAsked) {
  ROWS("createServer.uniqueHeaders");
  const auto handler = [](IncomingMessage&, ServerResponse& response) {
    response.set_header("X-U", {"a", "b"});
    response.end();
  };
  EXPECT_THAT(answer({.unique_headers = {"x-u"}}, get, handler), HasSubstr("\r\nX-U: a; b\r\n"));
  EXPECT_THAT(answer({}, get, handler), HasSubstr("\r\nX-U: a\r\nX-U: b\r\n"));
}

TEST_F(ServerOptionsTest, RefusesABodyThatIsNotSentWhereAsked) {
  ROWS("createServer.rejectNonStandardBodyWrites");
  bool threw = false;
  const auto handler = [&](IncomingMessage&, ServerResponse& response) {
    try {
      response.write("x");
    } catch (const http_error& error) {
      threw = error.code() == errc::ERR_HTTP_BODY_NOT_ALLOWED;
    }
    response.end();
  };
  const std::string_view head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_THAT(answer({.reject_non_standard_body_writes = true}, head, handler), EndsWith("\r\n\r\n"));
  EXPECT_TRUE(threw);
  threw = false;
  EXPECT_THAT(answer({}, head, handler), EndsWith("\r\n\r\n"));
  EXPECT_FALSE(threw);
}

TEST_F(ServerOptionsTest, ProbesQuietConnectionsWhereAsked) {
  ROWS("createServer.keepAlive", "createServer.keepAliveInitialDelay");
  test::SocketOptions set;
  server.on_connection([&](Socket& socket) { set = test::socket_options(*socket.transport()); });
  connect();
  EXPECT_FALSE(set.keep_alive);
  server.options.keep_alive = true;
  connect();
  EXPECT_TRUE(set.keep_alive);
  server.options.keep_alive_initial_delay = std::chrono::milliseconds(3000);
  connect();
  EXPECT_EQ(set.keep_idle_s, 3);
}

}  // namespace
}  // namespace culvert
