// The characters of HTTP: which may stand where.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/sixteen.hpp"

namespace culvert::wire {

// What a character may be part of. A set of bits.
enum CharClass : std::uint8_t {
  token_char = 1,    // RFC 9110 5.6.2: names and methods
  value_char = 2,    // visible, SP, HTAB, obs-text: field values and reason phrases
  target_char = 4,   // visible ASCII but "#": request targets, wider than RFC 3986 as browsers are
  host_char = 8,     // RFC 3986 unreserved and sub-delims: a registered name or an IPv4 address. Not "%": nobody
                     // needs encoded names, and they would be a second spelling of one host
  digit_char = 16,
};

inline constexpr auto char_classes = [] {
  std::array<std::uint8_t, 256> classes{};
  const auto add = [&](std::string_view chars, CharClass which) {
    for (const char c : chars) classes[static_cast<unsigned char>(c)] |= which;
  };
  for (unsigned c = 0x20; c < 256; ++c) {
    if (c != 0x7f) classes[c] |= value_char;
    if (c > 0x20 && c < 0x7f && c != '#') classes[c] |= target_char;
  }
  classes['\t'] |= value_char;
  constexpr std::string_view alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  add(alphanumeric, token_char);
  add("!#$%&'*+-.^_`|~", token_char);
  add(alphanumeric, host_char);
  add("-._~!$&'()*+,;=", host_char);
  add("0123456789", digit_char);
  return classes;
}();

inline bool is(CharClass which, char c) { return (char_classes[static_cast<unsigned char>(c)] & which) != 0; }

// Whether all of `text` is of that class; true for no text.
inline bool all(CharClass which, std::string_view text) {
  for (const char c : text) {
    if (!is(which, c)) return false;
  }
  return true;
}

// RFC 9110 5.6.2: not empty. What is unusual in one is looked up character by character.
inline bool is_token(std::string_view text) {
  if (text.empty()) return false;
  const std::size_t plain = find(text, not_plain<Sixteen>);
  return plain == text.size() || all(token_char, text.substr(plain));
}

}  // namespace culvert::wire
