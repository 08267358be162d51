// If these fail, an origin gets another request line or other headers than the program asked for, or a wrong call goes
// out as a request.
#include "http/request_fixture.hpp"
#include "support/expect_error.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using test::expect_error;

class RequestHead : public test::RequestTest {
 protected:
  // The head that the origin gets; `{P}` in expectations stands for its port.
  std::string head(RequestOptions options = {}) {
    const std::size_t n = sent++;
    http.get(to_origin(std::move(options))).on_error([](std::error_code) {});
    return origin(n).received();
  }
  std::string port() { return std::to_string(world.address().ip.port); }
  std::size_t sent = 0;
};

TEST_F(RequestHead, IsWhatWasAskedFor) {
  ROWS("request.options.method", "request.options.path", "request.options.headers", "request.method", "request.path",
       "request.host", "request.protocol", "request.options.host", "request.options.port", "http.get",
       "request.options.setHost");
  EXPECT_EQ(head({.method = "get", .path = "/index.html?page=12"}),
            "GET /index.html?page=12 HTTP/1.1\r\nHost: 127.0.0.1:" + port() + "\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(head({.headers = {{"X", "1"}}}),
            "GET / HTTP/1.1\r\nX: 1\r\nHost: 127.0.0.1:" + port() + "\r\nConnection: close\r\n\r\n");
  ClientRequest& request = http.request(to_origin({.method = "get", .path = "/a?b"}));
  EXPECT_EQ(request.method(), "GET");
  EXPECT_EQ(request.path(), "/a?b");
  EXPECT_EQ(request.host(), "127.0.0.1");
  EXPECT_EQ(request.protocol(), "http:");
  request.on_error([](std::error_code) {});
  request.destroy();
}

TEST_F(RequestHead, ShowsAndTakesHeadersUntilItIsSent) {
  ROWS("request.class", "request.getHeaderNames");
  ClientRequest& request = http.request(to_origin());
  EXPECT_EQ(request.get_header_names(), (std::vector<std::string>{"host"}));
  request.set_header("X", "1").set_header("Y", "2").remove_header("Y");
  request.end();
  EXPECT_THAT(origin().received(), HasSubstr("\r\nX: 1\r\n"));
  EXPECT_THAT(origin().received(), Not(HasSubstr("\r\nY: ")));
}

TEST_F(RequestHead, LeavesTheDefaultPortOut) {
  ROWS("request.options.defaultPort");
  const std::uint16_t here = world.address().ip.port;
  EXPECT_THAT(head({.default_port = here}), HasSubstr("\r\nHost: 127.0.0.1\r\n"));
  EXPECT_THAT(head({.default_port = 80}), HasSubstr("\r\nHost: 127.0.0.1:" + port() + "\r\n"));
}

TEST_F(RequestHead, SendsRawHeadersAsTheyAre) {
  ROWS("request.options.headers", "request.setHeader");
  EXPECT_EQ(head({.headers = {{"Host", "q"}, {"X", "1"}, {"X", "2"}}, .raw_headers = true}),
            "GET / HTTP/1.1\r\nHost: q\r\nX: 1\r\nX: 2\r\nConnection: close\r\n\r\n");
}

TEST_F(RequestHead, AddsOnlyWhatItMay) {
  ROWS("request.options.setDefaultHeaders", "request.options.setHost");
  EXPECT_EQ(head({.set_default_headers = false}), "GET / HTTP/1.1\r\n\r\n");
  EXPECT_THAT(head({.set_host = false}), Not(HasSubstr("Host")));
  EXPECT_EQ(head({.set_default_headers = false, .set_host = true}),
            "GET / HTTP/1.1\r\nHost: 127.0.0.1:" + port() + "\r\n\r\n");
}

TEST_F(RequestHead, HasCredentials) {
  ROWS("request.options.auth", "request.header.authorization");
  EXPECT_THAT(head({.auth = "user:pass"}), HasSubstr("\r\nAuthorization: Basic dXNlcjpwYXNz\r\n"));
  const std::string own = head({.headers = {{"Authorization", "X"}}, .auth = "user:pass"});
  EXPECT_THAT(own, HasSubstr("\r\nAuthorization: X\r\n"));
  EXPECT_THAT(own, Not(HasSubstr("Basic")));
}

TEST_F(RequestHead, JoinsListsThatAreToBeUnique) {
  ROWS("request.options.uniqueHeaders", "outgoing.appendHeader.unique");
  EXPECT_THAT(head({.headers = {{"X-A", "1"}, {"X-A", "2"}}, .unique_headers = {"x-a"}}), HasSubstr("\r\nX-A: 1; 2\r\n"));
  EXPECT_THAT(head({.headers = {{"X-A", "1"}, {"X-A", "2"}}}), HasSubstr("\r\nX-A: 1\r\nX-A: 2\r\n"));
}

