// Sixteen bytes of text looked at together, because heads are searched byte by byte otherwise: for colons, for control
// characters, for what a name may not hold. One type with two bodies: SSE2 registers, which every x86-64 has, and two
// machine words anywhere else.
//
//   find(text, [](Sixteen part) { return part.equal(':').places(); })
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace culvert::wire {

// of() takes each half from a place of its own, of_short() the bytes of a word, the lowest first. The questions answer
// with the bytes for which it is so; places() makes a set of bits of them, the first byte's the lowest.
class SixteenInWords {
 public:
  static SixteenInWords at(const char* text) { return of(text, text + 8); }
  static SixteenInWords of(const char* low, const char* high) { return {load(low), load(high)}; }
  static SixteenInWords of_short(std::uint64_t text) { return {text, 0}; }

  SixteenInWords equal(char c) const { return {zeros(low_ ^ each(c)), zeros(high_ ^ each(c))}; }
  SixteenInWords equal(SixteenInWords other) const { return {zeros(low_ ^ other.low_), zeros(high_ ^ other.high_)}; }
  SixteenInWords below(char c) const { return {~reach(low_, c) & tops, ~reach(high_, c) & tops}; }  // c: 1 to 0x7f
  SixteenInWords folded() const { return {low_ | each(0x20), high_ | each(0x20)}; }  // letters in lower case
  SixteenInWords operator|(SixteenInWords other) const { return {low_ | other.low_, high_ | other.high_}; }
  SixteenInWords operator&(SixteenInWords other) const { return {low_ & other.low_, high_ & other.high_}; }
  SixteenInWords without(SixteenInWords other) const { return {low_ & ~other.low_, high_ & ~other.high_}; }
  unsigned places() const { return gather(low_) | gather(high_) << 8; }

 private:
  static constexpr std::uint64_t each(char c) {
    return std::uint64_t{0x0101010101010101} * static_cast<unsigned char>(c);
  }
  static constexpr std::uint64_t tops = 0x8080808080808080;  // an answer is the top bit of its byte

  SixteenInWords(std::uint64_t low, std::uint64_t high) : low_(low), high_(high) {}
  static std::uint64_t load(const char* text) {
    std::uint64_t word;
    std::memcpy(&word, text, sizeof word);
    return std::endian::native == std::endian::big ? __builtin_bswap64(word) : word;
  }
  // None of the sums reaches the next byte: their parts are at most 0x7f and 0x80.
  static std::uint64_t zeros(std::uint64_t word) { return ~(((word & ~tops) + ~tops) | word) & tops; }
  static std::uint64_t reach(std::uint64_t word, char c) { return ((word & ~tops) + (tops - each(c))) | word; }
  static unsigned gather(std::uint64_t answers) {
    return static_cast<unsigned>(((answers >> 7) * 0x0102040810204080) >> 56);
  }

  std::uint64_t low_;
  std::uint64_t high_;
};

#if defined(__SSE2__)
class SixteenInRegister {
 public:
  static SixteenInRegister at(const char* text) {
    return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(text))};
  }
  static SixteenInRegister of(const char* low, const char* high) {
    std::int64_t low_word, high_word;
    std::memcpy(&low_word, low, sizeof low_word);
    std::memcpy(&high_word, high, sizeof high_word);
    return {_mm_set_epi64x(high_word, low_word)};
  }
  static SixteenInRegister of_short(std::uint64_t text) {
    return {_mm_set_epi64x(0, static_cast<std::int64_t>(text))};
  }

  SixteenInRegister equal(char c) const { return {_mm_cmpeq_epi8(bytes_, _mm_set1_epi8(c))}; }
  SixteenInRegister equal(SixteenInRegister other) const { return {_mm_cmpeq_epi8(bytes_, other.bytes_)}; }
  SixteenInRegister below(char c) const {
    const __m128i most = _mm_set1_epi8(static_cast<char>(c - 1));
    return {_mm_cmpeq_epi8(_mm_min_epu8(bytes_, most), bytes_)};
  }
  SixteenInRegister folded() const { return {_mm_or_si128(bytes_, _mm_set1_epi8(0x20))}; }
  SixteenInRegister operator|(SixteenInRegister other) const { return {_mm_or_si128(bytes_, other.bytes_)}; }
  SixteenInRegister operator&(SixteenInRegister other) const { return {_mm_and_si128(bytes_, other.bytes_)}; }
  SixteenInRegister without(SixteenInRegister other) const { return {_mm_andnot_si128(other.bytes_, bytes_)}; }
  unsigned places() const { return static_cast<unsigned>(_mm_movemask_epi8(bytes_)); }

 private:
  SixteenInRegister(__m128i bytes) : bytes_(bytes) {}

  __m128i bytes_;
};
using Sixteen = SixteenInRegister;
#else
using Sixteen = SixteenInWords;
#endif

