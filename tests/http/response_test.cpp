// If these fail, a client gets another head than the program wrote, a body where none may be, or interim answers at the
// wrong time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "culvert/http.hpp"
#include "http/rows.hpp"
#include "support/expect_error.hpp"
#include "support/world.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using test::expect_error;

class ResponseTest : public ::testing::Test {
 protected:
  // What a client gets for `request`, answered by `use`.
  std::string answer(std::string_view request, std::function<void(ServerResponse&)> use) {
    server.on_request.off_all();
    server.on_request([use, this](IncomingMessage& message, ServerResponse& response) {
      EXPECT_EQ(&response.req, &message);
      response.send_date = sends_date;
      use(response);
    });
    auto [stream, client] = world.connect();
    server.adopt(std::move(stream));
    peer = &client;
    client.send(request);
    world.settle();
    return client.received();
  }
  std::string get(std::function<void(ServerResponse&)> use) {
    return answer("GET / HTTP/1.1\r\nHost: a\r\n\r\n", std::move(use));
  }

  test::World world;
  Http http{world.loop(), world.network(), world.resolver()};
  Server server{http, {.connections_checking_interval = {}}};
  test::TestPeer* peer = nullptr;
  bool sends_date = false;
};

constexpr std::string_view stays = "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n";

TEST_F(ResponseTest, BelongsToTheConnectionOfItsRequest) {
  ROWS("response.class");
  const std::string all = get([](ServerResponse& response) {
    EXPECT_EQ(response.status_code, 200);
    EXPECT_TRUE(response.get_header_names().empty());
    EXPECT_NE(response.socket(), nullptr);
    EXPECT_EQ(response.socket(), response.req.socket());
    response.end();
  });
  EXPECT_THAT(all, StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ResponseTest, WritesItsHeadInNodesOrder) {
  ROWS("response.observed.auto-headers", "response.sendDate", "response.statusCode", "response.req", "response.writeHead.implicit");
  sends_date = true;
  EXPECT_THAT(get([](ServerResponse& response) { response.set_header("X", "1").end("ok"); }),
              ContainsRegex("^HTTP/1.1 200 OK\r\nX: 1\r\nDate: [A-Z][a-z][a-z], [0-9][0-9] [A-Z][a-z][a-z] [0-9]+ "
                            "[0-9:]+ GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok$"));
  EXPECT_EQ(get([](ServerResponse& response) { response.set_header("Date", "x").end("ok"); }),
            "HTTP/1.1 200 OK\r\nDate: x\r\n" + std::string(stays) + "Content-Length: 2\r\n\r\nok");
  get([](ServerResponse& response) {
    response.write_head(201).end();
    EXPECT_EQ(response.status_code, 201);
  });
  EXPECT_THAT(peer->received(), StartsWith("HTTP/1.1 201 Created\r\n"));
  sends_date = false;
  EXPECT_EQ(get([](ServerResponse& response) {
              response.status_code = 404;
              response.end("ok");
            }),
            "HTTP/1.1 404 Not Found\r\n" + std::string(stays) + "Content-Length: 2\r\n\r\nok");
}

TEST_F(ResponseTest, LeavesAwayWhatWasRemoved) {
  ROWS("response.removeHeader");
  sends_date = true;
  // What is left of a head, without its status line.
  const auto head_without = [this](std::initializer_list<std::string_view> names) {
    const std::string all = get([&](ServerResponse& response) {
      response.set_header("Content-Encoding", "gzip").set_header("Date", "x").remove_header("content-encoding");
      for (const std::string_view name : names) response.remove_header(name);
      response.end("ok");
      expect_error(errc::ERR_HTTP_HEADERS_SENT, [&] { response.remove_header("Date"); });
    });
    return all.substr(all.find("\r\n") + 2);
  };
  EXPECT_EQ(head_without({}), "Date: x\r\n" + std::string(stays) + "Content-Length: 2\r\n\r\nok");
  EXPECT_EQ(head_without({"date"}), std::string(stays) + "Content-Length: 2\r\n\r\nok");
  EXPECT_EQ(head_without({"Date", "connection"}), "Content-Length: 2\r\n\r\nok");
  EXPECT_FALSE(peer->closed()) << "HTTP/1.1 keeps connections without a word";
  EXPECT_EQ(head_without({"Date", "Connection", "content-length"}),
            "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
  EXPECT_EQ(head_without({"Date", "Connection", "Content-Length", "transfer-encoding"}), "\r\nok");
  EXPECT_TRUE(peer->closed()) << "nothing else tells where the body ends";
}

TEST_F(ResponseTest, HasTheReasonThatItIsGiven) {
  ROWS("response.statusMessage", "response.writeHead", "response.writeHead.range", "response.writeHead.invalid",
       "response.writeHead.once");
  EXPECT_THAT(get([](ServerResponse& response) {
                response.status_code = 404;
                response.status_message = "Nope";
                response.end();
                EXPECT_EQ(response.status_message, "Nope");
              }), StartsWith("HTTP/1.1 404 Nope\r\n"));
  EXPECT_THAT(get([](ServerResponse& response) {
                response.status_code = 299;
                response.end();
              }), StartsWith("HTTP/1.1 299 unknown\r\n"));
  EXPECT_THAT(get([](ServerResponse& response) {
                for (const std::uint32_t status : {99u, 1000u}) {
                  expect_error(errc::ERR_HTTP_INVALID_STATUS_CODE, [&] { response.write_head(status); });
                }
                expect_error(errc::ERR_INVALID_CHAR, [&] { response.write_head(200, "a\r\nb", {}); });
                expect_error(errc::ERR_INVALID_HTTP_TOKEN, [&] { response.write_head(200, {"a b", "1"}); });
                EXPECT_FALSE(response.headers_sent());
                response.write_head(999, "Fine", {"Content-Length", "2"}).end("ok");
                EXPECT_EQ(response.status_code, 999);
                expect_error(errc::ERR_HTTP_HEADERS_SENT, [&] { response.write_head(201); });
              }), EndsWith("HTTP/1.1 999 Fine\r\nContent-Length: 2\r\n" + std::string(stays) + "\r\nok"));
}

TEST_F(ResponseTest, MergesWhatWasSetWithWhatItsHeadIsGiven) {
  ROWS("response.setHeader.merge", "outgoing.setHeaders.merge", "response.setHeader.uncached", "response.writeHead.array");
  const std::string merged = get([](ServerResponse& response) {
    const std::pair<std::string_view, std::string_view> lines[] = {{"Content-Type", "text/html"}, {"X-Foo", "bar"}};
    response.set_headers(lines);
    response.write_head(200, {"Content-Type", "text/plain"}).end();
  });
  EXPECT_THAT(merged, HasSubstr("\r\nContent-Type: text/plain\r\n"));
  EXPECT_THAT(merged, HasSubstr("\r\nX-Foo: bar\r\n"));
  EXPECT_THAT(merged, Not(HasSubstr("text/html")));
  EXPECT_THAT(get([](ServerResponse& response) {
                expect_error(errc::ERR_INVALID_ARG_VALUE, [&] { response.write_head(200, {"a"}); });
                response.write_head(200, {"A", "1", "A", "2"});
                EXPECT_FALSE(response.get_header("A")) << "it was not set";
                response.end();
              }), HasSubstr("\r\nA: 1\r\nA: 2\r\n"));
}

TEST_F(ResponseTest, HoldsAHeadUntilThereIsMore) {
  ROWS("response.flushHeaders");
  ServerResponse* held = nullptr;
  EXPECT_EQ(get([&](ServerResponse& response) {
              held = &response;
              response.write_head(200);
            }), "");
  held->flush_headers();
  ASSERT_TRUE(world.run_until([&] { return peer->received().ends_with("chunked\r\n\r\n"); }));
  held->end();
  ASSERT_TRUE(world.run_until([&] { return peer->received().ends_with("0\r\n\r\n"); }));
}

TEST_F(ResponseTest, ClosesWhereItMust) {
  ROWS("response.observed.connection-close", "response.observed.204-304-chunked", "response.end.must");
  const auto ok = [](ServerResponse& response) { response.end("ok"); };
  EXPECT_THAT(answer("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", ok), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(peer->closed());
  EXPECT_THAT(answer("GET / HTTP/1.0\r\n\r\n", ok), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(peer->closed());
  EXPECT_THAT(answer("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", ok), HasSubstr("\r\nConnection: keep-alive\r\n"));
  EXPECT_FALSE(peer->closed());
  get([](ServerResponse& response) { response.set_header("Connection", "close").end("ok"); });
  EXPECT_TRUE(peer->closed());
  EXPECT_EQ(get([](ServerResponse& response) { response.write_head(204, {"Transfer-Encoding", "chunked"}).end(); }),
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(peer->closed());
  EXPECT_EQ(answer("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", [](ServerResponse&) {}), "")
      << "the second waits for the first";
}

TEST_F(ResponseTest, CountsNoBytesWhereNoBodyIsAnnounced) {
  EXPECT_EQ(get([](ServerResponse& response) {
              response.strict_content_length = true;
              response.write_head(204, {"Content-Length", "3", "Connection", "close"}).end();
            }),
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
}

TEST_F(ResponseTest, HasNoBodyWhereNoneMayBe) {
  ROWS("response.write.no-body", "outgoing.write.no-body", "createServer.rejectNonStandardBodyWrites");
  const std::string head = answer("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
                                  [](ServerResponse& response) {
                                    EXPECT_TRUE(response.write("body"));
                                    response.end();
                                  });
  EXPECT_THAT(head, Not(HasSubstr("body")));
  EXPECT_EQ(head.substr(0, head.size() / 2), head.substr(head.size() / 2)) << "the next request is answered, too";
  EXPECT_THAT(get([](ServerResponse& response) {
                response.status_code = 204;
                response.write("body");
                response.end();
              }), Not(HasSubstr("body")));
  EXPECT_FALSE(peer->closed());
  server.options.reject_non_standard_body_writes = true;
  get([](ServerResponse& response) {
    response.status_code = 304;
    expect_error(errc::ERR_HTTP_BODY_NOT_ALLOWED, [&] { response.write("x"); });
    response.end();
  });
}

TEST_F(ResponseTest, RefusesTrailersWithoutChunks) {
  ROWS("response.observed.trailer-with-length", "response.addTrailers", "response.addTrailers.trailer-header");
  const auto with_trailer = [](ServerResponse& response) {
    const std::pair<std::string_view, std::string_view> lines[] = {{"X-T", "v"}};
    response.write("a");
    response.add_trailers(lines);
    response.end();
  };
  const std::string unannounced = get(with_trailer);
  EXPECT_THAT(unannounced, EndsWith("\r\n\r\n1\r\na\r\n0\r\nX-T: v\r\n\r\n"));
  EXPECT_THAT(unannounced, Not(HasSubstr("Trailer:")));
  get([](ServerResponse& response) {
    response.set_header("Content-Length", 1).set_header("Trailer", "x");
    expect_error(errc::ERR_HTTP_TRAILER_INVALID, [&] { response.write("a"); });
    response.remove_header("Trailer").end("a");
  });
  EXPECT_THAT(peer->received(), EndsWith("\r\n\r\na"));
  EXPECT_THAT(answer("GET / HTTP/1.0\r\n\r\n", with_trailer), EndsWith("\r\n\r\na"));
}

TEST_F(ResponseTest, SendsInterimAnswersExactly) {
  ROWS("response.writeContinue", "response.writeProcessing", "response.writeEarlyHints",
       "response.writeEarlyHints.list");
  const std::string all = get([&](ServerResponse& response) {
    response.write_continue();
    response.write_processing();
    response.write_early_hints({"</styles.css>; rel=preload; as=style"});
    const Header trace[] = {{HeaderId{}, "x-trace-id", "7"}};
    response.write_early_hints({"</a>; rel=preload", "</b>; rel=preload"}, trace);
    response.write_early_hints(ServerResponse::Values{});
    expect_error(errc::ERR_INVALID_ARG_VALUE, [&] { response.write_early_hints({"no link"}); });
    response.end();
  });
  EXPECT_EQ(all.substr(0, all.find("HTTP/1.1 200")),
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
            "HTTP/1.1 103 Early Hints\r\nLink: </styles.css>; rel=preload; as=style\r\n\r\n"
            "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload, </b>; rel=preload\r\nx-trace-id: 7\r\n\r\n");
}

TEST_F(ResponseTest, TellsThatHintsWereWritten) {
  ROWS("response.writeEarlyHints.callback");
  const std::string link = '<' + std::string(64 * 1024, 'x') + ">; rel=preload";
  int asked = 0;
  int called = 0;
  ServerResponse* current = nullptr;
  const auto hint = [&] {
    ++asked;
    current->write_early_hints({link}, {}, [&](std::error_code error) {
      EXPECT_FALSE(error);
      ++called;
    });
    EXPECT_LT(called, asked) << "nothing from inside the call";
  };
  get([&](ServerResponse& response) {
    current = &response;
    hint();
  });
  EXPECT_EQ(called, 1);
  EXPECT_EQ(peer->received(), "HTTP/1.1 103 Early Hints\r\nLink: " + link + "\r\n\r\n");
  peer->stop_reading();
  while (called == asked && asked < 1'000) {
    hint();
    world.settle();
  }
  EXPECT_EQ(called, asked - 1) << "the system takes no more, so it has not been written";
  peer->start_reading();
  ASSERT_TRUE(world.run_until([&] { return called == asked; }));
  world.settle();
  EXPECT_EQ(called, asked);
}

TEST_F(ResponseTest, CallsBackOnceItIsSent) {
  ROWS("response.end.callback", "response.event.finish", "response.writableEnded");
  ServerResponse* current = nullptr;
  std::string events;
  get([&](ServerResponse& response) { current = &response; });
  current->on_finish([&] {
    events += "finish ";
    current->end([&](std::error_code error) {
      EXPECT_EQ(error, errc::ERR_STREAM_ALREADY_FINISHED);
      events += "refused ";
    });
  });
  current->on_close([&] { events += "close "; });
  EXPECT_FALSE(current->writable_ended());
  peer->stop_reading();
  const std::string body(32 << 20, 'x');  // more than the system takes
  current->end(body, [&](std::error_code error) { events += error ? "failed " : "done "; });
  current->end([&](std::error_code error) { events += error ? "failed " : "done, too "; });
  world.settle();
  EXPECT_EQ(events, "") << "not all is written";
  EXPECT_TRUE(current->writable_ended());
  EXPECT_FALSE(current->writable_finished());
  peer->start_reading();
  ASSERT_TRUE(world.run_until([&] { return events.ends_with("close "); }));
  EXPECT_EQ(events, "finish done done, too refused close ")
      << "with finish, before what is left for the end of its turn";
  EXPECT_TRUE(world.run_until([&] { return peer->received().ends_with(body); }));
}

TEST_F(ResponseTest, RelaysHintsThatItWouldNotWriteItself) {
  ROWS("response.observed.early-hints-relay", "response.observed.1xx-http10");
  constexpr std::string_view link = "</a>; rel=preload, </b>; crossorigin; rel=preload";
  const Header lines[] = {{HeaderId{}, "Link", link}};
  EXPECT_THAT(get([&](ServerResponse& response) {
                response.write_information(103, "Early Hints", lines);
                response.end();
                expect_error(errc::ERR_HTTP_HEADERS_SENT, [&] { response.write_continue(); });
              }), StartsWith("HTTP/1.1 103 Early Hints\r\nLink: " + std::string(link) + "\r\n\r\n"));
  EXPECT_THAT(answer("GET / HTTP/1.0\r\n\r\n", [&](ServerResponse& response) {
                response.write_information(103, "Early Hints", lines);
                response.write_processing();
                response.end();
              }), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ResponseTest, AnUnwantedBodyEndsTheConnection) {
  ROWS("response.observed.continue-not-sent");
  server.on_check_continue([](IncomingMessage&, ServerResponse& response) {
    response.status_code = 400;
    response.end();
  });
  auto [stream, client] = world.connect();
  server.adopt(std::move(stream));
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
  EXPECT_THAT(client.received(), HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(ResponseTest, IsDestroyedByATimeoutThatNobodyHears) {
  ROWS("response.setTimeout.default-destroy");
  get([](ServerResponse& response) { response.set_timeout(100ms); });
  world.advance(110ms);
  ASSERT_TRUE(world.run_until([&] { return peer->closed(); }));
  EXPECT_EQ(peer->received(), "");
  get([](ServerResponse& response) { response.set_timeout(100ms, [] {}); });
  world.advance(110ms);
  world.settle();
  EXPECT_FALSE(peer->closed());
}

// ---- the module ---------------------------------------------------------------------------------------------------------

TEST(HttpModule, ValidatesHeaders) {
  ROWS("http.validateHeaderName", "http.validateHeaderName.tokens", "http.validateHeaderValue", "http.validateHeaderValue.chars");
  const auto message = [](auto call) -> std::string {
    try {
      call();
    } catch (const http_error& thrown) {
      return std::string(name_of(static_cast<errc>(thrown.code().value()))) + ": " + thrown.what();
    }
    return {};
  };
  EXPECT_EQ(message([] { validate_header_name(""); }), "ERR_INVALID_HTTP_TOKEN: Header name must be a valid HTTP token [\"\"]");
  EXPECT_THAT(message([] { validate_header_name("a b", "Lbl"); }), HasSubstr(": Lbl must be"));
  EXPECT_EQ(message([] { validate_header_name("x-my"); }), "");
  EXPECT_EQ(message([] { validate_header_value("x-my-header", std::nullopt); }),
            "ERR_HTTP_INVALID_HEADER_VALUE: Invalid value \"undefined\" for header \"x-my-header\"");
  EXPECT_EQ(message([] { validate_header_value("x-my-header", "\n"); }),
            "ERR_INVALID_CHAR: Invalid character in header content [\"x-my-header\"]");
  EXPECT_FALSE(to_latin1(u8"\u028a"));
  int names = 0;
  int values = 0;
  for (int c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    names += message([&] { validate_header_name({&byte, 1}); }).empty();
    values += message([&] { validate_header_value("x", std::string_view(&byte, 1)); }).empty();
  }
  EXPECT_EQ(names, 77);
  EXPECT_EQ(values, 224);
}

template <class Module>
constexpr bool has_create_client = requires(Module& http) { http.create_client(80); };

TEST_F(ResponseTest, TheModuleIsUsedAsAUnit) {
  ROWS("http.module", "http.createClient", "http.maxHeaderSize", "http.setMaxIdleHTTPParsers");
  EXPECT_FALSE(has_create_client<Http>);
  EXPECT_EQ(culvert::status_message(404), "Not Found");
  EXPECT_FALSE(methods().empty());
  Agent agent(http);
  const RequestOptions to_origin{.host = "127.0.0.1", .port = world.address().ip.port, .agent = &agent};
  http.get(to_origin).on_error([](std::error_code) {});
  ClientRequest& request = http.request(to_origin);
  request.on_error([](std::error_code) {});
  request.end();
  for (const std::size_t n : {0, 1}) {
    EXPECT_TRUE(
        world.run_until([&] { return world.accepted(n) && world.accepted(n)->received().starts_with("GET / "); }));
  }
  EXPECT_EQ(http.max_header_size, 16'384u);
  const std::string big = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(17'000, 'x') + "\r\n\r\n";
  const auto ok = [](ServerResponse& response) { response.end("ok"); };
  EXPECT_THAT(answer(big, ok), StartsWith("HTTP/1.1 431 "));
  server.options.max_header_size = 32'768;
  EXPECT_THAT(answer(big, ok), EndsWith("ok"));

  expect_error(errc::ERR_OUT_OF_RANGE, [&] { http.set_max_idle_http_parsers(0); });
  http.set_max_idle_http_parsers(2);
  for (int i = 0; i < 5; ++i) get([](ServerResponse&) {});  // five at a time
  server.close_all_connections();
  world.settle();
  EXPECT_EQ(http.idle_http_parsers(), 2u);
}

TEST_F(ResponseTest, TakesEveryMethodOfTheList) {
  ROWS("http.METHODS");
  EXPECT_EQ(methods().size(), 35u);
  EXPECT_TRUE(std::ranges::is_sorted(methods()));
  EXPECT_THAT(methods(), ::testing::IsSupersetOf<std::string_view>({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT",
                                                                    "OPTIONS", "TRACE", "PATCH", "M-SEARCH"}));
  EXPECT_THAT(methods(), Not(::testing::Contains("PRI")));
  const auto ok = [](ServerResponse& response) { response.end("ok"); };
  std::string tunnelled;
  server.on_connect([&](IncomingMessage& request, auto&, Bytes) { tunnelled = request.method(); });
  for (const std::string_view method : methods()) {
    if (method == "CONNECT") {
      answer("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", ok);
      EXPECT_EQ(tunnelled, method);
      continue;
    }
    EXPECT_THAT(answer(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n", ok), StartsWith("HTTP/1.1 200 ")) << method;
  }
  EXPECT_THAT(answer("FOO / HTTP/1.1\r\nHost: a\r\n\r\n", ok), StartsWith("HTTP/1.1 400 "));
}

}  // namespace
}  // namespace culvert
