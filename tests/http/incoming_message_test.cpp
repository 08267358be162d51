// If these fail, a program reads other header values, bodies or trailers than its peer sent, or is not told how a message
// ended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "culvert/http.hpp"
#include "http/ambiguous_lines.hpp"
#include "http/rows.hpp"
#include "support/world.hpp"
#include "wire/parse_error.hpp"
#include "wire/url.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;
using Strings = std::vector<std::string>;

class IncomingMessageTest : public ::testing::Test {
 protected:
  test::TestPeer& connect() {
    auto [stream, peer] = world.connect();
    server.adopt(std::move(stream));
    return peer;
  }
  // What `look` sees in the request `text`, which is answered with "ok".
  void see_request(std::string_view text, std::function<void(IncomingMessage&)> look) {
    bool seen = false;
    server.on_request([&](IncomingMessage& request, ServerResponse& response) {
      look(request);
      request.resume();
      response.end("ok");
      seen = true;
    });
    test::TestPeer& client = connect();
    client.send(text);
    ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("\r\n\r\nok"); })) << client.received();
    EXPECT_TRUE(seen);
    server.on_request.off_all();
  }
  // What `look` sees in the answer `text` to a GET.
  void see_response(std::string_view text, std::function<void(IncomingMessage&)> look, RequestOptions options = {}) {
    bool seen = false;
    const Address address = world.address();
    options.host = "127.0.0.1";
    options.port = address.ip.port;
    if (options.agent == nullptr) options.agent = &agent;
    http.get(options, [&](IncomingMessage& response) {
      look(response);
      response.resume();
      seen = true;
    });
    const std::size_t n = origins++;
    ASSERT_TRUE(world.run_until([&] {
      return world.accepted(n) != nullptr && world.accepted(n)->received().ends_with("\r\n\r\n");
    }));
    world.accepted(n)->send(text);
    EXPECT_TRUE(world.run_until([&] { return seen; }));
    world.settle();
  }
  static Strings flat(const HeaderList& lines) {
    Strings all;
    for (const Header& line : lines) {
      all.emplace_back(line.name);
      all.emplace_back(line.value);
    }
    return all;
  }

  test::World world;
  Http http{world.loop(), world.network(), world.resolver()};
  Server server{http, {.connections_checking_interval = {}}};
  Agent agent{http};
  std::size_t origins = 0;
};

TEST_F(IncomingMessageTest, ARequestHasAMethodAndAUrlAndNoStatus) {
  ROWS("message.class", "message.method", "message.url", "message.statusCode", "message.statusMessage");
  see_request("DELETE /status?name=ryan HTTP/1.1\r\nHost: a\r\n\r\n", [](IncomingMessage& request) {
    EXPECT_EQ(request.method(), "DELETE");
    EXPECT_EQ(request.url(), "/status?name=ryan");
    EXPECT_EQ(request.status_code(), 0);
    EXPECT_EQ(request.status_message(), "");
  });
  see_request("GET http://other.test/x HTTP/1.1\r\nHost: a\r\n\r\n",
              [](IncomingMessage& request) { EXPECT_EQ(request.url(), "http://other.test/x"); });
  see_request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", [](IncomingMessage& request) { EXPECT_EQ(request.url(), "*"); });
  std::string authority;
  server.on_connect([&](IncomingMessage& request, auto&, Bytes) { authority = request.url(); });
  connect().send("CONNECT Other.test:443 HTTP/1.1\r\nHost: other.test\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return !authority.empty(); }));
  EXPECT_EQ(authority, "Other.test:443");
  see_response("HTTP/1.1 404 NF\r\nContent-Length: 0\r\n\r\n", [](IncomingMessage& response) {
    EXPECT_EQ(response.status_code(), 404);
    EXPECT_EQ(response.status_message(), "NF");
    EXPECT_EQ(response.method(), "");
    EXPECT_EQ(response.url(), "");
  });
  see_response("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
               [](IncomingMessage& response) { EXPECT_EQ(response.status_message(), ""); });
}

TEST_F(IncomingMessageTest, KnowsItsVersion) {
  ROWS("message.httpVersion");
  see_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", [](IncomingMessage& request) {
    EXPECT_EQ(request.http_version(), "1.1");
    EXPECT_EQ(request.http_version_major(), 1);
    EXPECT_EQ(request.http_version_minor(), 1);
  });
  see_request("GET / HTTP/1.0\r\n\r\n", [](IncomingMessage& request) {
    EXPECT_EQ(request.http_version(), "1.0");
    EXPECT_EQ(request.http_version_major(), 1);
    EXPECT_EQ(request.http_version_minor(), 0);
  });
}

