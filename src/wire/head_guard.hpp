// What stands in front of any grammar: cuts a head, or trailers, into whole lines, holds the limits of heads, and
// refuses the bytes that parsers of different strictness read differently: a bare CR or LF, control characters, folded
// lines. What it finds does not depend on the pieces in which the bytes arrive.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/parse_error.hpp"

namespace culvert::wire {

struct ParserLimits {
  std::uint32_t header_bytes_max = 16 * 1024;  // of a head: start line, names, values, separators; also of trailers
  std::uint32_t headers_max = 2000;            // header lines; 0: no limit
  bool require_host = false;                   // an HTTP/1.1 request without Host is refused (missing_host)
};

class HeadGuard {
 public:
  enum class Section : std::uint8_t { request, response, trailers };
  struct Seen {
    std::size_t accepted = 0;  // bytes that are all right as far as this class goes
    std::size_t whole = 0;     // of these, those up to and including the last line end
    bool ended = false;        // with the empty line that ends the section: both numbers point behind it
    ParseError error = ParseError::ok;  // of the byte behind the accepted ones
  };

  void begin(Section section, const ParserLimits& limits);
  Seen scan(std::string_view bytes);
  bool has_begun() const { return lines_ > 0; }  // a line that is not empty: such lines may come before a start line

 private:
  ParseError judge_line(char first) const;
  ParseError overflow() const;
  bool in_start_line() const { return section_ != Section::trailers && lines_ == 1; }

  std::uint32_t bytes_left_ = 0;
  std::uint32_t lines_ = 0;
  std::uint32_t lines_max_ = 0;
  std::uint32_t line_bytes_ = 0;  // of the line that has not ended yet
  Section section_ = Section::request;
  char line_first_ = 0;           // its first byte
};

// The CR LF that ends the first of `lines`, whole ones, looking from the byte `from` on; or why that line is refused.
struct LineEnd {
  std::size_t at = 0;
  ParseError error = ParseError::ok;
};
LineEnd find_line_end(std::string_view lines, std::size_t from);

}  // namespace culvert::wire
