// What would break: WebSocket messages would arrive mangled, cut or never, or a peer could send what no peer may.
#include "wire/websocket_frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace culvert::wire {
namespace {

using namespace std::string_literals;
using Kind = WebSocketMessage::Kind;
using Opcode = WebSocketOpcode;
using Peer = WebSocketReader::Peer;

constexpr std::uint64_t no_limit = UINT64_MAX;
constexpr MaskKey rfc_key{std::byte{0x37}, std::byte{0xfa}, std::byte{0x21}, std::byte{0x3d}};

// "81 05 48" as bytes.
std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 3) {
    bytes += static_cast<char>(std::strtoul(std::string(hex.substr(i, 2)).c_str(), nullptr, 16));
  }
  return bytes;
}

std::string written(const FrameHead& head) {
  std::byte out[frame_head_bytes_max];
  return std::string(as_text(Bytes(out, write_frame_head(out, head))));
}

// A whole frame; masked, if it comes from a client.
std::string frame(Peer peer, Opcode opcode, std::string payload, bool is_last = true) {
  FrameHead head{.opcode = opcode, .is_last = is_last, .payload_bytes = payload.size()};
  if (peer == Peer::client) {
    head.mask = rfc_key;
    apply_mask(as_bytes(payload), reinterpret_cast<std::byte*>(payload.data()), rfc_key);
  }
  return written(head) + payload;
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  std::byte out[control_payload_bytes_max];
  return std::string(as_text(Bytes(out, write_close_payload(out, code, reason))));
}

std::string shown(const WebSocketMessage& message) {
  const std::string payload(as_text(message.payload));
  switch (message.kind) {
    case Kind::none: break;
    case Kind::text: return "text " + payload + "|";
    case Kind::binary: return "binary " + payload + "|";
    case Kind::close: return "close " + std::to_string(message.close_code) + " " + payload + "|";
    case Kind::ping: return "ping " + payload + "|";
    case Kind::pong: return "pong " + payload + "|";
  }
  return "";
}

// What `reader` makes of `bytes`, which live no longer than their turn. False after an error, which is shown last.
bool read(WebSocketReader& reader, std::string_view bytes, std::string& transcript) {
  const std::vector<std::byte> own(as_bytes(bytes).begin(), as_bytes(bytes).end());
  for (Bytes input = own; !input.empty();) {
    Result<WebSocketMessage> message = reader.next(input);
    if (!message) {
      EXPECT_EQ(message.error().category(), websocket_category());
      transcript += name_of(static_cast<WebSocketError>(message.error().value()));
      return false;
    }
    EXPECT_TRUE(message->kind != Kind::none || input.empty());
    transcript += shown(*message);
    if (message->kind == Kind::close) return false;
  }
  return true;
}

std::string transcript_of(Peer peer, const std::vector<std::string>& pieces, std::uint64_t limit = no_limit) {
  WebSocketReader reader(peer, limit);
  std::string transcript;
  for (const std::string& piece : pieces) {
    if (!read(reader, piece, transcript)) break;
  }
  return transcript;
}

// The same whole, in two pieces cut anywhere, and byte by byte.
std::string transcript_of(Peer peer, const std::string& bytes, std::uint64_t limit = no_limit) {
  const std::string whole = transcript_of(peer, std::vector{bytes}, limit);
  std::vector<std::string> single;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    single.push_back(bytes.substr(i, 1));
    EXPECT_EQ(transcript_of(peer, {bytes.substr(0, i), bytes.substr(i)}, limit), whole) << "cut at " << i;
  }
  EXPECT_EQ(transcript_of(peer, single, limit), whole) << "byte by byte";
  return whole;
}

// ---- writing

TEST(WebSocketMask, TurnsWithTheOffset) {
  const std::string text = "The quick brown fox jumps over the lazy dog, again and again.";
  for (std::size_t offset = 0; offset < 9; ++offset) {
    for (std::size_t size = 0; size < 40; ++size) {
      std::string wanted = text.substr(0, size);
      for (std::size_t i = 0; i < size; ++i) {
        wanted[i] = static_cast<char>(static_cast<std::byte>(wanted[i]) ^ rfc_key[(offset + i) % 4]);
      }
      std::string apart(size, '\0');
      apply_mask(as_bytes(text).first(size), reinterpret_cast<std::byte*>(apart.data()), rfc_key, offset);
      ASSERT_EQ(apart, wanted) << offset << ", " << size;
      std::string in_place = text.substr(0, size);
      apply_mask(as_bytes(in_place), reinterpret_cast<std::byte*>(in_place.data()), rfc_key, offset);
      ASSERT_EQ(in_place, wanted) << offset << ", " << size;
    }
  }
}