TEST_F(IncomingMessageTest, KeepsLinesAsTheyCame) {
  ROWS("message.rawHeaders", "message.rawHeaders.verbatim");
  see_request("GET / HTTP/1.1\r\nConTent-Type: x\r\ncontent-type: y\r\nHost: a\r\nuser-agent: 1\r\nUser-Agent: 2\r\n\r\n",
              [](IncomingMessage& request) {
                EXPECT_EQ(flat(request.raw_headers()),
                          (Strings{"ConTent-Type", "x", "content-type", "y", "Host", "a", "user-agent", "1", "User-Agent", "2"}));
              });
}

TEST_F(IncomingMessageTest, ShowsHeadersByTheirNamesInLowerCase) {
  ROWS("message.headers", "http.header-object");
  see_request("POST / HTTP/1.1\r\nAccept:  */* \r\nHOST: example.com\r\nUser-Agent: curl/7.22.0\r\nX-Any: a=\"b\";;c\r\n"
              "Content-Type: no/such\r\nContent-Length: 0\r\n\r\n",
              [](IncomingMessage& request) {
                EXPECT_EQ(request.headers().text("accept"), "*/*");
                EXPECT_EQ(request.headers().text("host"), "example.com");
                EXPECT_EQ(request.headers().text("user-agent"), "curl/7.22.0");
                EXPECT_EQ(request.headers().text("x-any"), "a=\"b\";;c");
                EXPECT_EQ(request.headers().size(), 6u);
                EXPECT_FALSE(request.headers().contains("toString"));
              });
}

TEST_F(IncomingMessageTest, LooksIntoNeitherHeadersNorBodies) {
  ROWS("http.low-level");
  const std::string content("{\0\xff\r\n\r\n<", 9);
  std::string body;
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    EXPECT_EQ(flat(request.raw_headers()), (Strings{"Host", "a", "X-Any", "a=\"b\";;c, ,\xff", "Content-Type",
                                                    "no/such", "Content-Encoding", "gzip", "Content-Length", "9"}));
    request.on_data([&](Bytes part) { body += as_text(part); });
    request.on_end([&] { response.end("ok"); });
  });
  test::TestPeer& client = connect();
  client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nX-Any: a=\"b\";;c, ,\xff\r\nContent-Type: no/such\r\n"
      "Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\n" +
      content);
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("ok"); }));
  EXPECT_EQ(body, content);
}

