#include "wire/websocket_frame.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace culvert::wire {
namespace {

using Kind = WebSocketMessage::Kind;

// The second byte of a head holds the length, or one of these instead: it follows in two bytes, in eight.
constexpr std::uint8_t length_in_two = 126;
constexpr std::uint8_t length_in_eight = 127;

constexpr std::uint8_t last_bit = 0x80;
constexpr std::uint8_t reserved_bits = 0x70;
constexpr std::uint8_t opcode_bits = 0x0f;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t length_bits = 0x7f;

constexpr std::size_t length_bytes(std::uint8_t short_length) {
  if (short_length == length_in_two) return 2;
  return short_length == length_in_eight ? 8 : 0;
}

std::byte* write_big_endian(std::byte* out, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0;) *out++ = static_cast<std::byte>(number >> (8 * i));
  return out;
}

std::uint64_t read_big_endian(Bytes bytes) {
  std::uint64_t number = 0;
  for (const std::byte byte : bytes) number = number << 8 | std::to_integer<std::uint64_t>(byte);
  return number;
}

Kind kind_of(WebSocketOpcode opcode) {
  switch (opcode) {
    case WebSocketOpcode::continuation: break;
    case WebSocketOpcode::text: return Kind::text;
    case WebSocketOpcode::binary: return Kind::binary;
    case WebSocketOpcode::close: return Kind::close;
    case WebSocketOpcode::ping: return Kind::ping;
    case WebSocketOpcode::pong: return Kind::pong;
  }
  return Kind::none;
}

bool is_known(std::uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

}  // namespace

void apply_mask(Bytes from, std::byte* to, MaskKey key, std::uint64_t offset) {
  std::array<std::byte, 8> turned;
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = key[(offset + i) % key.size()];
  std::uint64_t word_key;
  std::memcpy(&word_key, turned.data(), sizeof word_key);

  std::size_t at = 0;
  for (std::uint64_t word; at + sizeof word <= from.size(); at += sizeof word) {
    std::memcpy(&word, from.data() + at, sizeof word);
    word ^= word_key;
    std::memcpy(to + at, &word, sizeof word);
  }
  for (; at < from.size(); ++at) to[at] = from[at] ^ turned[at % turned.size()];
}

// ---- writing

std::size_t write_frame_head(std::byte* out, const FrameHead& head) {
  assert(head.payload_bytes >> 63 == 0);
  std::uint8_t length = length_in_eight;
  if (head.payload_bytes < length_in_two) {
    length = static_cast<std::uint8_t>(head.payload_bytes);
  } else if (head.payload_bytes <= UINT16_MAX) {
    length = length_in_two;
  }
  std::byte* at = out;
  *at++ = static_cast<std::byte>((head.is_last ? last_bit : 0) | static_cast<std::uint8_t>(head.opcode));
  *at++ = static_cast<std::byte>((head.mask ? mask_bit : 0) | length);
  at = write_big_endian(at, head.payload_bytes, length_bytes(length));
  if (head.mask) at = std::copy(head.mask->begin(), head.mask->end(), at);
  return static_cast<std::size_t>(at - out);
}

std::size_t write_close_payload(std::byte* out, std::uint16_t code, std::string_view reason) {
  assert(is_close_code(code) && reason.size() <= close_reason_bytes_max);
  const Bytes text = as_bytes(reason);
  return static_cast<std::size_t>(std::copy(text.begin(), text.end(), write_big_endian(out, code, 2)) - out);
}

bool is_close_code(std::uint16_t code) {
  if (code >= 3000) return code < 5000;
  return code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006);
}

// ---- reading

WebSocketReader::WebSocketReader(Peer peer, std::uint64_t message_bytes_max)
    : peer_(peer), message_bytes_max_(message_bytes_max) {}

Result<WebSocketMessage> WebSocketReader::next(Bytes& input) {
  for (;;) {
    if (phase_ == Phase::head) {
      if (!take_head(input)) return WebSocketMessage{};
      if (auto error = begin_frame()) return error;
      phase_ = Phase::payload;
    }
    const Bytes piece = take_payload(input);
    Result<WebSocketMessage> message = is_control() ? read_control(piece) : read_data(piece);
    if (!ends_frame()) return message;
    phase_ = Phase::head;
    if (!message || message->kind != Kind::none) return message;
  }
}

bool WebSocketReader::take_head(Bytes& input) {
  while (head_bytes_ < head_bytes_wanted()) {
    if (input.empty()) return false;
    head_[head_bytes_++] = input.front();
    input = input.subspan(1);
  }
  head_bytes_ = 0;
  return true;
}

std::size_t WebSocketReader::head_bytes_wanted() const {
  if (head_bytes_ < 2) return 2;
  const auto second = std::to_integer<std::uint8_t>(head_[1]);
  return 2 + length_bytes(second & length_bits) + ((second & mask_bit) != 0 ? sizeof(MaskKey) : 0);
}

