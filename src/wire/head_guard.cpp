#include "wire/head_guard.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace culvert::wire {
namespace {

constexpr std::uint64_t each_byte(std::uint8_t value) { return std::uint64_t{0x0101010101010101} * value; }

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
  bytes_left_ = limits.header_bytes_max;
  lines_ = line_bytes_ = 0;
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
    if (line_bytes_ == 0) {
      line_first_ = *at;
      if (*at != '\r') ++lines_;  // with CR begins an empty line, or one that will be refused when it is whole
      if (*at <= ' ' || lines_ > lines_max_) error = judge_line(*at);
      if (error != ParseError::ok) break;
    }
    const auto* const line_feed = static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    if (line_feed == nullptr) {
      line_bytes_ += static_cast<std::uint32_t>(end - at);
      at = end;
      break;
    }
    const bool empty = line_first_ == '\r' && line_bytes_ + (line_feed - at) == 1;
    ended = empty && (lines_ > 0 || section_ == Section::trailers);
    line_bytes_ = 0;
    whole = at = line_feed + 1;
  }
  const auto accepted = static_cast<std::size_t>(at - begin);
  bytes_left_ -= static_cast<std::uint32_t>(accepted);
  if (at == end && accepted < bytes.size() && !ended) error = overflow();
  return {accepted, static_cast<std::size_t>(whole - begin), ended, error};
}

ParseError HeadGuard::judge_line(char first) const {
  if (first == '\r') return ParseError::ok;
  if (first == '\n') return ParseError::HPE_CR_EXPECTED;
  if (in_start_line()) return ParseError::ok;
  if (first == ' ' || first == '\t') return ParseError::obsolete_folding;
  return lines_ > lines_max_ ? ParseError::too_many_headers : ParseError::ok;
}

ParseError HeadGuard::overflow() const {
  const bool in_request_line = section_ == Section::request && in_start_line() && line_bytes_ > 0;
  return in_request_line ? ParseError::request_line_too_long : ParseError::HPE_HEADER_OVERFLOW;
}

LineEnd find_line_end(std::string_view lines, std::size_t from) {
  const char* const end = lines.data() + lines.size();
  for (const char* at = lines.data() + from;; ++at) {
    at = find_control(at, end);
    if (*at == '\t' || !is_control(*at)) continue;
    const auto place = static_cast<std::size_t>(at - lines.data());
    if (*at == '\r') return {place, at[1] == '\n' ? ParseError::ok : ParseError::HPE_LF_EXPECTED};
    return {place, *at == '\n' ? ParseError::HPE_CR_EXPECTED : ParseError::HPE_INVALID_HEADER_TOKEN};
  }
}

}  // namespace culvert::wire
