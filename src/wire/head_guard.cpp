#include "wire/head_guard.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace culvert::wire {
namespace {

constexpr std::uint64_t each_byte(std::uint8_t value) { return 0x0101010101010101 * value; }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// The first character that may be a control character (all are found; one that is none is rare), or `end`. Eight bytes
// at a time, for this looks at every byte of every head: below 0x20 a subtraction borrows, at 0x7f an addition reaches
// the top bit. Carries reach only bytes above, so that the lowest mark is the first; behind 0xff it may be a false one.
const char* find_control(const char* at, const char* end) {
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    const std::uint64_t marks = ((word - each_byte(0x20)) | (word + each_byte(1))) & ~word & each_byte(0x80);
    if (marks == 0) continue;
    if constexpr (std::endian::native == std::endian::little) return at + std::countr_zero(marks) / 8;
    break;
  }
  return std::find_if(at, end, is_control);
}

}  // namespace

void HeadGuard::begin(Section section, const ParserLimits& limits) {
  section_ = section;
  place_ = Place::line_start;
  empty_line_ = false;
  bytes_left_ = limits.header_bytes_max;
  lines_ = 0;
  const std::uint32_t start_lines = section == Section::trailers ? 0 : 1;
  lines_max_ = limits.headers_max == 0 ? std::numeric_limits<std::uint32_t>::max() : limits.headers_max + start_lines;
}

HeadGuard::Seen HeadGuard::scan(std::string_view bytes) {
  const char* const begin = bytes.data();
  const char* const end = begin + std::min<std::size_t>(bytes.size(), bytes_left_);
  const char* at = begin;
  const char* whole = begin;
  bool ended = false;
  ParseError error = ParseError::ok;
  while (at != end && !ended) {
    if (place_ == Place::line_start) {
      empty_line_ = *at == '\r';
      if (!empty_line_ && (error = open_line(*at)) != ParseError::ok) break;
      place_ = Place::in_line;
    }
    if (place_ == Place::in_line) {
      at = find_control(at, end);
      if (at == end) break;
      if (*at != '\r' && (error = judge_control(*at)) != ParseError::ok) break;
      if (*at == '\r') place_ = Place::after_cr;
      ++at;
      continue;
    }
    if (*at != '\n') {
      error = ParseError::HPE_LF_EXPECTED;
      break;
    }
    whole = ++at;
    place_ = Place::line_start;
    ended = empty_line_ && (lines_ > 0 || section_ == Section::trailers);
  }
  const auto accepted = static_cast<std::size_t>(at - begin);
  bytes_left_ -= static_cast<std::uint32_t>(accepted);
  if (at == end && accepted < bytes.size() && !ended) error = overflow();
  return {accepted, static_cast<std::size_t>(whole - begin), ended, error};
}

ParseError HeadGuard::open_line(char first) {
  ++lines_;
  if (in_start_line()) return ParseError::ok;
  if (first == ' ' || first == '\t') return ParseError::obsolete_folding;
  return lines_ > lines_max_ ? ParseError::too_many_headers : ParseError::ok;
}

ParseError HeadGuard::judge_control(char c) const {
  if (c == '\t' || !is_control(c)) return ParseError::ok;
  if (c == '\n') return ParseError::HPE_CR_EXPECTED;
  return in_start_line() ? ParseError::control_character : ParseError::HPE_INVALID_HEADER_TOKEN;
}

ParseError HeadGuard::overflow() const {
  const bool in_request_line = section_ == Section::request && in_start_line() && place_ != Place::line_start;
  return in_request_line ? ParseError::request_line_too_long : ParseError::HPE_HEADER_OVERFLOW;
}

}  // namespace culvert::wire
