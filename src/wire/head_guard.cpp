#include "wire/head_guard.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace culvert::wire {
namespace {

constexpr std::uint64_t each_byte(std::uint8_t value) { return 0x0101010101010101 * value; }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// The first control character, or `end`. Eight bytes at a time: this looks at every byte of every head.
const char* find_control(const char* at, const char* end) {
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    const std::uint64_t from_del = word ^ each_byte(0x7f);
    const std::uint64_t below_space = (word - each_byte(0x20)) & ~word;
    const std::uint64_t is_del = (from_del - each_byte(1)) & ~from_del;
    const std::uint64_t found = (below_space | is_del) & each_byte(0x80);
    if (found == 0) continue;
    // Only the lowest mark is sure to be true: a borrow may have marked bytes above it.
    if constexpr (std::endian::native == std::endian::little) return at + std::countr_zero(found) / 8;
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
  const auto accepted = [&] { return static_cast<std::size_t>(at - begin); };
  while (at != end) {
    switch (place_) {
      case Place::line_start:
        empty_line_ = *at == '\r';
        if (!empty_line_) {
          if (const ParseError error = open_line(*at); error != ParseError::ok) return {0, Line::open, error};
        }
        place_ = Place::in_line;
        [[fallthrough]];
      case Place::in_line:
        at = find_control(at, end);
        if (at == end) break;
        if (*at == '\r') {
          place_ = Place::after_cr;
        } else if (*at == '\n') {
          return {accepted(), Line::open, ParseError::HPE_CR_EXPECTED};
        } else if (*at != '\t') {
          return {accepted(), Line::open,
                  in_start_line() ? ParseError::control_character : ParseError::HPE_INVALID_HEADER_TOKEN};
        }
        ++at;
        break;
      case Place::after_cr:
        if (*at != '\n') return {accepted(), Line::open, ParseError::HPE_LF_EXPECTED};
        ++at;
        return close_line(accepted());
    }
  }
  bytes_left_ -= static_cast<std::uint32_t>(accepted());
  return {accepted(), Line::open, accepted() < bytes.size() ? overflow() : ParseError::ok};
}

ParseError HeadGuard::open_line(char first) {
  ++lines_;
  if (in_start_line()) return ParseError::ok;
  if (first == ' ' || first == '\t') return ParseError::obsolete_folding;
  return lines_ > lines_max_ ? ParseError::too_many_headers : ParseError::ok;
}

ParseError HeadGuard::overflow() const {
  const bool in_request_line = section_ == Section::request && in_start_line() && place_ != Place::line_start;
  return in_request_line ? ParseError::request_line_too_long : ParseError::HPE_HEADER_OVERFLOW;
}

HeadGuard::Seen HeadGuard::close_line(std::size_t bytes) {
  bytes_left_ -= static_cast<std::uint32_t>(bytes);
  place_ = Place::line_start;
  if (!empty_line_) return {bytes, Line::text};
  return {bytes, section_ != Section::trailers && lines_ == 0 ? Line::skipped : Line::last};
}

}  // namespace culvert::wire
