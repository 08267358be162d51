// What stands in front of any grammar: holds the limits of heads and trailers, and refuses the lines that parsers of
// different strictness read differently: a bare CR or LF, control characters, folded lines. What it finds does not
// depend on the pieces in which the bytes arrive.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/parse_error.hpp"
#include "wire/sixteen.hpp"

namespace culvert::wire {

// How strictly a message is read. Where Node departs from RFC 9110 and 9112, `node` does as it does; `insecure` is Node's
// insecureHTTPParser. What both of them refuse is refused by every rule but `insecure`.
enum class Rules : std::uint8_t {
  strict,    // one Host that holds a host, the target's where that names one; a target of the form that the method wants;
             // no Transfer-Encoding in HTTP/1.0 requests; header lines over the limit, chunk extensions without a name and
             // chunk sizes behind endless zeros are refused; 414, 501 and 505 have their own status
  node,      // none of these: the first Host counts, lines over the limit vanish, all errors are 400 or 431
  insecure,  // as node, and: bare LF line ends, control characters in values, Content-Length beside chunked (which wins)
};

struct ParserLimits {
  std::uint32_t header_bytes_max = 16 * 1024;  // of a head: start line, names, values, separators; also of trailers
  std::uint32_t headers_max = 2000;            // header lines; 0: no limit
  bool require_host = false;                   // an HTTP/1.1 request without Host is refused (missing_host)
  Rules rules = Rules::strict;
};

// The limits of one section of a message, and the first judgement of each of its lines.
class HeadGuard {
 public:
  enum class Section : std::uint8_t { request, response, trailers };

  void begin(Section section, const ParserLimits& limits);
  // What of `bytes`, the next ones, the limit lets pass. Where there is nothing left of them, overflow() says why.
  std::string_view allowed(std::string_view bytes) const { return bytes.substr(0, bytes_left_); }
  void took(std::size_t bytes) { bytes_left_ -= static_cast<std::uint32_t>(bytes); }
  ParseError overflow(std::string_view open_line) const;
  // What is wrong with the next line, as far as its first byte tells.
  ParseError judge(char first) const {
    return usual(first) ? ParseError::ok : judge_unusual(first);
  }
  bool usual(char first) const { return first > ' ' && lines_ < lines_max_; }  // then nothing is wrong
  void count_line() { ++lines_; }
  bool over_limit() const { return lines_ >= lines_max_; }  // the next line is
  bool has_begun() const { return lines_ > 0; }  // a whole line that is not empty: such may come before a start line

 private:
  ParseError judge_unusual(char first) const;
  bool before_start_line() const { return section_ != Section::trailers && lines_ == 0; }

  std::uint32_t bytes_left_ = 0;
  std::uint32_t lines_ = 0;
  std::uint32_t lines_max_ = 0;
  Section section_ = Section::request;
  Rules rules_ = Rules::strict;
};

// How many bytes at the front of `text` are whole lines: up to an empty line or, where there is none, all of them. Not
// exact, as whoever reads the lines stops at the end of the section anyway: up to a line of one character, which will
// be refused, and all of a short text that ends in an empty line, which usually is the first in it.
std::size_t whole_lines(std::string_view text);

// What ends the line in which `from` stands, or why that line is refused. The line is a whole one, and followed by
// `margin` bytes that may be read.
struct LineEnd {
  const char* at = nullptr;
  ParseError error = ParseError::ok;
  std::uint8_t size = 2;  // of the line end itself
};
inline constexpr std::size_t margin = 16;
LineEnd judge_line_end(const char* at, Rules rules);  // of the first control character from `from` on
inline LineEnd find_line_end(const char* from, Rules rules) {
  const char* const at = find_guarded(from, control_characters<Sixteen>);
  return is_line_end(at) ? LineEnd{at} : judge_line_end(at, rules);
}

}  // namespace culvert::wire
