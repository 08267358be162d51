// Reads a structure of big-endian numbers and counted blocks from front to back. Asked for more than there is, it gives
// zeros and nothing from then on: one look at ok() behind a row of calls is enough.
#pragma once
#include <cstddef>
#include <cstdint>

#include "culvert/bytes.hpp"

namespace culvert::wire {

class ByteCursor {
 public:
  explicit ByteCursor(Bytes bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }
  Bytes rest() const { return rest_; }
  bool ok() const { return ok_; }  // everything that was asked for was there

  Bytes take(std::size_t bytes) {
    if (bytes > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const Bytes taken = rest_.first(bytes);
    rest_ = rest_.subspan(bytes);
    return taken;
  }
  // Of at most four bytes.
  std::uint32_t number(std::size_t bytes) {
    std::uint32_t value = 0;
    for (const std::byte byte : take(bytes)) value = value << 8 | std::to_integer<std::uint32_t>(byte);
    return value;
  }
  // What stands behind its own length, which takes `length_bytes`.
  Bytes block(std::size_t length_bytes) { return take(number(length_bytes)); }

 private:
  Bytes rest_;
  bool ok_ = true;
};

}  // namespace culvert::wire