TEST_F(RequestHead, IsRefusedWhereItIsNone) {
  ROWS("request.options.method", "request.options.path", "request.options.protocol");
  expect_error(errc::ERR_INVALID_HTTP_TOKEN, [&] { http.request(to_origin({.method = "A B"})); });
  for (const std::string_view path : {"/a b", "/a\r\nX: y", "/\xf0\x9f\x8e\xb5"}) {
    expect_error(errc::ERR_UNESCAPED_CHARACTERS, [&] { http.request(to_origin({.path = path})); });
  }
  expect_error(errc::ERR_INVALID_PROTOCOL, [&] { http.request(to_origin({.protocol = "https:"})); });
  world.settle();
  EXPECT_EQ(world.accepted(0), nullptr) << "nobody was dialled";
}

TEST_F(RequestHead, ComesFromAUrl) {
  ROWS("request.function.url", "request.function.iojs-url", "http.get", "http.get.auto-end", "request.function");
  const std::string url = "http://u%40:p@127.0.0.1:" + port() + "/a";
  int called = 0;
  ClientRequest& request = http.get(url, {.path = "/b", .agent = &agent}, [&](IncomingMessage& response) {
    ++called;
    EXPECT_EQ(response.status_code(), 200);
    response.resume();
  });
  EXPECT_TRUE(request.writable_ended());
  EXPECT_THAT(origin().received(), StartsWith("GET /b HTTP/1.1\r\n")) << "options win";
  EXPECT_THAT(origin().received(), HasSubstr("\r\nAuthorization: Basic dUA6cA==\r\n"));
  origin().send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return called == 1; }));
  expect_error(errc::ERR_INVALID_URL, [&] { http.request("not a url"); });
  ClientRequest& bare = http.get("http://abc:", {.agent = &agent});
  bare.on_error([](std::error_code) {});
  EXPECT_EQ(bare.host(), "abc");
  world.settle();
  EXPECT_EQ(world.resolver().asked().back().name, "abc");
  EXPECT_EQ(world.resolver().asked().back().port, 80);
}

TEST_F(RequestHead, GoesWhereTheNameLeads) {
  ROWS("request.options.lookup", "request.options.hints", "request.options.hostname", "request.options.family");
  test::FakeResolver own;
  own.add("svc", {world.address().ip});
  RequestOptions options{.host = "nonexistent.invalid", .hostname = "svc", .port = world.address().ip.port, .agent = &agent,
                         .family = 4, .hints = 7, .lookup = &own};
  http.get(options).on_error([](std::error_code) {});
  EXPECT_THAT(origin().received(), HasSubstr("\r\nHost: svc:" + port() + "\r\n"));
  ASSERT_EQ(own.asked().size(), 1u);
  EXPECT_EQ(own.asked()[0].options.family, 4);
  EXPECT_EQ(own.asked()[0].options.hints, 7);
}

TEST_F(RequestHead, IsNotSentWithoutEnd) {
  ROWS("request.function.must-end", "request.headers.when-sent");
  ClientRequest& request = http.request(to_origin());
  world.settle();
  EXPECT_TRUE(world.accepted(0) == nullptr || world.accepted(0)->received().empty());
  request.end();
  EXPECT_THAT(origin().received(), StartsWith("GET / HTTP/1.1\r\n"));
}

TEST_F(RequestHead, FramesEveryBody) {
  ROWS("request.observed.unframed-body", "request.write.auto-chunked");
  ClientRequest& request = http.request(to_origin());
  request.end("abc");
  EXPECT_THAT(origin().received(), HasSubstr("\r\nContent-Length: 3\r\n"));
}

TEST_F(RequestHead, LimitsTheHeadOfTheAnswer) {
  ROWS("request.options.maxHeaderSize", "request.options.insecureHTTPParser");
  get({.max_header_size = 100});
  origin().send("HTTP/1.1 200 OK\r\nX: " + std::string(200, 'x') + "\r\n\r\n");
  ASSERT_TRUE(finishes());
  EXPECT_THAT(error.message(), HasSubstr("longer than its limit"));
  closed = false;
  get();
  origin(1).send("HTTP/1.1 200 OK\nContent-Length: 0\n\n");
  ASSERT_TRUE(finishes());
  EXPECT_THAT(error.message(), HasSubstr("bare LF"));
  closed = false;
  events.clear();
  get({.insecure_http_parser = true});
  origin(2).send("HTTP/1.1 200 OK\nContent-Length: 0\n\n");
  ASSERT_TRUE(finishes());
  EXPECT_THAT(events, HasSubstr("res.end"));
}

TEST_F(RequestHead, KnowsWhetherItsSocketHadServedBefore) {
  ROWS("request.reusedSocket", "request.reusedSocket.retry");
  Agent keeps(http, {.keep_alive = true});
  EXPECT_FALSE(get({.agent = &keeps}).reused_socket());
  origin().send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(finishes());
  closed = false;
  origin().forget_received();
  ClientRequest& second = get({.agent = &keeps});
  EXPECT_TRUE(second.reused_socket());
  origin(0).reset();
  ASSERT_TRUE(finishes());
  EXPECT_EQ(error, std::errc::connection_reset);
  closed = false;
  int status = 0;
  on_response = [&](IncomingMessage& response) { status = response.status_code(); };
  get({.agent = &keeps});
  origin(1).send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(finishes());
  EXPECT_EQ(status, 200);
  EXPECT_EQ(world.accepted(2), nullptr);
}

