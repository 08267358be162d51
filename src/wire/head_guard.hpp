// Looks at the bytes of a head, or of trailers, before any grammar does, and refuses those that parsers of different
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
  struct Seen {
    std::size_t accepted = 0;  // bytes that are all right
    std::size_t whole = 0;     // of these, those up to and including the last line end
    bool ended = false;        // with the empty line that ends the section: both numbers point behind it
    ParseError error = ParseError::ok;  // of the byte behind the accepted ones
  };

  void begin(Section section, const ParserLimits& limits);
  Seen scan(std::string_view bytes);
  bool has_begun() const { return lines_ > 0; }  // a line that is not empty: such lines may come before a start line

 private:
  enum class Place : std::uint8_t { line_start, in_line, after_cr };

  ParseError open_line(char first);
  ParseError judge_control(char c) const;
  ParseError overflow() const;
  bool in_start_line() const { return section_ != Section::trailers && lines_ == 1; }

  std::uint32_t bytes_left_ = 0;
  std::uint32_t lines_ = 0;
  std::uint32_t lines_max_ = 0;
  Section section_ = Section::request;
  Place place_ = Place::line_start;
  bool empty_line_ = false;
};

}  // namespace culvert::wire