TEST(WebSocketWriter, WritesTheExamplesOfTheRfc) {  // section 5.7
  EXPECT_EQ(frame(Peer::server, Opcode::text, "Hello"), from_hex("81 05 48 65 6c 6c 6f"));
  EXPECT_EQ(frame(Peer::client, Opcode::text, "Hello"), from_hex("81 85 37 fa 21 3d 7f 9f 4d 51 58"));
  EXPECT_EQ(frame(Peer::server, Opcode::text, "Hel", false), from_hex("01 03 48 65 6c"));
  EXPECT_EQ(frame(Peer::server, Opcode::continuation, "lo"), from_hex("80 02 6c 6f"));
  EXPECT_EQ(frame(Peer::server, Opcode::ping, "Hello"), from_hex("89 05 48 65 6c 6c 6f"));
  EXPECT_EQ(frame(Peer::client, Opcode::pong, "Hello"), from_hex("8a 85 37 fa 21 3d 7f 9f 4d 51 58"));
  EXPECT_EQ(written({.payload_bytes = 256}), from_hex("82 7e 01 00"));
  EXPECT_EQ(written({.payload_bytes = 65536}), from_hex("82 7f 00 00 00 00 00 01 00 00"));
}

TEST(WebSocketWriter, UsesTheShortestLength) {
  EXPECT_EQ(written({.payload_bytes = 0}), from_hex("82 00"));
  EXPECT_EQ(written({.payload_bytes = 125}), from_hex("82 7d"));
  EXPECT_EQ(written({.payload_bytes = 126}), from_hex("82 7e 00 7e"));
  EXPECT_EQ(written({.payload_bytes = 65535}), from_hex("82 7e ff ff"));
  EXPECT_EQ(written({.payload_bytes = 0x7fffffffffffffff, .mask = rfc_key}),
            from_hex("82 ff 7f ff ff ff ff ff ff ff 37 fa 21 3d"));
}

TEST(WebSocketWriter, WritesCloseCodesBeforeTheReason) {
  EXPECT_EQ(close_payload(1000, ""), from_hex("03 e8"));
  EXPECT_EQ(close_payload(3001, "bye"), from_hex("0b b9 62 79 65"));
  EXPECT_EQ(close_payload(4999, std::string(close_reason_bytes_max, 'r')).size(), control_payload_bytes_max);
}

// ---- reading

TEST(WebSocketReader, ReadsTheExamplesOfTheRfc) {  // section 5.7
  EXPECT_EQ(transcript_of(Peer::server, from_hex("81 05 48 65 6c 6c 6f")), "text Hello|");
  EXPECT_EQ(transcript_of(Peer::client, from_hex("81 85 37 fa 21 3d 7f 9f 4d 51 58")), "text Hello|");
  EXPECT_EQ(transcript_of(Peer::server, from_hex("01 03 48 65 6c 80 02 6c 6f")), "text Hello|");
  EXPECT_EQ(transcript_of(Peer::server, from_hex("89 05 48 65 6c 6c 6f")), "ping Hello|");
  EXPECT_EQ(transcript_of(Peer::client, from_hex("8a 85 37 fa 21 3d 7f 9f 4d 51 58")), "pong Hello|");
}

TEST(WebSocketReader, ReadsLengthsOfEverySize) {
  for (const Peer peer : {Peer::client, Peer::server}) {
    for (const std::size_t size : {0, 1, 125, 126, 127, 255, 256}) {
      const std::string payload(size, 'p');
      EXPECT_EQ(transcript_of(peer, frame(peer, Opcode::binary, payload)), "binary " + payload + "|");
    }
    for (const std::size_t size : {65535, 65536, 65537}) {
      const std::string payload(size, 'p');
      EXPECT_EQ(transcript_of(peer, std::vector{frame(peer, Opcode::text, payload)}), "text " + payload + "|");
    }
  }
}

