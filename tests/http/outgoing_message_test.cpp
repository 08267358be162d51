// If these fail, a program's headers or body bytes do not leave as it wrote them, or it is told something else than what
// became of them. The suite runs on both kinds of outgoing message: a server's response and a client's request.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/arena.hpp"
#include "culvert/http.hpp"
#include "http/rows.hpp"
#include "support/expect_error.hpp"
#include "support/world.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using test::expect_error;

struct AsResponse {};
struct AsRequest {};

// One outgoing message, and what its peer has received of it.
template <class Kind>
class OutgoingMessageTest : public ::testing::Test {
 protected:
  // Calls `use` with a message; afterwards `current` stands until its close.
  void with(std::function<void(OutgoingMessage&)> use) {
    const auto begin = [this, use](OutgoingMessage& made) {
      current = &made;
      made.on_close([this] {
        current = nullptr;
        ++closed;
      });
      use(made);
    };
    if constexpr (std::is_same_v<Kind, AsResponse>) {
      server.on_request.once([begin](IncomingMessage&, ServerResponse& response) {
        response.send_date = false;
        begin(response);
      });
      auto [stream, client] = world.connect();
      server.adopt(std::move(stream));
      peer = &client;
      client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      ASSERT_TRUE(world.run_until([&] { return current != nullptr || closed > 0; }));
    } else {
      const Address address = world.address();
      begin(http.request({.host = "127.0.0.1", .port = address.ip.port, .method = "POST", .agent = &agent}));
      ASSERT_TRUE(world.run_until([&] { return world.accepted(0) != nullptr; }));
      peer = world.accepted(0);
    }
    world.settle();
  }
  // The peer ends the exchange where that is its turn.
  void answer() {
    if constexpr (std::is_same_v<Kind, AsRequest>) peer->send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  }
  std::string body() { return peer->received().substr(peer->received().find("\r\n\r\n") + 4); }
  void expect_body(std::string_view wanted) {
    EXPECT_TRUE(world.run_until([&] { return peer->received().find("\r\n\r\n") != std::string::npos && body() == wanted; }))
        << peer->received();
  }

  test::World world;
  Http http{world.loop(), world.network(), world.resolver()};
  Server server{http, {.connections_checking_interval = {}}};
  Agent agent{http};
  OutgoingMessage* current = nullptr;
  test::TestPeer* peer = nullptr;
  int closed = 0;
};

using Kinds = ::testing::Types<AsResponse, AsRequest>;
TYPED_TEST_SUITE(OutgoingMessageTest, Kinds);

// ---- headers ----------------------------------------------------------------------------------------------------------

TYPED_TEST(OutgoingMessageTest, KeepsHeadersAsTheyWereSet) {
  ROWS("outgoing.class", "outgoing.setHeader", "outgoing.getHeader", "outgoing.hasHeader", "outgoing.removeHeader",
       "outgoing.getHeaderNames", "outgoing.getHeaders", "response.getHeader", "response.getHeaderNames",
       "response.getHeaders", "response.getHeaders.null-prototype", "response.hasHeader", "request.getHeader",
       "request.getHeaders", "request.getHeaders.null-prototype", "request.getHeaderNames", "request.getRawHeaderNames",
       "request.hasHeader", "request.removeHeader");
  this->with([](OutgoingMessage& message) {
    for (const std::string& name : message.get_header_names()) message.remove_header(name);  // a request's Host
    EXPECT_FALSE(message.get_header("Foo"));
    message.set_header("Foo", "bar").set_header("N", 5).set_header("Set-Cookie", {"a=1", "b=2"});
    EXPECT_EQ(std::get<std::string_view>(*message.get_header("FOO")), "bar");
    EXPECT_EQ(std::get<std::int64_t>(*message.get_header("n")), 5);
    EXPECT_THAT(std::get<std::vector<std::string_view>>(*message.get_header("set-cookie")), ElementsAre("a=1", "b=2"));
    EXPECT_TRUE(message.has_header("foo"));
    EXPECT_FALSE(message.has_header("y"));
    EXPECT_THAT(message.get_header_names(), ElementsAre("foo", "n", "set-cookie"));
    EXPECT_THAT(message.get_raw_header_names(), ElementsAre("Foo", "N", "Set-Cookie"));

    auto copy = message.get_headers();
    EXPECT_EQ(copy.size(), 3u);
    EXPECT_EQ(std::get<std::string_view>(copy.at("foo")), "bar");
    for (const std::string_view inherited : {"toString", "constructor", "__proto__"}) EXPECT_FALSE(copy.contains(inherited));
    copy["x"] = std::string_view("1");
    EXPECT_FALSE(message.has_header("x")) << "it is a copy";

    message.set_header("FOO", "2").remove_header("n");
    EXPECT_THAT(message.get_raw_header_names(), ElementsAre("FOO", "Set-Cookie")) << "the case of the last call";
    message.end();
  });
  EXPECT_THAT(this->peer->received(), HasSubstr("\r\nFOO: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"));
  EXPECT_THAT(this->peer->received(), Not(HasSubstr("\r\nN: ")));
}

