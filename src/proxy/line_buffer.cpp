#include "proxy/line_buffer.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "base/json_text.hpp"

namespace culvert::proxy {

namespace {

using Word = std::uint64_t;

// What needs no escaping, neither in JSON nor in nginx's log.
constexpr bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

// The same for eight characters at once. In each byte the top bit is set where something holds; sums carry into the
// next byte only from characters that are not ASCII, which fail anyway.
bool is_plain(Word word) {
  constexpr Word each = 0x0101010101010101;
  const Word not_control = word + each * (0x80 - 0x20);
  const Word not_quote = (word ^ each * '"') + each * 0x7f;
  const Word not_backslash = (word ^ each * '\\') + each * 0x7f;
  const Word delete_or_not_ascii = word | (word + each);
  return (not_control & not_quote & not_backslash & ~delete_or_not_ascii & each * 0x80) == each * 0x80;
}

bool copy_plain_word(char* to, const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  std::memcpy(to, &word, sizeof word);
  return is_plain(word);
}

// Copies `text` to `to`; false, and the copy is worth nothing, where it needs escaping.
bool copy_plain(char* to, std::string_view text) {
  const char* const from = text.data();
  if (text.size() < sizeof(Word)) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      to[i] = from[i];
      if (!is_plain(from[i])) return false;
    }
    return true;
  }
  const std::size_t last = text.size() - sizeof(Word);
  for (std::size_t i = 0; i < last; i += sizeof(Word)) {
    if (!copy_plain_word(to + i, from + i)) return false;
  }
  return copy_plain_word(to + last, from + last);  // may overlap the word before
}

}  // namespace

void LineBuffer::append_decimal(std::uint64_t number) {
  char* const start = room(ascii::decimal_digits_max);
  size_ += static_cast<std::size_t>(ascii::append_decimal(start, number) - start);
}

void LineBuffer::append_digits(std::uint32_t number, std::size_t digits) {
  char* const start = room(digits);
  for (std::size_t i = digits; i-- > 0; number /= 10) start[i] = static_cast<char>('0' + number % 10);
  size_ += digits;
}

void LineBuffer::append_json(std::string_view text) {
  char* const start = room(text.size() + 2);
  if (copy_plain(start + 1, text)) {
    start[0] = start[text.size() + 1] = '"';
    size_ += text.size() + 2;
    return;
  }
  escaped_.clear();
  append_json_string(escaped_, text);
  append(escaped_);
}

void LineBuffer::append_escaped(std::string_view text) {
  if (copy_plain(room(text.size()), text)) {
    size_ += text.size();
    return;
  }
  constexpr char hex[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_plain(c)) {
      append(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    append("\\x");
    append(hex[byte >> 4]);
    append(hex[byte & 15]);
  }
}

void LineBuffer::grow(std::size_t bytes) {
  constexpr std::size_t first_capacity = 4 * 1024;  // more than most lines have
  capacity_ = std::max({first_capacity, 2 * capacity_, size_ + bytes});
  auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
  std::copy_n(start_.get(), size_, larger.get());
  start_ = std::move(larger);
}

}  // namespace culvert::proxy