TEST(WebSocketReader, PutsFragmentsTogetherAroundControlFrames) {
  for (const Peer peer : {Peer::client, Peer::server}) {
    const std::string bytes = frame(peer, Opcode::text, "a", false) + frame(peer, Opcode::ping, "1") +
                              frame(peer, Opcode::continuation, "", false) + frame(peer, Opcode::pong, "") +
                              frame(peer, Opcode::continuation, "bcdefghijklmno", false) +
                              frame(peer, Opcode::ping, std::string(125, '2')) +
                              frame(peer, Opcode::continuation, "p") + frame(peer, Opcode::binary, "", false) +
                              frame(peer, Opcode::continuation, "") + frame(peer, Opcode::text, "") +
                              frame(peer, Opcode::close, "");
    EXPECT_EQ(transcript_of(peer, bytes), "ping 1|pong |ping " + std::string(125, '2') +
                                              "|text abcdefghijklmnop|binary |text |close 1005 |");
  }
}

TEST(WebSocketReader, LooksAtAServersWholeMessageWhereItStands) {
  WebSocketReader reader(Peer::server, no_limit);
  const std::string bytes = frame(Peer::server, Opcode::text, "one") + frame(Peer::server, Opcode::binary, "two");
  Bytes input = as_bytes(bytes);
  EXPECT_EQ(reader.next(input)->payload.data(), as_bytes(bytes).data() + 2);
  EXPECT_EQ(reader.next(input)->payload.data(), as_bytes(bytes).data() + 7);
}

TEST(WebSocketReader, StopsBehindACloseFrame) {
  WebSocketReader reader(Peer::server, no_limit);
  const std::string bytes = frame(Peer::server, Opcode::close, close_payload(1001, "away")) + "\xff\xff";
  Bytes input = as_bytes(bytes);
  Result<WebSocketMessage> message = reader.next(input);
  ASSERT_TRUE(message);
  EXPECT_EQ(shown(*message), "close 1001 away|");
  EXPECT_EQ(as_text(input), "\xff\xff");
}

struct Violation {
  Peer peer;
  std::string_view hex;
  std::string_view error;
};
constexpr Violation violations[] = {
    {Peer::server, "c1 00", "reserved_bits"},
    {Peer::server, "a1 00", "reserved_bits"},
    {Peer::server, "91 00", "reserved_bits"},
    {Peer::client, "f0 80 00 00 00 00", "reserved_bits"},
    {Peer::server, "83 00", "unknown_opcode"},
    {Peer::server, "87 00", "unknown_opcode"},
    {Peer::server, "8b 00", "unknown_opcode"},
    {Peer::server, "8f 00", "unknown_opcode"},
    {Peer::server, "81 80 00 00 00 00", "frame_masked"},
    {Peer::server, "8a 81 00 00 00 00 70", "frame_masked"},
    {Peer::client, "81 00", "frame_not_masked"},
    {Peer::client, "88 02 03 e8", "frame_not_masked"},
    {Peer::server, "09 00", "control_fragmented"},
    {Peer::server, "08 00", "control_fragmented"},
    {Peer::server, "89 7e 00 7e", "control_too_long"},
    {Peer::client, "88 ff 00 00 00 00 00 01 00 00 00 00 00 00", "control_too_long"},
    {Peer::server, "82 7e 00 7d", "length_not_minimal"},
    {Peer::server, "82 7e 00 00", "length_not_minimal"},
    {Peer::server, "89 7e 00 01", "length_not_minimal"},
    {Peer::server, "82 7f 00 00 00 00 00 00 ff ff", "length_not_minimal"},
    {Peer::client, "82 ff 00 00 00 00 00 00 00 7d 00 00 00 00", "length_not_minimal"},
    {Peer::server, "82 7f 80 00 00 00 00 00 00 00", "length_out_of_range"},
    {Peer::server, "82 7f ff ff ff ff ff ff ff ff", "length_out_of_range"},
    {Peer::server, "80 00", "nothing_to_continue"},
    {Peer::server, "00 01 61", "nothing_to_continue"},
    {Peer::server, "81 00 80 00", "text |nothing_to_continue"},
    {Peer::server, "01 00 80 00 80 00", "text |nothing_to_continue"},
    {Peer::server, "01 00 89 00 81 00", "ping |message_not_finished"},
    {Peer::server, "02 01 61 00 01 62 02 00", "message_not_finished"},
    {Peer::server, "88 01 03", "close_too_short"},
    {Peer::server, "88 02 03 e7", "invalid_close_code"},
    {Peer::server, "88 04 03 ed ff ff", "invalid_close_code"},
    {Peer::server, "88 04 03 e8 c3 28", "invalid_utf8"},
    {Peer::server, "88 03 03 e8 c3", "invalid_utf8"},
    {Peer::client, "88 84 01 02 03 04 02 ea c0 2c", "invalid_utf8"},
};

