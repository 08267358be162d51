// If these fail, a program hears of its request's fate in another order than Node tells it, twice, or not at all.
#include "http/request_fixture.hpp"
#include "wire/parse_error.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::EndsWith;
using ::testing::StartsWith;
using RequestEvents = test::RequestTest;

constexpr std::string_view ok_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

TEST_F(RequestEvents, OfSuccess) {
  ROWS("request.events.order.success", "request.event.response", "request.event.socket", "request.event.close");
  get();
  origin().send(ok_answer);
  ASSERT_TRUE(world.run_until([&] { return events.ends_with("res.close "); }));
  EXPECT_EQ(events, "socket response data res.end close res.close ");
}

TEST_F(RequestEvents, OfARedirectWithoutABody) {
  ROWS("request.events.order.success");
  get();
  origin().send("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return events.ends_with("res.close "); }));
  EXPECT_EQ(events, "socket response res.end close res.close ");
}

TEST_F(RequestEvents, OfAConnectionThatEndsBeforeTheAnswer) {
  ROWS("request.events.order.premature-before-response");
  get();
  origin().half_close();
  ASSERT_TRUE(finishes());
  EXPECT_EQ(events, "socket error close ");
  EXPECT_EQ(error, std::errc::connection_reset);
  EXPECT_EQ(error.message(), "socket hang up");
}

TEST_F(RequestEvents, OfAConnectionThatEndsWithinTheAnswer) {
  ROWS("request.events.order.premature-after-response", "request.response.error-listener");
  get();
  origin().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  ASSERT_TRUE(world.run_until([&] { return body == "abc"; }));
  origin().half_close();
  ASSERT_TRUE(world.run_until([&] { return events.ends_with("res.close "); }));
  EXPECT_EQ(events, "socket response data res.aborted close res.error res.close ");
  EXPECT_EQ(response_error.message(), "aborted");
  EXPECT_EQ(response_error, std::errc::connection_reset);
}

TEST_F(RequestEvents, OfDestroyBeforeThereIsASocket) {
  ROWS("request.events.order.destroy-before-socket", "request.destroyed");
  ClientRequest& request = record(http.request(to_origin()));
  EXPECT_FALSE(request.destroyed());
  request.destroy();
  EXPECT_TRUE(request.destroyed());
  EXPECT_EQ(events, "") << "nothing from inside the call";
  request.destroy();
  ASSERT_TRUE(finishes());
  EXPECT_EQ(events, "error close ");
  EXPECT_EQ(error.message(), "socket hang up");
}

TEST_F(RequestEvents, OfDestroyWithAnErrorOfTheProgram) {
  ROWS("request.events.order.destroy-before-socket");
  record(http.request(to_origin())).destroy(std::make_error_code(std::errc::protocol_error));
  ASSERT_TRUE(finishes());
  EXPECT_EQ(events, "error close ");
  EXPECT_EQ(error, std::errc::protocol_error);
}

TEST_F(RequestEvents, OfDestroyWithAnErrorBeforeTheAnswer) {
  ROWS("request.destroy");
  ClientRequest& request = get();
  test::TestPeer& peer = origin();
  EXPECT_EQ(&request.destroy(std::make_error_code(std::errc::protocol_error)), &request);
  request.destroy();
  ASSERT_TRUE(finishes());
  EXPECT_EQ(events, "socket error close ");
  EXPECT_EQ(error, std::errc::protocol_error);
  EXPECT_TRUE(world.run_until([&] { return peer.closed(); }));
}

TEST_F(RequestEvents, OfDestroyBeforeItIsConnected) {
  ROWS("request.events.order.destroy-before-connect");
  ClientRequest& request = http.request(to_origin());
  request.on_socket([&](Socket&) { note("(destroy)"), request.destroy(); });
  record(request);
  ASSERT_TRUE(finishes());
  EXPECT_EQ(events, "(destroy) socket error close ");
  EXPECT_EQ(error, std::errc::connection_reset);
}

TEST_F(RequestEvents, OfDestroyAfterTheAnswerHasBegun) {
  ROWS("request.events.order.destroy-after-response");
  ClientRequest* request = nullptr;
  on_response = [&](IncomingMessage& response) {
    response.on_data([&](Bytes) { request->destroy(); });
  };
  request = &get();
  origin().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  ASSERT_TRUE(world.run_until([&] { return events.ends_with("res.close "); }));
  EXPECT_EQ(events, "socket response data res.aborted close res.error res.close ");
  EXPECT_EQ(response_error.message(), "aborted");
}

TEST_F(RequestEvents, OfDestroyWithAnErrorAfterTheAnswerHasBegun) {
  ROWS("request.events.order.destroy-after-response");
  ClientRequest* request = nullptr;
  on_response = [&](IncomingMessage& response) {
    response.on_data([&](Bytes) { request->destroy(std::make_error_code(std::errc::protocol_error)); });
  };
  request = &get();
  origin().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  ASSERT_TRUE(world.run_until([&] { return events.ends_with("res.close "); }));
  EXPECT_EQ(events, "socket response data error res.aborted close res.error res.close ");
  EXPECT_EQ(error, std::errc::protocol_error);
  EXPECT_EQ(response_error.message(), "aborted");
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
TEST_F(RequestEvents, OfAbortBeforeThereIsASocket) {
  ROWS("request.events.order.abort-before-socket", "request.event.abort", "request.aborted", "request.abort");
  ClientRequest& request = record(http.request(to_origin()));
  EXPECT_FALSE(request.aborted());
  request.abort();
  request.abort();
  EXPECT_TRUE(request.aborted());
  ASSERT_TRUE(finishes());
  EXPECT_THAT(events, AnyOf("abort close ", "abort error close "));
}

TEST_F(RequestEvents, OfAbortBeforeItIsConnected) {
  ROWS("request.events.order.abort-before-connect");
  ClientRequest& request = record(http.request(to_origin()));
  request.on_socket([&](Socket&) { request.abort(); });
  ASSERT_TRUE(finishes());
  EXPECT_EQ(events, "socket abort error close ");
}

TEST_F(RequestEvents, OfAbortAfterTheAnswerHasBegun) {
  ROWS("request.events.order.abort-after-response", "request.abort");
  ClientRequest* request = nullptr;
  on_response = [&](IncomingMessage& response) {
    response.on_data([&](Bytes) { request->abort(); });
  };
  request = &get();
  origin().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
  ASSERT_TRUE(world.run_until([&] { return events.ends_with("res.close "); }));
  EXPECT_EQ(events, "socket response data abort res.aborted close res.error res.close ");
  EXPECT_TRUE(world.run_until([&] { return world.accepted(0)->closed(); }));
}
#pragma GCC diagnostic pop

TEST_F(RequestEvents, OfATimeoutThatOnlyTells) {
  ROWS("request.events.order.timeout", "request.event.timeout", "request.setTimeout");
  ClientRequest& request = record(http.request(to_origin()));
  request.set_timeout(100ms);
  request.end();
  origin();
  world.advance(110ms);
  ASSERT_TRUE(world.run_until([&] { return events.ends_with("timeout "); }));
  world.advance(500ms);
  world.settle();
  origin().send(ok_answer);
  ASSERT_TRUE(finishes());
  EXPECT_THAT(events, StartsWith("socket timeout response data res.end close "));
}

TEST_F(RequestEvents, OfASignal) {
  ROWS("request.events.order.signal", "request.options.signal");
  std::stop_source signal;
  get({.signal = signal.get_token()});
  test::TestPeer& peer = origin();
  signal.request_stop();
  EXPECT_EQ(error, std::error_code());
  ASSERT_TRUE(finishes());
  EXPECT_EQ(events, "socket error close ");
  EXPECT_EQ(error, errc::ABORT_ERR);
  EXPECT_EQ(error.message(), "The operation was aborted");
  EXPECT_TRUE(world.run_until([&] { return peer.closed(); }));
}

TEST_F(RequestEvents, OfASignalThatHadComeBefore) {
  ROWS("request.events.order.signal");
  std::stop_source signal;
  signal.request_stop();
  get({.signal = signal.get_token()});
  ASSERT_TRUE(finishes());
  EXPECT_EQ(events, "error close ");
  EXPECT_EQ(error, errc::ABORT_ERR);
  EXPECT_EQ(world.accepted(0), nullptr);
}

TEST_F(RequestEvents, OfWhatIsNoHttp) {
  ROWS("request.event.error");
  get();
  origin().send("garbage\r\n\r\n");
  ASSERT_TRUE(finishes());
  EXPECT_EQ(events, "socket error close ");
  EXPECT_EQ(error, wire::ParseError::HPE_INVALID_CONSTANT);
  closed = false;
  events.clear();
  record(http.get({.host = "127.0.0.2", .port = world.address().ip.port, .agent = &agent}));
  ASSERT_TRUE(finishes());
  EXPECT_EQ(events, "socket error close ");
  EXPECT_EQ(error, std::errc::connection_refused);
  closed = false;
  events.clear();
  record(http.get({.host = "no.such.test", .agent = &agent}));
  ASSERT_TRUE(finishes());
  EXPECT_EQ(events, "error close ");
  EXPECT_EQ(error, errc::name_not_found);
}

TEST_F(RequestEvents, OfInterimAnswers) {
  ROWS("request.event.information", "request.event.continue", "request.observed.late-1xx", "request.event.response",
       "request.header.expect");
  std::vector<std::string> seen;
  ClientRequest& request = record(http.request(to_origin({.method = "POST", .headers = {{"Expect", "100-continue"}}})));
  request.on_continue([&] {
    seen.push_back("continue");
    request.end("body");
  });
  request.on_information([&](const Information& information) {
    seen.push_back(std::to_string(information.status_code) + std::string(information.headers().text("link")));
  });
  test::TestPeer& peer = origin();
  EXPECT_TRUE(request.headers_sent());
  peer.send("HTTP/1.1 100 Continue\r\n\r\n");
  origin(0, "body");
  for (int i = 0; i < 5; ++i) peer.send("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n");
  peer.send("HTTP/1.1 102 Processing\r\n\r\n");
  peer.send(ok_answer);
  ASSERT_TRUE(finishes());
  EXPECT_EQ(seen, (std::vector<std::string>{"continue", "100", "103<x>", "103<x>", "103<x>", "103<x>", "103<x>", "102"}));
  EXPECT_EQ(events.find("response"), events.rfind("response"));
}

TEST_F(RequestEvents, AnAnswerThatNobodyWantsIsThrownAway) {
  ROWS("request.response.no-handler");
  Agent keeps(http, {.keep_alive = true});
  http.get(to_origin({.agent = &keeps})).on_close([&] { closed = true; });
  origin().send("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + std::string(1048576, 'x'));
  ASSERT_TRUE(finishes());
  EXPECT_EQ(keeps.free_sockets().size(), 1u);
}

TEST_F(RequestEvents, AnAnswerThatNobodyReadsWaits) {
  ROWS("request.response.must-consume");
  IncomingMessage* answer = nullptr;
  std::size_t got = 0;
  bool ended = false;
  http.get(to_origin(), [&](IncomingMessage& response) { answer = &response; });
  constexpr std::size_t size = 10 * 1024 * 1024;
  test::TestPeer& peer = origin();
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x'));
  ASSERT_TRUE(world.run_until([&] { return answer != nullptr; }));
  world.settle();
  EXPECT_GT(peer.unsent(), 0u) << "the origin has to wait";
  answer->on_data([&](Bytes part) { got += part.size(); });
  answer->on_end([&] { ended = true; });
  ASSERT_TRUE(world.run_until([&] { return ended; }));
  EXPECT_EQ(got, size);
}

}  // namespace
}  // namespace culvert