TEST_F(IncomingMessageTest, KeepsTheFirstOfSingletons) {
  ROWS("message.headers.duplicates.discard");
  for (const std::string name :
       {"age", "authorization", "content-type", "etag", "expires", "from", "host", "if-modified-since", "if-unmodified-since",
        "last-modified", "location", "max-forwards", "proxy-authorization", "referer", "retry-after", "server",
        "user-agent"}) {
    const std::string host = name == "host" ? "" : "Host: a\r\n";
    see_request("GET / HTTP/1.1\r\n" + host + name + ": 1\r\n" + name + ": 2\r\n\r\n", [&](IncomingMessage& request) {
      EXPECT_EQ(request.headers().text(name), "1") << name;
    });
  }
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
  EXPECT_EQ(client.received(), "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
}

TEST_F(IncomingMessageTest, JoinsListsAndCookiesAndNeverSetCookie) {
  ROWS("message.headers.duplicates.join", "message.headers.duplicates.cookie", "message.headers.duplicates.set-cookie",
       "message.headers.iojs");
  see_request("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nDate: 3\r\nX: 2\r\nDate: 4\r\nCookie: a\r\nCookie: b\r\n\r\n",
              [](IncomingMessage& request) {
                EXPECT_EQ(request.headers().text("x"), "1, 2");
                EXPECT_EQ(request.headers().text("date"), "3, 4");
                EXPECT_EQ(request.headers().text("cookie"), "a; b");
                EXPECT_THAT(request.headers().list("cookie"), IsEmpty()) << "one text, no list";
              });
  see_response("HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nContent-Length: 0\r\n\r\n", [](IncomingMessage& response) {
    EXPECT_THAT(response.headers().list("set-cookie"), ElementsAre("a"));
  });
  see_response("HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-cookie: b\r\nContent-Length: 0\r\n\r\n",
               [](IncomingMessage& response) {
                 EXPECT_THAT(response.headers().list("set-cookie"), ElementsAre("a", "b"));
               });
}

TEST_F(IncomingMessageTest, JoinsSingletonsWhereItIsAskedTo) {
  ROWS("message.headers.joinDuplicateHeaders", "createServer.joinDuplicateHeaders", "request.options.joinDuplicateHeaders");
  server.options.join_duplicate_headers = true;
  see_request("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: 1\r\nUser-Agent: 2\r\nAuthorization: x\r\nAuthorization: y\r\n"
              "Cookie: a\r\nCookie: b\r\nHost: b\r\n\r\n",
              [](IncomingMessage& request) {
                EXPECT_EQ(request.headers().text("user-agent"), "1, 2");
                EXPECT_EQ(request.headers().text("authorization"), "x, y");
                EXPECT_EQ(request.headers().text("cookie"), "a; b");
                EXPECT_EQ(request.headers().text("host"), "a, b");
              });
  const std::string_view answer = "HTTP/1.1 200 OK\r\nServer: a\r\nServer: b\r\nContent-Length: 0\r\n\r\n";
  see_response(answer, [](IncomingMessage& response) { EXPECT_EQ(response.headers().text("server"), "a"); });
  see_response(answer, [](IncomingMessage& response) { EXPECT_EQ(response.headers().text("server"), "a, b"); },
               {.join_duplicate_headers = true});
}

TEST_F(IncomingMessageTest, ShowsEveryLineByItself) {
  ROWS("message.headersDistinct");
  see_request("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nx: 2\r\n\r\n", [](IncomingMessage& request) {
    EXPECT_THAT(request.headers_distinct(),
                ElementsAre(Pair("host", ElementsAre("a")), Pair("x", ElementsAre("1", "2"))));
  });
}

TEST_F(IncomingMessageTest, HasTrailersAtItsEndAndNotBefore) {
  ROWS("message.rawTrailers", "message.trailers", "message.trailersDistinct");
  int parts = 0;
  bool ended = false;
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    request.on_data([&](Bytes) {
      ++parts;
      EXPECT_THAT(flat(request.raw_trailers()), IsEmpty());
      EXPECT_TRUE(request.trailers().empty());
      EXPECT_TRUE(request.trailers_distinct().empty());
    });
    request.on_end([&] {
      ended = true;
      EXPECT_EQ(flat(request.raw_trailers()), (Strings{"X-T", "1", "x-t", "2"}));
      EXPECT_EQ(request.trailers().text("x-t"), "1, 2");
      EXPECT_THAT(request.trailers_distinct(), ElementsAre(Pair("x-t", ElementsAre("1", "2"))));
      EXPECT_FALSE(request.headers().contains("x-t"));
      response.end("ok");
    });
  });
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\nx-t: 2\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("ok"); }));
  EXPECT_TRUE(ended);
  EXPECT_GT(parts, 0);
}