TEST_F(RequestHead, MayAskItselfToKeepTheConnection) {
  ROWS("request.header.connection");
  EXPECT_THAT(head({.headers = {{"Connection", "keep-alive"}}}), HasSubstr("\r\nConnection: keep-alive\r\n"));
  Agent one_at_a_time{http, {.max_sockets = 1}};
  for (const std::string_view path : {"/1", "/2"}) {
    get({.path = path, .headers = {{"Connection", "keep-alive"}}, .agent = &one_at_a_time});
  }
  test::TestPeer& peer = origin(1);
  EXPECT_THAT(peer.received(), StartsWith("GET /1 "));
  peer.forget_received();
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(origin(1).received(), StartsWith("GET /2 "));
  EXPECT_EQ(world.accepted(2), nullptr);
}

TEST_F(RequestHead, HasItsSocketUntilTheExchangeIsOver) {
  ROWS("request.socket", "outgoing.socket");
  Agent one_at_a_time{http, {.max_sockets = 1}};
  ClientRequest& before = http.get(to_origin({.agent = &one_at_a_time}));
  before.on_error([](std::error_code) {});
  ClientRequest& request = record(http.request(to_origin({.agent = &one_at_a_time})));
  EXPECT_EQ(request.socket(), nullptr);
  before.destroy();
  bool is_the_one = false;
  on_response = [&](IncomingMessage&) {
    ASSERT_NE(request.socket(), nullptr);
    is_the_one = request.socket()->local() == origin(1).remote() && request.socket()->remote() == origin(1).local();
  };
  bool empty = false;
  request.on_close([&] { empty = request.socket() == nullptr; });
  request.end();
  origin(1).send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(finishes());
  EXPECT_TRUE(is_the_one);
  EXPECT_TRUE(empty);
}

TEST_F(RequestHead, LeavesHttpAfterConnectAndUpgrade) {
  ROWS("request.event.connect", "request.event.upgrade", "request.event.information.not-101", "request.event.connect.socket-type");
  std::unique_ptr<Socket> taken;
  std::string first;
  std::string later;
  const auto take = [&](IncomingMessage& response, std::unique_ptr<Socket>& socket, Bytes rest) {
    first = std::to_string(response.status_code()) + std::string(as_text(rest));
    socket->on_data([&](Bytes part) { later += as_text(part); });
    EXPECT_NE(socket->remote().family, Endpoint::Family::none);
    taken = std::move(socket);
  };
  ClientRequest& request = record(http.request(to_origin({.method = "CONNECT", .path = "a:1"})));
  request.on_connect(take);
  request.end();
  origin().send("HTTP/1.1 200 OK\r\n\r\nHEAD");
  ASSERT_TRUE(world.run_until([&] { return closed && first + later == "200HEAD"; })) << first << later;
  taken->write("raw");
  EXPECT_THAT(origin(0, "raw").received(), EndsWith("\r\n\r\nraw"));
  EXPECT_THAT(events, Not(HasSubstr("response")));
  EXPECT_EQ(agent.total_sockets(), 0u);
  taken->destroy();
  world.settle();

  closed = false;
  later.clear();
  ClientRequest& upgrade = record(http.request(to_origin({.headers = {{"Connection", "upgrade"}, {"Upgrade", "x"}}})));
  upgrade.on_information([&](const Information&) { note("information"); });
  upgrade.on_upgrade(take);
  upgrade.end();
  origin(1).send("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nHH");
  ASSERT_TRUE(world.run_until([&] { return closed && first + later == "101HH"; })) << first << later;
  origin(1).send("down");
  ASSERT_TRUE(world.run_until([&] { return later.ends_with("down"); }));
  taken->write("up");
  EXPECT_THAT(origin(1, "\r\n\r\nup").received(), EndsWith("\r\n\r\nup"));
  EXPECT_THAT(events, Not(HasSubstr("information")));
  EXPECT_EQ(agent.total_sockets(), 0u);
  taken->destroy();
  world.settle();
}

TEST_F(RequestHead, ClosesWhatLeavesHttpUnheard) {
  ROWS("request.event.connect.unhandled", "request.event.upgrade.unhandled");
  record(http.request(to_origin({.method = "CONNECT", .path = "a:1"}))).end();
  origin().send("HTTP/1.1 200 OK\r\n\r\n");
  ASSERT_TRUE(finishes());
  EXPECT_EQ(events, "socket close ");
  EXPECT_TRUE(world.run_until([&] { return world.accepted(0)->closed(); }));
  closed = false;
  events.clear();
  get({.headers = {{"Connection", "upgrade"}, {"Upgrade", "x"}}});
  origin(1).send("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
  ASSERT_TRUE(finishes());
  EXPECT_EQ(events, "socket close ");
  closed = false;
  events.clear();
  get();
  origin(2).send("HTTP/1.1 200 OK\r\nUpgrade: x\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(finishes());
  EXPECT_THAT(events, HasSubstr("response res.end"));
}

}  // namespace
}  // namespace culvert
