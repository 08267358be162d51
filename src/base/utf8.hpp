// Whether text that arrives in pieces is UTF-8.
#pragma once
#include <cstdint>

#include "culvert/bytes.hpp"

namespace culvert {

// RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. A piece may end within a character.
class Utf8Check {
 public:
  // False as soon as no further piece could make it UTF-8; the check has failed then.
  [[nodiscard]] bool accept(Bytes piece);
  // Whether what was accepted so far does not end within a character.
  bool is_complete() const { return missing_ == 0; }

 private:
  bool begin(std::uint8_t first);

  std::uint8_t missing_ = 0;  // bytes of the character that has begun
  std::uint8_t low_ = 0x80;   // between these two is the next of them
  std::uint8_t high_ = 0xbf;
};

}  // namespace culvert