std::error_code WebSocketReader::begin_frame() {
  const auto first = std::to_integer<std::uint8_t>(head_[0]);
  const bool is_masked = (std::to_integer<std::uint8_t>(head_[1]) & mask_bit) != 0;
  if ((first & reserved_bits) != 0) return WebSocketError::reserved_bits;
  if (!is_known(first & opcode_bits)) return WebSocketError::unknown_opcode;
  if (is_masked != (peer_ == Peer::client)) {
    return is_masked ? WebSocketError::frame_masked : WebSocketError::frame_not_masked;
  }
  frame_ = {.opcode = static_cast<WebSocketOpcode>(first & opcode_bits), .is_last = (first & last_bit) != 0};
  if (auto error = parse_length_and_mask()) return error;
  return is_control() ? begin_control() : begin_data();
}

std::error_code WebSocketReader::parse_length_and_mask() {
  const std::uint8_t length = std::to_integer<std::uint8_t>(head_[1]) & length_bits;
  const Bytes rest = Bytes(head_).subspan(2);
  const std::size_t bytes = length_bytes(length);
  frame_.payload_bytes = bytes == 0 ? length : read_big_endian(rest.first(bytes));
  if (peer_ == Peer::client) std::copy_n(rest.subspan(bytes).begin(), frame_.mask.size(), frame_.mask.begin());
  if (frame_.payload_bytes >> 63 != 0) return WebSocketError::length_out_of_range;
  const std::uint64_t least = bytes == 8 ? UINT16_MAX + 1 : bytes == 2 ? length_in_two : 0;
  if (frame_.payload_bytes < least) return WebSocketError::length_not_minimal;
  return {};
}

std::error_code WebSocketReader::begin_control() {
  if (!frame_.is_last) return WebSocketError::control_fragmented;
  if (frame_.payload_bytes > control_payload_bytes_max) return WebSocketError::control_too_long;
  control_bytes_ = 0;
  return {};
}

std::error_code WebSocketReader::begin_data() {
  const bool continues = frame_.opcode == WebSocketOpcode::continuation;
  if (continues && data_kind_ == Kind::none) return WebSocketError::nothing_to_continue;
  if (!continues) {
    if (data_kind_ != Kind::none) return WebSocketError::message_not_finished;
    data_kind_ = kind_of(frame_.opcode);
    message_.clear();
  }
  // message_ is never longer than the limit.
  if (frame_.payload_bytes > message_bytes_max_ - message_.size()) return WebSocketError::message_too_long;
  return {};
}

Bytes WebSocketReader::take_payload(Bytes& input) {
  const std::uint64_t missing = frame_.payload_bytes - frame_.seen_bytes;
  const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(missing, input.size()));
  const Bytes piece = input.first(bytes);
  input = input.subspan(bytes);
  frame_.seen_bytes += bytes;
  return piece;
}

Result<WebSocketMessage> WebSocketReader::read_control(Bytes piece) {
  std::byte* const copy = control_.data() + control_bytes_;
  std::copy(piece.begin(), piece.end(), copy);
  if (peer_ == Peer::client) apply_mask({copy, piece.size()}, copy, frame_.mask, control_bytes_);
  control_bytes_ += static_cast<std::uint8_t>(piece.size());
  if (!ends_frame()) return WebSocketMessage{};
  if (frame_.opcode == WebSocketOpcode::close) return read_close();
  return WebSocketMessage{.kind = kind_of(frame_.opcode), .payload = Bytes(control_).first(control_bytes_)};
}

Result<WebSocketMessage> WebSocketReader::read_close() const {
  const Bytes payload = Bytes(control_).first(control_bytes_);
  if (payload.empty()) return WebSocketMessage{.kind = Kind::close, .close_code = no_close_code};
  if (payload.size() < 2) return make_error_code(WebSocketError::close_too_short);
  const auto code = static_cast<std::uint16_t>(read_big_endian(payload.first(2)));
  const Bytes reason = payload.subspan(2);
  if (!is_close_code(code)) return make_error_code(WebSocketError::invalid_close_code);
  Utf8Check utf8;
  if (!utf8.accept(reason) || !utf8.is_complete()) return make_error_code(WebSocketError::invalid_utf8);
  return WebSocketMessage{.kind = Kind::close, .payload = reason, .close_code = code};
}

Result<WebSocketMessage> WebSocketReader::read_data(Bytes piece) {
  const bool ends_message = ends_frame() && frame_.is_last;
  Bytes payload = piece;
  if (peer_ == Peer::client || !ends_message || !message_.empty()) {
    const std::size_t before = message_.size();
    message_.insert(message_.end(), piece.begin(), piece.end());
    payload = message_;
    std::byte* const copy = message_.data() + before;
    if (peer_ == Peer::client) apply_mask({copy, piece.size()}, copy, frame_.mask, frame_.seen_bytes - piece.size());
    piece = {copy, piece.size()};
  }
  if (data_kind_ == Kind::text && !(utf8_.accept(piece) && (!ends_message || utf8_.is_complete()))) {
    return make_error_code(WebSocketError::invalid_utf8);
  }
  if (!ends_message) return WebSocketMessage{};
  return WebSocketMessage{.kind = std::exchange(data_kind_, Kind::none), .payload = payload};
}

bool WebSocketReader::is_control() const { return frame_.opcode >= WebSocketOpcode::close; }

}  // namespace culvert::wire
