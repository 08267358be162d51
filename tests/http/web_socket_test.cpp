// If these fail, WebSocket clients send what no server understands, take an answer from something that is no WebSocket
// server, or never learn how their connection ended.
#include "culvert/web_socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/digest.hpp"
#include "culvert/http.hpp"
#include "http/rows.hpp"
#include "support/world.hpp"
#include "wire/websocket_frame.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using State = WebSocket::ReadyState;
using wire::WebSocketError;

class WebSocketTest : public ::testing::Test {
 protected:
  WebSocketTest() {
    http.on_unhandled_error([this](std::error_code why) { unhandled += why.message(); });
  }
  void TearDown() override { EXPECT_EQ(unhandled, ""); }

  std::string url(std::string_view target = "/chat") {
    return "ws://127.0.0.1:" + std::to_string(world.address().ip.port) + std::string(target);
  }
  WebSocket& make(const WebSocketOptions& options = {}, std::string_view target = "/chat") {
    socket = std::make_unique<WebSocket>(http, url(target), options);
    socket->on_open([this] { note("open"); });
    socket->on_message([this](Bytes data, bool is_binary) {
      note((is_binary ? "binary:" : "text:") + std::string(as_text(data)));
    });
    socket->on_error([this](std::error_code why) {
      error = why;
      note("error");
    });
    socket->on_close([this](std::uint16_t code, std::string_view reason, bool was_clean) {
      note("close:" + std::to_string(code) + ':' + std::string(reason) + (was_clean ? ":clean" : ""));
      EXPECT_EQ(socket->ready_state(), State::closed);
      is_closed = true;
    });
    return *socket;
  }
  void note(const std::string& event) { events += event + ' '; }

  // The server's end, once the request has arrived there.
  test::TestPeer& server() {
    EXPECT_TRUE(world.run_until([&] {
      return world.accepted(0) != nullptr && world.accepted(0)->received().find("\r\n\r\n") != std::string::npos;
    }));
    return *world.accepted(0);
  }
  std::string key() {
    const std::string& head = server().received();
    const std::string name = "Sec-WebSocket-Key: ";
    return head.substr(head.find(name) + name.size(), 24);
  }
  std::string accept() { return encode_base64(sha1(as_bytes(key() + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))); }
  std::string switching(const std::string& lines = "") {
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
           accept() + "\r\n" + lines + "\r\n";
  }
  // The server accepts, and says `more` at once; what it receives from then on are frames.
  test::TestPeer& opened(const WebSocketOptions& options = {}, const std::string& more = "") {
    make(options);
    test::TestPeer& peer = server();
    const std::string answer = switching();
    peer.forget_received();
    peer.send(answer + more);
    EXPECT_TRUE(world.run_until([&] { return events.starts_with("open "); }));
    return peer;
  }
  // Frames of the client, unmasked, with their first two bytes: "81 82 hi|88 85 ..."
  static std::string unmasked(std::string_view bytes) {
    std::string shown;
    for (char hex[8]; bytes.size() >= 6;) {
      const auto second = static_cast<std::uint8_t>(bytes[1]);
      std::snprintf(hex, sizeof hex, "%02x %02x ", static_cast<std::uint8_t>(bytes[0]), second);
      EXPECT_GE(second, 0x80) << "not masked";
      EXPECT_LT(second, 0x80 + 126) << "a long frame";
      std::string payload(bytes.substr(6, second & 0x7f));
      for (std::size_t i = 0; i < payload.size(); ++i) payload[i] ^= bytes[2 + i % 4];
      shown += hex + payload + '|';
      bytes.remove_prefix(6 + payload.size());
    }
    return shown + std::string(bytes);
  }
  bool receives(const test::TestPeer& peer, std::string_view frames) {
    const bool arrived = world.run_until([&] { return unmasked(peer.received()) == frames; });
    EXPECT_EQ(unmasked(peer.received()), frames);
    return arrived;
  }
  bool closes() {
    return world.run_until([&] { return is_closed; });
  }
  void pass(Duration time) {
    world.advance(time);
    world.settle();
  }

  test::World world;
  Http http{world.loop(), world.network(), world.resolver()};
  std::unique_ptr<WebSocket> socket;
  std::string events;
  std::string unhandled;
  std::error_code error;
  bool is_closed = false;
};

