// Cuts a head, or trailers, into lines before any grammar sees them, and refuses the bytes that parsers of different
// strictness read differently: a bare CR or LF, control characters, folded lines. Holds the limits of heads.
//
//   line start --any byte--> in line --CR--> after CR --LF--> line start
//
// Works on any split of the bytes: what it finds does not depend on how they arrive.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/parse_error.hpp"

namespace culvert::wire {

struct ParserLimits {
  std::uint32_t header_bytes_max = 16 * 1024;  // request or status line, names, values and separators; also for trailers
  std::uint32_t headers_max = 2000;            // header lines; 0: no limit
  bool require_host = false;                   // an HTTP/1.1 request without Host is refused (missing_host)
};

class HeadGuard {
 public:
  enum class Section : std::uint8_t { request, response, trailers };
  enum class Line : std::uint8_t {
    open,     // its end has not arrived
    text,     // a start line or a field line
    skipped,  // an empty line before the start line
    last,     // the empty line that ends the section
  };
  struct Seen {
    std::size_t bytes = 0;  // accepted; with a whole line, up to and including its LF
    Line line = Line::open;
    ParseError error = ParseError::ok;
  };

  void begin(Section section, const ParserLimits& limits);
  // Looks at `bytes` up to the end of one line.
  Seen scan(std::string_view bytes);
  bool has_begun() const { return lines_ > 0; }  // a line that is not empty

 private:
  enum class Place : std::uint8_t { line_start, in_line, after_cr };

  ParseError open_line(char first);
  ParseError overflow() const;
  bool in_start_line() const { return section_ != Section::trailers && lines_ == 1; }
  Seen close_line(std::size_t bytes);

  std::uint32_t bytes_left_ = 0;
  std::uint32_t lines_ = 0;
  std::uint32_t lines_max_ = 0;
  Section section_ = Section::request;
  Place place_ = Place::line_start;
  bool empty_line_ = false;
};

}  // namespace culvert::wire