TYPED_TEST(OutgoingMessageTest, AppendsAndSetsMany) {
  ROWS("outgoing.appendHeader", "outgoing.appendHeader.list", "outgoing.setHeaders", "response.setHeader",
       "request.setHeader");
  this->with([](OutgoingMessage& message) {
    message.append_header("X-V", "1").append_header("X-V", "2").append_header("X", {"1", "2"});
    const std::pair<std::string_view, std::string_view> lines[] = {{"foo", "bar"}, {"Set-Cookie", "a"}, {"set-cookie", "b"}};
    message.set_header("foo", "old").set_headers(lines);
    message.set_header("X-A", {"1", "2"}).set_header("Num", 5);
    message.end();
  });
  EXPECT_THAT(this->peer->received(),
              HasSubstr("\r\nX-V: 1\r\nX-V: 2\r\nX: 1\r\nX: 2\r\nfoo: bar\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n"
                        "X-A: 1\r\nX-A: 2\r\nNum: 5\r\n"));
}

TYPED_TEST(OutgoingMessageTest, RefusesWhatIsNoHeader) {
  ROWS("response.setHeader.invalid", "request.setHeader.latin1", "request.setHeader.rfc8187", "outgoing.headersSent",
       "response.headersSent");
  this->with([](OutgoingMessage& message) {
    expect_error(errc::ERR_INVALID_HTTP_TOKEN, [&] { message.set_header("a b", "x"); });
    for (const std::string_view value : {std::string_view("x\r\ny"), std::string_view("a\0b", 3), std::string_view("\x7f")}) {
      expect_error(errc::ERR_INVALID_CHAR, [&] { message.set_header("X", value); });
    }
    expect_error(errc::ERR_HTTP_INVALID_HEADER_VALUE, [&] { message.set_header("X", std::nullopt); });
    expect_error(errc::ERR_INVALID_CHAR, [&] { message.set_header("X", u8"\U0001F3B5"); });
    EXPECT_FALSE(message.has_header("X")) << "nothing is stored";
    message.set_header("Byte", "caf\xe9").set_header("Latin", u8"caf\u00e9");
    message.set_header("Name", "filename*=utf-8''Rock%20%F0%9F%8E%B5.txt");
    EXPECT_FALSE(message.headers_sent());
    message.flush_headers();
    EXPECT_TRUE(message.headers_sent());
    expect_error(errc::ERR_HTTP_HEADERS_SENT, [&] { message.set_header("X", "1"); });
    expect_error(errc::ERR_HTTP_HEADERS_SENT, [&] { message.remove_header("X"); });
    message.end();
  });
  EXPECT_THAT(this->peer->received(), HasSubstr("\r\nByte: caf\xe9\r\nLatin: caf\xe9\r\n"));
  EXPECT_THAT(this->peer->received(), HasSubstr("filename*=utf-8''Rock%20%F0%9F%8E%B5.txt"));
}

// ---- body -------------------------------------------------------------------------------------------------------------