TEST_F(WebSocketTest, TalksToAServer) {
  ROWS("http.WebSocket");
  WebSocket& chat = make();
  chat.on_open([&] {
    EXPECT_EQ(chat.ready_state(), State::open);
    chat.send("hi");
  });
  EXPECT_EQ(chat.ready_state(), State::connecting);
  test::TestPeer& peer = server();
  const std::string answer = switching();
  peer.forget_received();
  peer.send(answer);
  ASSERT_TRUE(receives(peer, "81 82 hi|"));
  peer.send("\x81\x02hi");
  ASSERT_TRUE(world.run_until([&] { return events == "open text:hi "; }));
}

// ---- the handshake

TEST_F(WebSocketTest, AsksForTheUpgrade) {
  ROWS("http.WebSocket.handshake");
  make({.protocols = {"a", "b"}, .headers = {{"Origin", "http://here"}}}, "/chat?room=1");
  const std::string head = server().received();
  EXPECT_EQ(head, "GET /chat?room=1 HTTP/1.1\r\n"
                  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: " + key() + "\r\nSec-WebSocket-Protocol: a, b\r\nOrigin: http://here\r\n"
                  "Host: 127.0.0.1:" + std::to_string(world.address().ip.port) + "\r\n\r\n");
  EXPECT_EQ(decode_base64(key())->size(), 16u);
}

TEST_F(WebSocketTest, AsksWithAnotherKeyEachTime) {
  make();
  const std::string first = key();
  WebSocket second(http, url());
  ASSERT_TRUE(world.run_until([&] {
    return world.accepted(1) != nullptr && world.accepted(1)->received().ends_with("\r\n\r\n");
  }));
  EXPECT_EQ(world.accepted(1)->received().find(first), std::string::npos);
}

TEST_F(WebSocketTest, TakesTheSubprotocolThatTheServerChooses) {
  WebSocket& chat = make({.protocols = {"a", "b"}});
  EXPECT_EQ(chat.protocol(), "");
  server().send(switching("Sec-WebSocket-Protocol: b\r\n"));
  ASSERT_TRUE(world.run_until([&] { return events == "open "; }));
  EXPECT_EQ(chat.protocol(), "b");
}

struct WrongAnswer {
  std::string_view head;  // {accept} stands for the right one
  errc error;
};
class WrongAnswerTest : public WebSocketTest, public ::testing::WithParamInterface<WrongAnswer> {};

TEST_P(WrongAnswerTest, FailsTheConnection) {
  ROWS("http.WebSocket.handshake");
  make({.protocols = {"a", "b"}});
  std::string head(GetParam().head);
  const std::string right = accept();
  if (const std::size_t at = head.find("{accept}"); at != std::string::npos) head.replace(at, 8, right);
  server().send(head);
  ASSERT_TRUE(closes());
  EXPECT_EQ(events, "error close:1006: ");
  EXPECT_EQ(error, GetParam().error);
  EXPECT_TRUE(world.run_until([&] { return server().closed(); }));
}

