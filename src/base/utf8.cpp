#include "base/utf8.hpp"

#include <cstring>

namespace culvert {

namespace {

// How many bytes `piece` begins with that are ASCII, as far as they fill words: most text is.
std::size_t ascii_words(Bytes piece) {
  std::size_t at = 0;
  for (std::uint64_t word; at + sizeof word <= piece.size(); at += sizeof word) {
    std::memcpy(&word, piece.data() + at, sizeof word);
    if ((word & 0x8080808080808080) != 0) break;
  }
  return at;
}

}  // namespace

bool Utf8Check::accept(Bytes piece) {
  for (std::size_t i = 0; i < piece.size(); ++i) {
    if (missing_ == 0) i += ascii_words(piece.subspan(i));
    if (i == piece.size()) break;
    const auto byte = std::to_integer<std::uint8_t>(piece[i]);
    if (missing_ == 0) {
      if (!begin(byte)) return false;
    } else {
      if (byte < low_ || byte > high_) return false;
      low_ = 0x80;
      high_ = 0xbf;
      --missing_;
    }
  }
  return true;
}

// Table 3-7 of the Unicode Standard: the first byte says how many follow, and sometimes narrows the second.
bool Utf8Check::begin(std::uint8_t first) {
  if (first < 0x80) return true;
  if (first < 0xc2 || first > 0xf4) return false;
  missing_ = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  if (first == 0xe0) low_ = 0xa0;
  if (first == 0xed) high_ = 0x9f;
  if (first == 0xf0) low_ = 0x90;
  if (first == 0xf4) high_ = 0x8f;
  return true;
}

}  // namespace culvert