TYPED_TEST(OutgoingMessageTest, SendsChunksAsTheyAreWritten) {
  ROWS("outgoing.write", "outgoing.write.chunked", "outgoing.end", "outgoing.end.chunk", "response.write",
       "request.write", "request.write.auto-chunked", "request.write.empty", "request.end",
       "response.write.implicit-header", "outgoing.writableObjectMode", "request.write.encoding",
       "response.write.encoding");
  static_assert(!OutgoingMessage::writable_object_mode);
  this->with([](OutgoingMessage& message) {
    message.set_header("A", "1");
    message.write("abc");
    message.write("");
    message.write("d");
    message.write(std::string(26, 'x'));
    message.write("\xc3\xa9");  // text is bytes: its author has chosen how it is encoded
    message.end("\xe9");
    message.end();
  });
  this->expect_body("3\r\nabc\r\n1\r\nd\r\n1a\r\n" + std::string(26, 'x') + "\r\n2\r\n\xc3\xa9\r\n1\r\n\xe9\r\n0\r\n\r\n");
  EXPECT_THAT(this->peer->received(), HasSubstr("\r\nA: 1\r\n"));
  EXPECT_THAT(this->peer->received(), HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
}

TYPED_TEST(OutgoingMessageTest, StatesTheLengthOfAWholeBody) {
  ROWS("response.end.data", "request.end.data", "request.content-length.bytes", "request.header.content-length");
  this->with([](OutgoingMessage& message) { message.end("\xc3\xa9"); });
  this->expect_body("\xc3\xa9");
  EXPECT_THAT(this->peer->received(), HasSubstr("\r\nContent-Length: 2\r\n"));
  EXPECT_THAT(this->peer->received(), Not(HasSubstr("chunked")));
}

TYPED_TEST(OutgoingMessageTest, SendsRawBytesWhereTheLengthIsGiven) {
  ROWS("request.iojs.no-length-check", "response.writeHead.length");
  this->with([](OutgoingMessage& message) {
    message.set_header("Content-Length", 3);
    message.write("ab");
    message.end("cdef");
  });
  this->expect_body("abcdef");
  EXPECT_THAT(this->peer->received(), Not(HasSubstr("chunked")));
}

TYPED_TEST(OutgoingMessageTest, ComparesTheLengthWhereItIsAskedTo) {
  ROWS("response.strictContentLength", "request.content-length.mismatch");
  this->with([](OutgoingMessage& message) {
    message.strict_content_length = true;
    message.set_header("Content-Length", 3);
    expect_error(errc::ERR_HTTP_CONTENT_LENGTH_MISMATCH, [&] { message.end("abcd"); });
    EXPECT_FALSE(message.headers_sent()) << "nothing is sent of it";
    message.write("ab");
    expect_error(errc::ERR_HTTP_CONTENT_LENGTH_MISMATCH, [&] { message.write("cd"); });
    expect_error(errc::ERR_HTTP_CONTENT_LENGTH_MISMATCH, [&] { message.end(); });
    message.end("c");
  });
  this->expect_body("abc");
}

TYPED_TEST(OutgoingMessageTest, HeadAndFirstBytesLeaveTogether) {
  ROWS("outgoing.flushHeaders", "outgoing.write.first", "response.write.buffering", "response.flushHeaders",
       "request.flushHeaders", "request.flushHeaders.packing", "request.headers.when-sent");
  this->with([](OutgoingMessage&) {});
  EXPECT_EQ(this->peer->received(), "") << "nothing before the first write, flush or end";
  this->current->write("a");
  this->expect_body("1\r\na\r\n");
  this->current->write("b");
  this->expect_body("1\r\na\r\n1\r\nb\r\n");
  this->current->end();
  this->expect_body("1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
}

TYPED_TEST(OutgoingMessageTest, FlushesItsHeadAlone) {
  ROWS("outgoing.flushHeaders");
  this->with([](OutgoingMessage& message) { message.flush_headers(); });
  this->expect_body("");
  EXPECT_THAT(this->peer->received(), HasSubstr("Transfer-Encoding: chunked\r\n"));
  this->current->end("later");
  this->expect_body("5\r\nlater\r\n0\r\n\r\n");
}

TYPED_TEST(OutgoingMessageTest, HoldsWhatIsCorked) {
  ROWS("outgoing.cork", "outgoing.uncork", "outgoing.writableCorked", "request.cork", "request.uncork", "response.cork",
       "response.uncork");
  this->with([](OutgoingMessage& message) {
    EXPECT_EQ(message.writable_corked(), 0u);
    message.cork();
    message.cork();
    EXPECT_EQ(message.writable_corked(), 2u);
    message.write("a");
    message.write("b");
    message.write("c");
    EXPECT_EQ(message.writable_length() > 0, true);
    message.uncork();
  });
  EXPECT_THAT(this->peer->received(), Not(HasSubstr("abc"))) << "corked twice, uncorked once";
  this->current->uncork();
  this->expect_body("3\r\nabc\r\n");
  EXPECT_EQ(this->current->writable_corked(), 0u);
  this->current->cork();
  this->current->write("d");
  this->current->end("e");
  this->expect_body("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
}

TYPED_TEST(OutgoingMessageTest, SendsTrailersOnlyWithChunks) {
  ROWS("outgoing.addTrailers", "outgoing.addTrailers.invalid", "response.addTrailers", "response.addTrailers.invalid",
       "response.addTrailers.trailer-header");
  using Lines = std::vector<std::pair<std::string_view, std::string_view>>;
  this->with([](OutgoingMessage& message) {
    message.set_header("Trailer", "X-T");
    message.write("a");
    expect_error(errc::ERR_INVALID_HTTP_TOKEN, [&] { message.add_trailers(Lines{{"a b", "1"}}); });
    expect_error(errc::ERR_INVALID_CHAR, [&] { message.add_trailers(Lines{{"X", "1\n"}}); });
    message.add_trailers(Lines{{"X-T", "1"}});
    message.end();
  });
  this->expect_body("1\r\na\r\n0\r\nX-T: 1\r\n\r\n");
  EXPECT_THAT(this->peer->received(), HasSubstr("\r\nTrailer: X-T\r\n"));
}

TYPED_TEST(OutgoingMessageTest, DropsTrailersOfABodyWithALength) {
  ROWS("outgoing.addTrailers");
  this->with([](OutgoingMessage& message) {
    message.set_header("Content-Length", 1);
    const std::pair<std::string_view, std::string_view> lines[] = {{"X-T", "1"}};
    message.add_trailers(lines);
    message.end("a");
  });
  this->expect_body("a");
}

// ---- events and state -------------------------------------------------------------------------------------------------

TYPED_TEST(OutgoingMessageTest, TellsInOrderThatItIsSent) {
  ROWS("outgoing.event.prefinish", "outgoing.event.finish", "outgoing.end.callback", "outgoing.writableEnded",
       "outgoing.writableFinished", "response.event.finish", "response.event.close", "response.finished",
       "response.writableEnded", "response.writableFinished", "request.event.finish", "request.end.callback",
       "request.finished", "request.writableEnded", "request.writableFinished");
  std::string events;
  this->with([&](OutgoingMessage& message) {
    message.on_prefinish([&] { events += "prefinish "; });
    message.on_finish([&] {
      EXPECT_TRUE(this->current->writable_finished());
      events += "finish ";
    });
    message.on_close([&] { events += "close"; });
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    EXPECT_FALSE(message.finished());
    EXPECT_FALSE(message.writable_ended());
    message.end("x", [&](std::error_code error) { events += error ? "failed " : "done "; });
    EXPECT_TRUE(message.finished());
#pragma GCC diagnostic pop
    EXPECT_TRUE(message.writable_ended());
    EXPECT_FALSE(message.writable_finished());
    EXPECT_EQ(events, "") << "nothing from inside the call";
  });
  this->answer();
  ASSERT_TRUE(this->world.run_until([&] { return this->closed == 1; }));
  EXPECT_EQ(events, "prefinish finish done close");
}

TYPED_TEST(OutgoingMessageTest, CallsBackForEachWrite) {
  ROWS("request.write.callback", "outgoing.write");
  std::string order;
  this->with([&](OutgoingMessage& message) {
    message.write("a", [&](std::error_code error) { order += error ? "!" : "a"; });
    message.write("", [&](std::error_code) { order += "empty"; });
    message.write("b", [&](std::error_code error) { order += error ? "!" : "b"; });
    EXPECT_EQ(order, "");
  });
  ASSERT_TRUE(this->world.run_until([&] { return order == "ab"; })) << order;
  this->current->end();
}

TYPED_TEST(OutgoingMessageTest, RefusesToWriteAfterItsEnd) {
  ROWS("outgoing.end.write-after");
  std::string events;
  this->with([&](OutgoingMessage& message) {
    message.on_error([&](std::error_code error) { events += "error:" + std::string(name_of(static_cast<errc>(error.value()))) + ' '; });
    message.end("x");
    EXPECT_FALSE(message.write("y", [&](std::error_code error) {
      EXPECT_EQ(error, errc::ERR_STREAM_WRITE_AFTER_END);
      events += "callback ";
    }));
    EXPECT_EQ(events, "");
  });
  ASSERT_TRUE(this->world.run_until([&] { return !events.empty(); }));
  EXPECT_EQ(events, "error:ERR_STREAM_WRITE_AFTER_END callback ");
  this->expect_body("x");
}

TYPED_TEST(OutgoingMessageTest, SaysWhenItsPeerIsSlowAndWhenItHasReadOn) {
  ROWS("outgoing.event.drain", "outgoing.write.return", "outgoing.writableLength", "request.write.return",
       "response.write.return");
  int drains = 0;
  bool refused = false;
  this->with([&](OutgoingMessage& message) {
    message.on_drain([&] { ++drains; });
    EXPECT_EQ(message.writable_length(), 0u);
    EXPECT_TRUE(message.write("x"));
  });
  this->expect_body("1\r\nx\r\n");
  EXPECT_EQ(drains, 0) << "nothing was refused";
  this->peer->stop_reading();
  const std::string chunk(64 * 1024, 'x');
  for (int i = 0; i < 400 && !refused; ++i) {
    this->current->write(chunk);
    this->world.settle();
    refused = this->current->writable_length() > 0;  // the system takes no more
  }
  ASSERT_TRUE(refused);
  EXPECT_FALSE(this->current->write(chunk));
  EXPECT_GE(this->current->writable_length(), chunk.size());
  drains = 0;
  this->peer->start_reading();
  ASSERT_TRUE(this->world.run_until([&] { return drains > 0; }));
  EXPECT_EQ(drains, 1);
  EXPECT_EQ(this->current->writable_length(), 0u);
  this->current->end();
}

TYPED_TEST(OutgoingMessageTest, KnowsItsSocketWhileThereIsOne) {
  ROWS("outgoing.socket", "outgoing.connection", "outgoing.writableHighWaterMark", "response.socket", "response.connection",
       "request.connection");
  this->with([](OutgoingMessage&) {});
  ASSERT_TRUE(this->world.run_until([&] { return this->current->socket() != nullptr; }));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  EXPECT_EQ(this->current->connection(), this->current->socket());
#pragma GCC diagnostic pop
  EXPECT_NE(this->current->socket()->remote().family, Endpoint::Family::none);
  this->current->socket()->set_high_water_mark(1024);
  EXPECT_EQ(this->current->writable_high_water_mark(), 1024u);
  std::optional<bool> has_one;  // a request keeps it: the response is still to come
  this->current->on_finish([&] { has_one = this->current->socket() != nullptr; });
  this->current->end();
  ASSERT_TRUE(this->world.run_until([&] { return has_one.has_value(); }));
  EXPECT_EQ(*has_one, (std::is_same_v<TypeParam, AsRequest>));
}

TYPED_TEST(OutgoingMessageTest, TimesOut) {
  ROWS("outgoing.setTimeout", "response.setTimeout", "request.setTimeout");
  int told = 0;
  this->with([&](OutgoingMessage& message) { message.set_timeout(100ms, [&] { ++told; }); });
  ASSERT_TRUE(this->world.run_until([&] { return this->current->socket() != nullptr; }));
  this->current->write("x");
  this->expect_body("1\r\nx\r\n");
  this->world.advance(99ms);
  this->world.settle();
  EXPECT_EQ(told, 0);
  this->world.advance(5ms);
  ASSERT_TRUE(this->world.run_until([&] { return told == 1; }));
  EXPECT_FALSE(this->peer->closed());
}

TYPED_TEST(OutgoingMessageTest, DestroyClosesTheConnection) {
  ROWS("outgoing.destroy");
  this->with([&](OutgoingMessage& message) {
    message.on_error([](std::error_code) {});
    EXPECT_EQ(&message.destroy(), &message);
    EXPECT_TRUE(message.destroyed());
  });
  ASSERT_TRUE(this->world.run_until([&] { return this->closed == 1; }));
  EXPECT_EQ(this->peer == nullptr ? "" : this->peer->received(), "");
}

// ---- what both have in common with no peer at all ------------------------------------------------------------------------

class Headless final : public OutgoingMessage, private ByteSink {
 public:
  using OutgoingMessage::socket;
  Headless(BlockPool& pool, Arena& arena) : OutgoingMessage(*this, arena), box_(pool) {}

 private:
  net::Outbox& outbox() override { return box_; }
  void touched() override {}
  bool sending() const override { return false; }
  void abort(std::error_code) override {}
  Socket* socket() override { return nullptr; }
  void look_later() override {}
  void set_timeout(std::chrono::milliseconds) override {}
  void unhandled(std::error_code) override {}
  net::Outbox box_;
};

template <class Message>
constexpr bool can_be_read = requires(Message& from, Message& to) { from.pipe(to); } || requires(Message& from) { from.on_data; };

TEST(OutgoingMessage, WithoutAHeadOfItsOwnCannotWrite) {
  ROWS("outgoing.write.implicit-header", "outgoing.writableHighWaterMark", "outgoing.pipe");
  BlockPool pool;
  Arena arena(pool);
  Headless message(pool, arena);
  expect_error(errc::ERR_METHOD_NOT_IMPLEMENTED, [&] { message.write("x"); });
  EXPECT_EQ(message.writable_high_water_mark(), 16'384u) << "without a socket";
  EXPECT_FALSE(can_be_read<OutgoingMessage>) << "it is write-only";
}

}  // namespace
}  // namespace culvert