TEST_F(IncomingMessageTest, EachMessageOfAConnectionIsItsOwn) {
  ROWS("message.class.per-message", "message.event.close", "message.destroyed");
  std::string events;
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    const std::string name(request.url());
    request.on_data([&](Bytes) { EXPECT_FALSE(request.destroyed()); });
    request.on_end([&, name] { events += name + " end "; });
    request.on_close([&, name] {
      EXPECT_TRUE(request.destroyed());
      events += name + " close ";
    });
    response.end("ok");
  });
  test::TestPeer& client = connect();
  for (const std::string path : {"/1", "/2"}) {
    client.send("POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    ASSERT_TRUE(world.run_until([&] { return events.ends_with(path + " close "); }));
  }
  EXPECT_EQ(events, "/1 end /1 close /2 end /2 close ");
  EXPECT_FALSE(client.closed());
}

TEST_F(IncomingMessageTest, SaysWhetherItIsWhole) {
  ROWS("message.complete", "message.event.aborted", "message.aborted", "request.observed.truncated-body");
  std::string events;
  const auto follow = [&](IncomingMessage& response) {
    EXPECT_FALSE(response.aborted());
    response.on_aborted([&] { events += "aborted "; });
    response.on_end([&] { events += "end "; });
    response.on_error([&](std::error_code error) {
      EXPECT_EQ(error, std::errc::connection_reset);
      events += "error ";
    });
    response.on_close([&] {
      EXPECT_EQ(response.aborted(), !response.complete());
      events += response.complete() ? "whole" : "cut";
    });
  };
  see_response("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", follow);
  world.accepted(0)->half_close();
  ASSERT_TRUE(world.run_until([&] { return events.ends_with("cut"); }));
  EXPECT_EQ(events, "aborted error cut");
  events.clear();
  see_response("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", follow);
  ASSERT_TRUE(world.run_until([&] { return events.ends_with("whole"); }));
  EXPECT_EQ(events, "end whole");
  events.clear();
  see_response("HTTP/1.1 200 OK\r\n\r\nwithout a length", follow);
  world.accepted(2)->half_close();
  ASSERT_TRUE(world.run_until([&] { return events.ends_with("whole"); }));
  EXPECT_EQ(events, "end whole");
}

TEST_F(IncomingMessageTest, KnowsItsSocket) {
  ROWS("message.socket", "message.connection", "message.readableHighWaterMark", "createServer.highWaterMark",
       "message.socket.peer-certificate");
  server.options.high_water_mark = 1024;
  auto [stream, peer] = world.connect();
  Transport* const injected = stream.get();
  const Endpoint remote = stream->remote();
  bool seen = false;
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    seen = true;
    ASSERT_NE(request.socket(), nullptr);
    EXPECT_EQ(request.socket()->remote(), remote);
    EXPECT_EQ(request.socket()->transport(), injected) << "a TLS stream would be asked for its certificate here";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    EXPECT_EQ(request.connection(), request.socket());
    EXPECT_EQ(response.connection(), response.socket());
#pragma GCC diagnostic pop
    EXPECT_EQ(request.readable_high_water_mark(), 1024u);
    EXPECT_EQ(response.writable_high_water_mark(), 1024u);
    EXPECT_FALSE(response.write(std::string(2048, 'x')));
    response.end();
  });
  server.adopt(std::move(stream));
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return peer.received().ends_with("0\r\n\r\n"); }));
  EXPECT_TRUE(seen);
}

TEST_F(IncomingMessageTest, HasNoSocketOnceTheSocketIsKeptForOthers) {
  ROWS("message.socket");
  Agent keeps(http, {.keep_alive = true});
  Endpoint seen;
  bool closed = false;
  see_response("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
               [&](IncomingMessage& response) {
                 seen = response.socket()->remote();
                 response.on_close([&] {
                   EXPECT_EQ(response.socket(), nullptr);
                   closed = true;
                 });
               },
               {.agent = &keeps});
  EXPECT_TRUE(closed);
  EXPECT_EQ(seen, world.accepted(0)->local());
  EXPECT_FALSE(world.accepted(0)->closed());
}

