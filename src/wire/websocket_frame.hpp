// WebSocket frames (RFC 6455 section 5), for both ends: the writer of one frame, and the reader that makes messages of
// whatever pieces the bytes arrive in.
//
//   for (Bytes input = read(); !input.empty();) {
//     Result<WebSocketMessage> message = reader.next(input);
//     if (!message) return send_close(close_code_for(message.error()));
//     if (message->kind != WebSocketMessage::Kind::none) handle(*message);
//   }
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/utf8.hpp"
#include "culvert/bytes.hpp"
#include "culvert/error.hpp"
#include "wire/websocket_error.hpp"

namespace culvert::wire {

enum class WebSocketOpcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

using MaskKey = std::array<std::byte, 4>;

// Masks or unmasks, which is the same: `from` is the payload from `offset` on. `to` may be where `from` is, or apart.
void apply_mask(Bytes from, std::byte* to, MaskKey key, std::uint64_t offset = 0);

// ---- writing

struct FrameHead {
  WebSocketOpcode opcode = WebSocketOpcode::binary;
  bool is_last = true;  // of its message
  std::uint64_t payload_bytes = 0;
  std::optional<MaskKey> mask;  // what clients must have and servers must not; the payload is the caller's to mask
};

// Writes at most frame_head_bytes_max bytes at `out` and returns how many.
inline constexpr std::size_t frame_head_bytes_max = 14;
std::size_t write_frame_head(std::byte* out, const FrameHead& head);

inline constexpr std::size_t control_payload_bytes_max = 125;
inline constexpr std::size_t close_reason_bytes_max = control_payload_bytes_max - 2;
// Writes the payload of a close frame at `out`, at most control_payload_bytes_max bytes, and returns how many.
std::size_t write_close_payload(std::byte* out, std::uint16_t code, std::string_view reason);
// Whether a close frame may have it. 1005, 1006 and 1015 are only what an end says to its own user (RFC 6455 7.4).
bool is_close_code(std::uint16_t code);
inline constexpr std::uint16_t no_close_code = 1005;

// ---- reading

struct WebSocketMessage {
  enum class Kind : std::uint8_t { none, text, binary, close, ping, pong };

  Kind kind = Kind::none;        // none: the message goes on in bytes that have not arrived yet
  Bytes payload;                 // of close: its reason. Valid until the next call of next(), and while its input is
  std::uint16_t close_code = 0;  // of close; no_close_code where the frame has none
};

class WebSocketReader {
 public:
  enum class Peer : std::uint8_t { client, server };  // who sends: a client masks all frames, a server none

  // A message of more than `message_bytes_max` bytes, in however many frames, is refused by its heads alone.
  WebSocketReader(Peer peer, std::uint64_t message_bytes_max);

  // Reads up to the end of the next message or control frame, and takes what it has read off `input`: all of it where
  // that end has not arrived. A server's message that stands as a whole in `input` is seen there, everything else is
  // copied. After an error, and after a close frame, nothing that the peer sends means anything: call it no more.
  Result<WebSocketMessage> next(Bytes& input);

 private:
  // head -> payload -> head ...
  enum class Phase : std::uint8_t { head, payload };
  struct Frame {
    WebSocketOpcode opcode = WebSocketOpcode::continuation;
    bool is_last = false;
    MaskKey mask{};
    std::uint64_t payload_bytes = 0;
    std::uint64_t seen_bytes = 0;
  };

  bool take_head(Bytes& input);
  std::size_t head_bytes_wanted() const;
  std::error_code begin_frame();
  std::error_code parse_length_and_mask();
  std::error_code begin_control();
  std::error_code begin_data();
  Bytes take_payload(Bytes& input);
  Result<WebSocketMessage> read_control(Bytes piece);
  Result<WebSocketMessage> read_close() const;
  Result<WebSocketMessage> read_data(Bytes piece);
  bool is_control() const;
  bool ends_frame() const { return frame_.seen_bytes == frame_.payload_bytes; }

  const Peer peer_;
  Phase phase_ = Phase::head;
  std::uint8_t head_bytes_ = 0;
  std::uint8_t control_bytes_ = 0;
  WebSocketMessage::Kind data_kind_ = WebSocketMessage::Kind::none;  // of the message whose fragments are arriving
  Utf8Check utf8_;  // of text; complete at the end of each
  std::array<std::byte, frame_head_bytes_max> head_;
  std::array<std::byte, control_payload_bytes_max> control_;
  Frame frame_;
  const std::uint64_t message_bytes_max_;
  std::vector<std::byte> message_;  // what had to be copied of it; keeps its memory for the next one
};

}  // namespace culvert::wire