TEST(WebSocketReader, RefusesWhatNoPeerMaySend) {
  for (const auto& [peer, hex, error] : violations) EXPECT_EQ(transcript_of(peer, from_hex(hex)), error) << hex;
}

TEST(WebSocketReader, JudgesAHeadBeforeItsPayloadArrives) {
  EXPECT_EQ(transcript_of(Peer::server, from_hex("80 05")), "nothing_to_continue");
  EXPECT_EQ(transcript_of(Peer::server, from_hex("82 7f 7f ff ff ff ff ff ff ff"), 1 << 20), "message_too_long");
}

TEST(WebSocketReader, KnowsTheCodesThatACloseFrameMayHave) {
  for (std::uint32_t number = 0; number <= UINT16_MAX; ++number) {
    const auto code = static_cast<std::uint16_t>(number);
    const bool is_assigned = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
    const bool is_free = code >= 3000 && code <= 4999;
    ASSERT_EQ(is_close_code(code), is_assigned || is_free) << code;
    const std::string payload{static_cast<char>(code >> 8), static_cast<char>(code)};
    ASSERT_EQ(transcript_of(Peer::server, std::vector{frame(Peer::server, Opcode::close, payload)}),
              is_close_code(code) ? "close " + std::to_string(code) + " |" : "invalid_close_code");
  }
}

TEST(WebSocketReader, LimitsAMessageHoweverItIsFragmented) {
  for (const Peer peer : {Peer::client, Peer::server}) {
    EXPECT_EQ(transcript_of(peer, frame(peer, Opcode::text, "12345"), 5), "text 12345|");
    EXPECT_EQ(transcript_of(peer, frame(peer, Opcode::text, "123456"), 5), "message_too_long");
    const std::string begin = frame(peer, Opcode::binary, "123", false);
    EXPECT_EQ(transcript_of(peer, begin + frame(peer, Opcode::continuation, "45"), 5), "binary 12345|");
    EXPECT_EQ(transcript_of(peer, begin + frame(peer, Opcode::continuation, "456"), 5), "message_too_long");
    EXPECT_EQ(transcript_of(peer, begin + frame(peer, Opcode::continuation, "45", false) +
                                      frame(peer, Opcode::continuation, "6"), 5),
              "message_too_long");
    EXPECT_EQ(transcript_of(peer, frame(peer, Opcode::text, ""), 0), "text |");
    EXPECT_EQ(transcript_of(peer, frame(peer, Opcode::text, "1"), 0), "message_too_long");
    EXPECT_EQ(transcript_of(peer, frame(peer, Opcode::text, "12345") + frame(peer, Opcode::text, "12345"), 5),
              "text 12345|text 12345|") << "each message has the limit to itself";
    EXPECT_EQ(transcript_of(peer, frame(peer, Opcode::ping, "123456"), 5), "ping 123456|") << "no part of a message";
  }
}

TEST(WebSocketReader, TextMayBeCutWithinACharacter) {
  const std::string text = "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
  for (const Peer peer : {Peer::client, Peer::server}) {
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      EXPECT_EQ(transcript_of(peer, frame(peer, Opcode::text, text.substr(0, cut), false) +
                                        frame(peer, Opcode::ping, "\xff") +
                                        frame(peer, Opcode::continuation, text.substr(cut))),
                "ping \xff|text " + text + "|");
    }
  }
}