TEST_F(IncomingMessageTest, DestroyEndsTheConnection) {
  ROWS("message.destroy");
  std::string events;
  server.on_connection([&](Socket& socket) {
    socket.on_error([&](std::error_code error) { events += error.message() + ' '; });
    socket.on_close([&] { events += "close "; });
  });
  std::error_code reason;
  server.on_request([&](IncomingMessage& request, ServerResponse&) { EXPECT_EQ(&request.destroy(reason), &request); });
  for (const auto& [why, wanted] : {std::pair<std::error_code, std::string>{{}, "close "},
                                    {errc::unexpected_data, make_error_code(errc::unexpected_data).message() + " close "}}) {
    reason = why;
    events.clear();
    test::TestPeer& client = connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
    world.settle();
    EXPECT_EQ(client.received(), "");
    EXPECT_EQ(events, wanted) << "of its socket";
  }
}

TEST_F(IncomingMessageTest, TellsThatItsBodyStalls) {
  ROWS("message.setTimeout");
  int told = 0;
  server.on_request([&](IncomingMessage& request, ServerResponse&) {
    request.resume();
    request.set_timeout(100ms, [&] { ++told; });
  });
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  world.settle();
  world.advance(99ms);
  world.settle();
  EXPECT_EQ(told, 0);
  world.advance(10ms);
  ASSERT_TRUE(world.run_until([&] { return told == 1; }));
  EXPECT_FALSE(client.closed()) << "whoever listens owns what follows";
}

TEST_F(IncomingMessageTest, AnAnswerWithAmbiguousFramingIsRefused) {
  ROWS("message.observed.length-conflict");
  std::size_t n = 0;
  for (const std::string_view lines : test::ambiguous_lines) {
    if (lines.starts_with("X: a\r\n ")) continue;  // a folded line is refused in requests only
    std::error_code error;
    http.get({.host = "127.0.0.1", .port = world.address().ip.port, .agent = &agent})
        .on_error([&](std::error_code why) { error = why; });
    ASSERT_TRUE(
        world.run_until([&] { return world.accepted(n) && world.accepted(n)->received().ends_with("\r\n\r\n"); }));
    world.accepted(n++)->send("HTTP/1.1 200 OK\r\n" + std::string(lines) + "\r\n");
    ASSERT_TRUE(world.run_until([&] { return bool(error); })) << lines;
    EXPECT_STREQ(error.category().name(), wire::make_error_code(wire::ParseError{}).category().name()) << lines;
  }
}

TEST_F(IncomingMessageTest, LinesOverTheLimitVanish) {
  ROWS("server.maxHeadersCount", "request.maxHeadersCount");
  server.options.max_headers_count = 2;
  see_request("GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", [](IncomingMessage& request) {
    EXPECT_THAT(request.headers_distinct(), ElementsAre(Pair("a", ElementsAre("1")), Pair("host", ElementsAre("h"))));
  });
  server.options.max_headers_count = 0;
  see_request("GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n",
              [](IncomingMessage& request) { EXPECT_EQ(request.headers().size(), 4u); });
  const std::string_view answer = "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\nContent-Length: 0\r\n\r\n";
  see_response(answer, [](IncomingMessage& response) { EXPECT_FALSE(response.headers().contains("c")); },
               {.max_headers_count = 2});
  see_response(answer, [](IncomingMessage& response) { EXPECT_TRUE(response.headers().contains("c")); },
               {.max_headers_count = 0});
}

TEST_F(IncomingMessageTest, AUrlIsSplitBesideATrustedHost) {
  ROWS("message.url.parse");
  server.options.strict = true;
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a b/\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 400 ")) << "a forged Host is no host";
  see_request("GET /status?name=ryan HTTP/1.1\r\nHost: localhost\r\n\r\n", [](IncomingMessage& request) {
    Result<wire::Url> url = 
        wire::parse_url("http://" + std::string(request.headers().text("host")) + std::string(request.url()));
    ASSERT_TRUE(url);
    EXPECT_EQ(url->path, "/status");
    EXPECT_EQ(url->query, "name=ryan");
    EXPECT_FALSE(url->port);
  });
}

}  // namespace
}  // namespace culvert
