#include "wire/head_guard.hpp"

#include <limits>

#include "wire/sixteen.hpp"

namespace culvert::wire {

namespace {

// No start line begins with one, so that what is no HTTP at all (TLS) need not wait for a line end.
bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

}  // namespace

void HeadGuard::begin(Section section, const ParserLimits& limits) {
  section_ = section;
  bytes_left_ = limits.header_bytes_max;
  lines_ = 0;
  const std::uint32_t start_lines = section == Section::trailers ? 0 : 1;
  rules_ = limits.rules;
  lines_max_ = limits.headers_max == 0 ? std::numeric_limits<std::uint32_t>::max() : limits.headers_max + start_lines;
}

ParseError HeadGuard::judge_unusual(char first) const {
  if (first == '\r') return ParseError::ok;  // an empty line, or one that will be refused when it is whole
  if (first == '\n') return ParseError::HPE_CR_EXPECTED;
  if (before_start_line()) return is_control(first) ? ParseError::control_character : ParseError::ok;
  if (first == ' ' || first == '\t') return ParseError::obsolete_folding;
  return over_limit() && rules_ == Rules::strict ? ParseError::too_many_headers : ParseError::ok;
}

ParseError HeadGuard::overflow(std::string_view open_line) const {
  const bool in_request_line =
      section_ == Section::request && before_start_line() && !open_line.empty() && open_line.front() != '\r';
  return in_request_line && rules_ == Rules::strict ? ParseError::request_line_too_long : ParseError::HPE_HEADER_OVERFLOW;
}

// Insecure rules take a bare LF, and control characters on the way to it.
LineEnd judge_line_end(const char* at, Rules rules) {
  const bool lenient = rules == Rules::insecure;
  while (lenient && *at != '\r' && *at != '\n' && *at != '\0') at = find_guarded(at + 1, control_characters<Sixteen>);
  if (is_line_end(at)) return {at};
  if (*at == '\r') return {at, ParseError::HPE_LF_EXPECTED};
  if (*at == '\n') return lenient ? LineEnd{at, ParseError::ok, 1} : LineEnd{at, ParseError::HPE_CR_EXPECTED};
  return {at, ParseError::HPE_INVALID_HEADER_TOKEN};
}

std::size_t whole_lines(std::string_view text) {
  constexpr std::size_t copied_freely = 1024;
  if (text.size() <= copied_freely && text.ends_with("\n\r\n")) return text.size();
  constexpr std::size_t ahead = 2;  // from the LF of a line to that of an empty one
  constexpr std::size_t step = sixteen + ahead;
  if (text.size() < step) {
    const std::size_t empty = text.find("\n\r\n");
    return empty == std::string_view::npos ? text.rfind('\n') + 1 : empty + ahead + 1;
  }
  const auto empty_lines = [](const char* at) {
    return (Sixteen::at(at).equal('\n') & Sixteen::at(at + ahead).equal('\n')).places();
  };
  const char* const last = text.data() + text.size() - step;
  const auto end = [&](const char* at, unsigned places) {
    return static_cast<std::size_t>(at - text.data()) + first_of(places) + ahead + 1;
  };
  for (const char* at = text.data(); at < last; at += sixteen) {
    if (const unsigned places = empty_lines(at); places != 0) return end(at, places);
  }
  if (const unsigned places = empty_lines(last); places != 0) return end(last, places);
  return text.rfind('\n') + 1;  // 0 where there is none
}

}  // namespace culvert::wire
