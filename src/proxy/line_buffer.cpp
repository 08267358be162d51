#include "proxy/line_buffer.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "base/json_text.hpp"

namespace culvert::proxy {

namespace {

constexpr bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

// Whether `text` needs no escaping, eight characters at a time: in each byte of `marks` the top bit says that the
// character is not plain. Sums carry into the next byte only from characters that are marked themselves.
bool is_plain(std::string_view text) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  constexpr std::uint64_t top_bits = ones * 0x80;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    const std::uint64_t not_control = word + ones * (0x80 - 0x20);
    const std::uint64_t not_quote = (word ^ ones * '"') + ones * 0x7f;
    const std::uint64_t not_backslash = (word ^ ones * '\\') + ones * 0x7f;
    const std::uint64_t not_ascii_or_delete = word | (word + ones);
    const std::uint64_t marks = ~(not_control & not_quote & not_backslash) | not_ascii_or_delete;
    if ((marks & top_bits) != 0) return false;
  }
  return std::all_of(at, end, [](char c) { return is_plain(c); });
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
  if (is_plain(text)) {
    char* const start = room(text.size() + 2);
    start[0] = '"';
    if (!text.empty()) std::memcpy(start + 1, text.data(), text.size());
    start[text.size() + 1] = '"';
    size_ += text.size() + 2;
    return;
  }
  escaped_.clear();
  append_json_string(escaped_, text);
  append(escaped_);
}

void LineBuffer::append_escaped(std::string_view text) {
  if (is_plain(text)) return append(text);
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

std::string& LineBuffer::take() {
  text_.resize(size_);
  size_ = 0;
  return text_;
}

void LineBuffer::grow(std::size_t bytes) {
  // As much as was asked for at first: a string that was handed on leaves nothing behind.
  text_.resize(std::max({bytes_, text_.size() * 2, size_ + bytes}));
}

}  // namespace culvert::proxy