#define SWITCHING "HTTP/1.1 101 Switching Protocols\r\n"
INSTANTIATE_TEST_SUITE_P(
    Answers, WrongAnswerTest,
    ::testing::Values(
        WrongAnswer{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", errc::websocket_refused},
        WrongAnswer{"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", errc::websocket_refused},
        WrongAnswer{SWITCHING "Upgrade: other\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n",
                    errc::websocket_refused},
        WrongAnswer{SWITCHING "Upgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Accept: {accept}\r\n\r\n",
                    errc::websocket_refused},
        WrongAnswer{SWITCHING "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", errc::websocket_accept},
        WrongAnswer{SWITCHING "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
                    errc::websocket_accept},
        WrongAnswer{SWITCHING "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
                              "Sec-WebSocket-Protocol: c\r\n\r\n",
                    errc::websocket_protocol},
        WrongAnswer{SWITCHING "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
                              "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n\r\n",
                    errc::websocket_protocol},
        WrongAnswer{SWITCHING "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
                              "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
                    errc::websocket_extension}));
#undef SWITCHING

TEST_F(WebSocketTest, SaysThatNobodyIsThere) {
  socket = std::make_unique<WebSocket>(http, "ws://nobody.test/");
  socket->on_error([this](std::error_code why) {
    error = why;
    note("error");
  });
  socket->on_close([this](std::uint16_t code, std::string_view, bool) { note(std::to_string(code)); });
  EXPECT_EQ(events, "");
  ASSERT_TRUE(world.run_until([&] { return events == "error 1006 "; }));
  EXPECT_EQ(error, errc::name_not_found);
}

TEST_F(WebSocketTest, GivesUpWhereTheHandshakeTakesTooLong) {
  make({.handshake_timeout = 2s});
  test::TestPeer& peer = server();
  pass(1999ms);
  EXPECT_EQ(events, "");
  pass(2ms);  // the loop's wheel rounds up to milliseconds
  ASSERT_TRUE(closes());
  EXPECT_EQ(events, "error close:1006: ");
  EXPECT_EQ(error, errc::timed_out);
  EXPECT_TRUE(world.run_until([&] { return peer.closed(); }));
}

TEST_F(WebSocketTest, StaysOpenPastTheTimeOfTheHandshake) {
  opened({.handshake_timeout = 2s});
  pass(10min);
  EXPECT_EQ(events, "open ");
}

TEST_F(WebSocketTest, GoesOutThroughTheAgentThatIsNamed) {
  Agent agent(http);
  test::TestPeer& peer = [&]() -> test::TestPeer& {
    make({.agent = &agent});
    EXPECT_EQ(agent.total_sockets(), 1u);
    return server();
  }();
  peer.send(switching());
  ASSERT_TRUE(world.run_until([&] { return events == "open "; }));
  EXPECT_EQ(agent.total_sockets(), 0u);  // it has left HTTP
}

TEST_F(WebSocketTest, RefusesWhatIsNoWebSocketUrl) {
  for (const std::string_view wrong : {"http://a/", "wss://a/", "a", "ws://", "ws://a/#b", "ws://a/#"}) {
    try {
      WebSocket never(http, wrong);
      FAIL() << wrong;
    } catch (const http_error& why) {
      EXPECT_EQ(why.code(), errc::ERR_INVALID_URL) << wrong;
    }
  }
}

TEST_F(WebSocketTest, RefusesWhatIsNoListOfSubprotocols) {
  for (const std::vector<std::string_view>& wrong :
       std::vector<std::vector<std::string_view>>{{"a", "a"}, {""}, {"a b"}, {"a,b"}}) {
    try {
      WebSocket never(http, url(), {.protocols = wrong});
      FAIL() << wrong.front();
    } catch (const http_error& why) {
      EXPECT_EQ(why.code(), errc::ERR_INVALID_ARG_VALUE) << wrong.front();
    }
  }
  EXPECT_EQ(world.accepted(0), nullptr);
}

// ---- frames

TEST_F(WebSocketTest, SendsMaskedFrames) {
  ROWS("http.WebSocket.frames");
  test::TestPeer& peer = opened();
  socket->send("hi");
  ASSERT_TRUE(world.run_until([&] { return peer.received().size() == 8; }));
  const std::string first = peer.received();
  EXPECT_EQ(first.substr(0, 2), "\x81\x82");
  EXPECT_EQ(first[6] ^ first[2], 'h');
  EXPECT_EQ(first[7] ^ first[3], 'i');
  peer.forget_received();
  socket->send(as_bytes("hi"));
  ASSERT_TRUE(receives(peer, "82 82 hi|"));
  EXPECT_NE(peer.received().substr(2, 4), first.substr(2, 4)) << "the same mask again";
  peer.forget_received();
  socket->send("");
  ASSERT_TRUE(receives(peer, "81 80 |"));
}

TEST_F(WebSocketTest, SendsLongMessages) {
  ROWS("http.WebSocket.frames");
  test::TestPeer& peer = opened();
  std::string message;
  while (message.size() < 70'000) message += "line " + std::to_string(message.size()) + '\n';
  socket->send(message);
  EXPECT_EQ(socket->buffered_amount(), message.size());
  ASSERT_TRUE(world.run_until([&] { return peer.received().size() == 14 + message.size(); }));
  EXPECT_EQ(peer.received().substr(0, 6), "\x81\xff\0\0\0\0"s);
  wire::WebSocketReader reader(wire::WebSocketReader::Peer::client, 1 << 20);
  Bytes input = as_bytes(peer.received());
  Result<wire::WebSocketMessage> read = reader.next(input);
  ASSERT_TRUE(read);
  EXPECT_TRUE(as_text(read->payload) == message);
}

TEST_F(WebSocketTest, PutsFragmentsTogether) {
  ROWS("http.WebSocket.frames");
  test::TestPeer& peer = opened();
  peer.send("\x01\x03one"s + "\x89\x01!" + "\x00\x03two"s + "\x80\x05three" + "\x82\x02\x00\xff"s);
  ASSERT_TRUE(world.run_until([&] { return events == "open text:onetwothree binary:\x00\xff "s; }));
  EXPECT_TRUE(receives(peer, "8a 81 !|"));
}

TEST_F(WebSocketTest, AnswersPings) {
  ROWS("http.WebSocket.frames");
  test::TestPeer& peer = opened();
  peer.send("\x89\x01x");
  ASSERT_TRUE(receives(peer, "8a 81 x|"));
  peer.forget_received();
  peer.send("\x8a\x01y\x89\x00"s);  // a pong that nobody asked for needs no answer
  EXPECT_TRUE(receives(peer, "8a 80 |"));
}

TEST_F(WebSocketTest, AnswersTheNewestPingOfAPeerThatDoesNotRead) {
  test::TestPeer& peer = opened();
  peer.stop_reading();
  const std::vector<std::byte> much(16 << 20, std::byte{'m'});
  socket->send(much);
  world.settle();
  ASSERT_GT(socket->buffered_amount(), 64u * 1024);
  peer.send("\x89\x01" "a" "\x89\x01" "b");
  world.settle();
  peer.start_reading();
  ASSERT_TRUE(world.run_until([&] { return peer.received().size() >= 14 + much.size() + 7; }));
  EXPECT_EQ(unmasked(std::string_view(peer.received()).substr(14 + much.size())), "8a 81 b|");
}

TEST_F(WebSocketTest, ReadsWhatComesTogetherWithTheAnswer) {
  opened({}, "\x81\x05" "early");
  ASSERT_TRUE(world.run_until([&] { return events == "open text:early "; }));
}

struct WrongFrame {
  std::string_view bytes;
  WebSocketError error;
  std::string_view answer;
};
class WrongFrameTest : public WebSocketTest, public ::testing::WithParamInterface<WrongFrame> {};

TEST_P(WrongFrameTest, ClosesWithItsCode) {
  ROWS("http.WebSocket.frames");
  test::TestPeer& peer = opened({.message_bytes_max = 4});
  peer.send(std::string(GetParam().bytes) + "\x81\x01z");
  ASSERT_TRUE(receives(peer, GetParam().answer));
  ASSERT_TRUE(world.run_until([&] { return peer.closed(); }));
  EXPECT_EQ(socket->ready_state(), State::closing);
  peer.half_close();
  ASSERT_TRUE(closes());
  EXPECT_EQ(events, "open error close:1006: ");
  EXPECT_EQ(error, GetParam().error);
}

using namespace std::string_view_literals;
INSTANTIATE_TEST_SUITE_P(
    Frames, WrongFrameTest,
    ::testing::Values(WrongFrame{"\x81\x82\1\2\3\4hi", WebSocketError::frame_masked, "88 82 \x03\xea|"sv},
                      WrongFrame{"\x83\x01!"sv, WebSocketError::unknown_opcode, "88 82 \x03\xea|"sv},
                      WrongFrame{"\x81\x01\xff"sv, WebSocketError::invalid_utf8, "88 82 \x03\xef|"sv},
                      WrongFrame{"\x81\x05hello"sv, WebSocketError::message_too_long, "88 82 \x03\xf1|"sv},
                      WrongFrame{"\x88\x02\x03\xee"sv, WebSocketError::invalid_close_code, "88 82 \x03\xea|"sv}));

TEST_F(WebSocketTest, TakesAMessageAsLongAsTheLimit) {
  test::TestPeer& peer = opened({.message_bytes_max = 4});
  peer.send("\x81\x04" "four");
  EXPECT_TRUE(world.run_until([&] { return events == "open text:four "; }));
}

// ---- the end

TEST_F(WebSocketTest, ClosesWithTheCodeAndReasonOfTheProgram) {
  ROWS("http.WebSocket.close");
  test::TestPeer& peer = opened();
  EXPECT_EQ(socket->ready_state(), State::open);
  socket->close(3001, "bye");
  EXPECT_EQ(socket->ready_state(), State::closing);
  socket->close(4000, "again");
  ASSERT_TRUE(receives(peer, "88 85 \x0b\xb9" "bye|"));
  peer.send("\x88\x05\x0b\xb9" "bye");
  world.settle();
  EXPECT_EQ(events, "open ") << "the server has not closed the connection yet";
  EXPECT_FALSE(peer.closed());
  peer.half_close();
  ASSERT_TRUE(closes());
  EXPECT_EQ(events, "open close:3001:bye:clean ");
  EXPECT_TRUE(world.run_until([&] { return peer.closed() && !peer.error(); }));
  EXPECT_EQ(unmasked(peer.received()), "88 85 \x0b\xb9" "bye|");
}

TEST_F(WebSocketTest, ClosesWithoutACode) {
  ROWS("http.WebSocket.close");
  test::TestPeer& peer = opened();
  socket->close();
  ASSERT_TRUE(receives(peer, "88 80 |"));
  peer.send("\x88\x00"s);
  peer.half_close();
  ASSERT_TRUE(closes());
  EXPECT_EQ(events, "open close:1005::clean ");
}

TEST_F(WebSocketTest, ClosesWithAReasonAlone) {
  test::TestPeer& peer = opened();
  socket->close({}, "why");
  EXPECT_TRUE(receives(peer, "88 85 \x03\xe8why|"));
}

TEST_F(WebSocketTest, AnswersTheServersClose) {
  ROWS("http.WebSocket.close");
  test::TestPeer& peer = opened();
  peer.send("\x88\x06\x03\xe9" "done" "\x81\x04late");
  ASSERT_TRUE(receives(peer, "88 82 \x03\xe9|"));
  EXPECT_EQ(socket->ready_state(), State::closing);
  peer.half_close();
  ASSERT_TRUE(closes());
  EXPECT_EQ(events, "open close:1001:done:clean ");
}

TEST_F(WebSocketTest, AnswersACloseWithoutACode) {
  test::TestPeer& peer = opened();
  peer.send("\x88\x00"s);
  ASSERT_TRUE(receives(peer, "88 80 |"));
  peer.half_close();
  ASSERT_TRUE(closes());
  EXPECT_EQ(events, "open close:1005::clean ");
}

TEST_F(WebSocketTest, HearsOfAnEndWithoutClose) {
  ROWS("http.WebSocket.close");
  test::TestPeer& peer = opened();
  peer.half_close();
  ASSERT_TRUE(closes());
  EXPECT_EQ(events, "open close:1006: ");
  EXPECT_TRUE(world.run_until([&] { return peer.closed(); }));
  EXPECT_EQ(peer.received(), "");
}

TEST_F(WebSocketTest, HearsWhatBrokeTheConnection) {
  test::TestPeer& peer = opened();
  peer.reset();
  ASSERT_TRUE(closes());
  EXPECT_EQ(events, "open error close:1006: ");
  EXPECT_EQ(error, std::errc::connection_reset);
}

TEST_F(WebSocketTest, IsNotCleanWhereThePeerEndsInPlaceOfItsClose) {
  test::TestPeer& peer = opened();
  socket->close(3001, "bye");
  peer.half_close();
  ASSERT_TRUE(closes());
  EXPECT_EQ(events, "open close:1006: ");
}

TEST_F(WebSocketTest, DoesNotWaitForEverForThePeersClose) {
  test::TestPeer& peer = opened({.close_timeout = 3s});
  socket->close();
  world.settle();
  pass(2999ms);
  EXPECT_FALSE(is_closed);
  pass(2ms);  // the loop's wheel rounds up to milliseconds
  ASSERT_TRUE(closes());
  EXPECT_EQ(events, "open close:1006: ");
  EXPECT_TRUE(world.run_until([&] { return peer.closed(); }));
}

TEST_F(WebSocketTest, DoesNotWaitForEverForTheConnectionToEnd) {
  test::TestPeer& peer = opened({.close_timeout = 3s});
  peer.send("\x88\x02\x03\xe8");
  world.settle();
  EXPECT_FALSE(is_closed);
  pass(3001ms);
  ASSERT_TRUE(closes());
  EXPECT_EQ(events, "open close:1000::clean ");
}

TEST_F(WebSocketTest, HearsOfNoMessagesWhileItCloses) {
  test::TestPeer& peer = opened();
  socket->close();
  peer.send("\x81\x01" "a" "\x89\x01" "p" "\x88\x00"s);
  peer.half_close();
  ASSERT_TRUE(closes());
  EXPECT_EQ(events, "open close:1005::clean ");
  EXPECT_EQ(unmasked(peer.received()), "88 80 |8a 81 p|");
}

TEST_F(WebSocketTest, MayCloseBeforeItIsOpen) {
  ROWS("http.WebSocket.close");
  WebSocket& chat = make();
  chat.close();
  EXPECT_EQ(chat.ready_state(), State::closing);
  EXPECT_EQ(events, "");
  ASSERT_TRUE(closes());
  EXPECT_EQ(events, "error close:1006: ");
  EXPECT_EQ(error, errc::ABORT_ERR);
}

TEST_F(WebSocketTest, ClosesOnlyAsAProgramMay) {
  ROWS("http.WebSocket.close");
  test::TestPeer& peer = opened();
  for (const std::uint16_t wrong : std::initializer_list<std::uint16_t>{0, 999, 1001, 1005, 2999, 5000}) {
    try {
      socket->close(wrong);
      FAIL() << wrong;
    } catch (const http_error& why) {
      EXPECT_EQ(why.code(), errc::ERR_OUT_OF_RANGE) << wrong;
    }
  }
  for (const std::string& wrong : {std::string(124, 'r'), "\xff"s}) {
    try {
      socket->close(1000, wrong);
      FAIL() << wrong;
    } catch (const http_error& why) {
      EXPECT_EQ(why.code(), errc::ERR_INVALID_ARG_VALUE) << wrong;
    }
  }
  EXPECT_EQ(socket->ready_state(), State::open);
  socket->close(4999, std::string(123, 'r'));
  EXPECT_TRUE(receives(peer, "88 fd \x13\x87" + std::string(123, 'r') + '|'));
}

// ---- attributes

TEST_F(WebSocketTest, HasItsAttributesFromTheBeginning) {
  ROWS("http.WebSocket.attributes");
  WebSocket& chat = make();
  EXPECT_EQ(chat.url(), url());
  EXPECT_EQ(chat.ready_state(), State::connecting);
  EXPECT_EQ(chat.buffered_amount(), 0u);
  EXPECT_EQ(chat.binary_type(), "bytes");
  EXPECT_EQ(chat.protocol(), "");
  EXPECT_EQ(chat.extensions(), "");
  try {
    chat.send("too early");
    FAIL();
  } catch (const http_error& why) {
    EXPECT_EQ(why.code(), errc::ERR_INVALID_STATE);
  }
  EXPECT_THAT(server().received(), ::testing::EndsWith("\r\n\r\n"));
}

TEST_F(WebSocketTest, CountsWhatWaits) {
  ROWS("http.WebSocket.attributes");
  test::TestPeer& peer = opened();
  socket->send("hi");
  socket->send("ho!");
  EXPECT_EQ(socket->buffered_amount(), 5u);
  ASSERT_TRUE(receives(peer, "81 82 hi|81 83 ho!|"));
  EXPECT_EQ(socket->buffered_amount(), 0u);
  socket->close();
  socket->send("too late");
  world.settle();
  EXPECT_EQ(socket->buffered_amount(), 8u);
  EXPECT_EQ(unmasked(peer.received()), "81 82 hi|81 83 ho!|88 80 |");
}

TEST_F(WebSocketTest, SendsNoTextThatIsNotUtf8) {
  test::TestPeer& peer = opened();
  for (const std::string_view wrong : {"\xff", "\xc3"}) {
    try {
      socket->send(wrong);
      FAIL() << wrong;
    } catch (const http_error& why) {
      EXPECT_EQ(why.code(), errc::ERR_INVALID_ARG_VALUE);
    }
  }
  world.settle();
  EXPECT_EQ(peer.received(), "");
}

// ---- its life

TEST_F(WebSocketTest, MayGoBeforeItIsOpen) {
  make();
  test::TestPeer& peer = server();
  socket.reset();
  ASSERT_TRUE(world.run_until([&] { return peer.closed(); }));
  make();
  socket.reset();
  world.settle();
  EXPECT_EQ(events, "");
  EXPECT_FALSE(http.loop().referenced());
}

TEST_F(WebSocketTest, MayGoWhileItIsOpen) {
  test::TestPeer& peer = opened();
  EXPECT_TRUE(http.loop().referenced());
  socket.reset();
  ASSERT_TRUE(world.run_until([&] { return peer.closed(); }));
  world.settle();
  EXPECT_EQ(events, "open ");
  EXPECT_FALSE(http.loop().referenced());
}

TEST_F(WebSocketTest, MayBeRetiredInItsOwnEvents) {
  test::TestPeer& peer = opened();
  socket->on_message([&](Bytes, bool) { http.loop().retire(std::move(socket)); });
  peer.send("\x81\x01" "a");
  ASSERT_TRUE(world.run_until([&] { return peer.closed(); }));
  EXPECT_EQ(socket, nullptr);
}

}  // namespace
}  // namespace culvert
