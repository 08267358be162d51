// What can be wrong with a peer's WebSocket frames. One table: name, code of the close frame to send, sentence.
#pragma once
#include <cstdint>
#include <string_view>
#include <system_error>

namespace culvert::wire {

enum class WebSocketError : int {
  ok = 0,
#define CULVERT_WEBSOCKET_ERROR(name, close_code, sentence) name,
#include "wire/websocket_error.def"
#undef CULVERT_WEBSOCKET_ERROR
};

const std::error_category& websocket_category();
inline std::error_code make_error_code(WebSocketError error) { return {static_cast<int>(error), websocket_category()}; }
std::string_view name_of(WebSocketError error);       // "reserved_bits"
std::uint16_t close_code_for(std::error_code error);  // 1002, 1007, 1009; 1011 for codes of other categories

}  // namespace culvert::wire

template <>
struct std::is_error_code_enum<culvert::wire::WebSocketError> : std::true_type {};