TEST(WebSocketReader, TextIsUtf8) {
  for (const Peer peer : {Peer::client, Peer::server}) {
    const std::string begin = frame(peer, Opcode::text, "ok \xe2", false);
    EXPECT_EQ(transcript_of(peer, frame(peer, Opcode::text, "a\xff")), "invalid_utf8");
    EXPECT_EQ(transcript_of(peer, frame(peer, Opcode::text, "a\xe2\x82")), "invalid_utf8") << "ends within a character";
    EXPECT_EQ(transcript_of(peer, begin + frame(peer, Opcode::continuation, "")), "invalid_utf8");
    EXPECT_EQ(transcript_of(peer, begin + frame(peer, Opcode::continuation, "\x82!", false)), "invalid_utf8");
    const std::string end = frame(peer, Opcode::continuation, "\x82\xac");
    EXPECT_EQ(transcript_of(peer, begin + end + frame(peer, Opcode::text, "!")), "text ok \xe2\x82\xac|text !|");
    EXPECT_EQ(transcript_of(peer, frame(peer, Opcode::binary, "\xff\xe2")), "binary \xff\xe2|") << "binary is anything";
  }
}

TEST(WebSocketReader, GivesUpAtTheFirstByteThatIsNoText) {
  for (const Peer peer : {Peer::client, Peer::server}) {
    std::string bytes = frame(peer, Opcode::text, "abc\xff" + std::string(100, 'd'));
    bytes.resize(bytes.size() - 100);
    EXPECT_EQ(transcript_of(peer, bytes), "invalid_utf8");
  }
}

// ---- chance, from a seed

class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }
  std::string bytes(std::size_t size) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(below(256));
    return text;
  }
  std::vector<std::string> cut(std::string_view bytes) {
    std::vector<std::string> pieces;
    while (!bytes.empty()) {
      pieces.emplace_back(bytes.substr(0, 1 + below(below(4) == 0 ? 300 : 9)));
      bytes.remove_prefix(pieces.back().size());
    }
    return pieces;
  }

 private:
  std::mt19937 random_;
};

// A message in one to four frames with pings between them.
void append_message(Chance& chance, Peer peer, std::string& bytes, std::string& wanted) {
  const bool is_text = chance.below(2) == 0;
  const std::string payload = is_text ? std::string(chance.below(200), 't') : chance.bytes(chance.below(200));
  Opcode opcode = is_text ? Opcode::text : Opcode::binary;
  std::string_view rest = payload;
  for (std::size_t frames = 1 + chance.below(4); frames > 0; --frames) {
    const std::string_view part = rest.substr(0, frames == 1 ? rest.size() : chance.below(rest.size() + 1));
    rest.remove_prefix(part.size());
    bytes += frame(peer, opcode, std::string(part), frames == 1);
    opcode = Opcode::continuation;
    if (frames > 1 && chance.below(3) == 0) {
      const std::string ping = chance.bytes(chance.below(126));
      bytes += frame(peer, Opcode::ping, ping);
      wanted += "ping " + ping + "|";
    }
  }
  wanted += (is_text ? "text " : "binary ") + payload + "|";
}

TEST(WebSocketReader, ReadsWhatTheWriterWritesHoweverItIsCut) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Chance chance(seed);
    const Peer peer = seed % 2 == 0 ? Peer::client : Peer::server;
    std::string bytes;
    std::string wanted;
    for (std::size_t i = 0; i < 5; ++i) append_message(chance, peer, bytes, wanted);
    ASSERT_EQ(transcript_of(peer, chance.cut(bytes)), wanted) << "seed " << seed;
  }
}

TEST(WebSocketReader, MakesTheSameOfGarbageHoweverItIsCut) {
  std::size_t messages = 0;
  std::size_t errors = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    Chance chance(seed);
    const Peer peer = seed % 2 == 0 ? Peer::client : Peer::server;
    std::string bytes;
    std::string unused;
    for (std::size_t i = 0; i < 3; ++i) append_message(chance, peer, bytes, unused);
    const std::size_t spoilt = std::min<std::size_t>(bytes.size(), 60);
    for (std::size_t i = 0; i < 3; ++i) bytes[chance.below(spoilt)] = chance.bytes(1)[0];
    const std::string whole = transcript_of(peer, std::vector{bytes}, 400);
    ASSERT_EQ(transcript_of(peer, chance.cut(bytes), 400), whole) << "seed " << seed;
    if (whole.ends_with('|')) ++messages;
    if (!whole.empty() && !whole.ends_with('|')) ++errors;
  }
  EXPECT_GT(messages, 100u) << "garbage that is always refused at once proves little";
  EXPECT_GT(errors, 100u);
}

}  // namespace
}  // namespace culvert::wire