inline constexpr std::size_t sixteen = 16;
inline constexpr unsigned all_places = 0xffff;

// ---- what heads are searched for

template <class Text>
unsigned colons_and_line_feeds(Text text) {
  return (text.equal(':') | text.equal('\n')).places();
}
// All but HTAB, which may stand in values.
template <class Text>
unsigned control_characters(Text text) {
  return (text.below(' ').without(text.equal('\t')) | text.equal('\x7f')).places();
}
// What ends a word of a start line: SP and control characters.
template <class Text>
unsigned no_word(Text text) {
  return (text.below('!') | text.equal('\x7f')).places();
}
// What is no letter, digit, hyphen or dot: of these most names of fields and hosts are made.
template <class Text>
unsigned not_plain(Text text) {
  const Text letters = text.folded().below('z' + 1).without(text.folded().below('a'));
  const Text others = text.below('9' + 1).without(text.below('-')).without(text.equal('/'));
  return (letters | others).places() ^ all_places;
}
// For which a host is not what it is compared as.
template <class Text>
unsigned capitals_and_colons(Text text) {
  return (text.below('Z' + 1).without(text.below('A')) | text.equal(':')).places();
}
// What may not stand in a request target (text.hpp says why).
template <class Text>
unsigned not_in_target(Text text) {
  return text.below('\x7f').without(text.below('!')).without(text.equal('#')).places() ^ all_places;
}

// ---- the search

// Whether a line ends at `at`, as it should.
inline bool is_line_end(const char* at) { return std::string_view{at, 2} == "\r\n"; }

inline unsigned first_of(unsigned places) { return static_cast<unsigned>(std::countr_zero(places)); }

// The first place from `at` on that `search` finds. There must be one, and fifteen bytes behind it that may be read.
template <class Search>
const char* find_guarded(const char* at, Search search) {
  for (;; at += sixteen) {
    if (const unsigned places = search(Sixteen::at(at)); places != 0) return at + first_of(places);
  }
}

// The first place of `text` that `search` finds, or its size. Reads nothing outside: the last step overlaps the one
// before it, and a short text is seen as its first eight bytes and its last.
template <class Search>
std::size_t find(std::string_view text, Search search) {
  const char* const data = text.data();
  const std::size_t size = text.size();
  if (size >= sixteen) {
    for (std::size_t at = 0;; at = std::min(at + sixteen, size - sixteen)) {
      const unsigned places = search(Sixteen::at(data + at));
      if (places != 0) return at + first_of(places);
      if (at == size - sixteen) return size;
    }
  }
  if (size >= 8) {
    const unsigned places = search(Sixteen::of(data, data + size - 8));
    if ((places & 0xff) != 0) return first_of(places);
    return places == 0 ? size : size - 8 + first_of(places >> 8);
  }
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < size; ++i) word |= std::uint64_t{static_cast<unsigned char>(data[i])} << (8 * i);
  return first_of(search(Sixteen::of_short(word)) | 1u << size);
}

}  // namespace culvert::wire
