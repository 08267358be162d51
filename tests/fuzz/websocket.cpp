// If this fails, WebSocket frames read differently in other pieces, or what culvert writes is not what it reads.
#include <string>
#include <vector>

#include "fuzz/target.hpp"
#include "wire/websocket_frame.hpp"

namespace culvert::fuzz {
namespace {

using Kind = wire::WebSocketMessage::Kind;
using Peer = wire::WebSocketReader::Peer;

constexpr std::uint64_t message_bytes_max = 300;

template <class NextSize>
std::string read(Peer peer, std::string_view bytes, const NextSize& next_size) {
  wire::WebSocketReader reader(peer, message_bytes_max);
  std::string log;
  while (!bytes.empty()) {
    const std::string piece(bytes.substr(0, next_size()));
    bytes.remove_prefix(piece.size());
    for (Bytes input = as_bytes(piece); !input.empty();) {
      Result<wire::WebSocketMessage> message = reader.next(input);
      if (!message) return log + "error " + message.error().message();
      if (message->kind == Kind::none) continue;
      EXPECT_LE(message->payload.size(), message_bytes_max);
      log += std::to_string(static_cast<int>(message->kind)) + ' ' + std::string(as_text(message->payload)) + '\n';
      if (message->kind == Kind::close) return log + std::to_string(message->close_code);
    }
  }
  return log;
}

void write_and_read(std::string_view payload) {
  payload = payload.substr(0, message_bytes_max);
  const wire::MaskKey key{std::byte{1}, std::byte{0xfe}, std::byte{0x37}, std::byte{0}};
  std::vector<std::byte> frame(wire::frame_head_bytes_max + payload.size());
  const std::size_t head = wire::write_frame_head(
      frame.data(), {.opcode = wire::WebSocketOpcode::binary, .is_last = true, .payload_bytes = payload.size(), .mask = key});
  wire::apply_mask(as_bytes(payload), frame.data() + head, key);
  const std::string_view text = as_text(Bytes(frame.data(), head + payload.size()));
  const std::string expected = std::to_string(static_cast<int>(Kind::binary)) + ' ' + std::string(payload) + '\n';
  EXPECT_EQ(read(Peer::client, text, [&] { return text.size(); }), expected);
}

}  // namespace

void run(std::string_view input) {
  Choices choices(input);
  for (const Peer peer : {Peer::client, Peer::server}) {
    const std::string whole = read(peer, input, [&] { return input.size(); });
    EXPECT_EQ(read(peer, input, [] { return std::size_t{1}; }), whole) << "byte by byte";
    EXPECT_EQ(read(peer, input, [&] { return choices.next(12) + 1; }), whole) << "in pieces";
  }
  write_and_read(input);
}

}  // namespace culvert::fuzz
