// Bytes on their way: a borrowed view, never an owner.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

namespace culvert {

using Bytes = std::span<const std::byte>;  // says nothing of how long they live: whoever hands them out does

// The same bytes, seen as the other.
inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace culvert
