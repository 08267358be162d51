// If this fails, bytes that other parsers read differently reach ours, or heads have no limit.
#include "wire/head_guard.hpp"

#include <gtest/gtest.h>

#include <string>

namespace culvert::wire {
namespace {

using Line = HeadGuard::Line;
using Section = HeadGuard::Section;

HeadGuard guard_for(Section section, ParserLimits limits = {}) {
  HeadGuard guard;
  guard.begin(section, limits);
  return guard;
}

TEST(HeadGuard, ReturnsLineByLine) {
  HeadGuard guard = guard_for(Section::request);
  EXPECT_FALSE(guard.has_begun());
  EXPECT_EQ(guard.scan("\r\nGET").line, Line::skipped);
  EXPECT_FALSE(guard.has_begun());
  const auto line = guard.scan("GET /\r\nHost: a\r\n");
  EXPECT_EQ(line.line, Line::text);
  EXPECT_EQ(line.bytes, 7u);
  EXPECT_TRUE(guard.has_begun());
  EXPECT_EQ(guard.scan("Host: ").line, Line::open);
  EXPECT_EQ(guard.scan("a\r").line, Line::open);
  EXPECT_EQ(guard.scan("\n").line, Line::text);
  EXPECT_EQ(guard.scan("\r").line, Line::open);
  EXPECT_EQ(guard.scan("\nbody").line, Line::last);
}

TEST(HeadGuard, TrailersMayBeEmpty) {
  EXPECT_EQ(guard_for(Section::trailers).scan("\r\n").line, Line::last);
  EXPECT_EQ(guard_for(Section::trailers).scan(" X: y\r\n").error, ParseError::obsolete_folding);
}

// Every byte value at every place within two words of the search, so that none of its branches is left out.
TEST(HeadGuard, FindsEveryControlCharacterAnywhere) {
  for (int value = 0; value < 256; ++value) {
    for (std::size_t at = 1; at < 20; ++at) {
      std::string line = "GET / HTTP/1.1\r\n" + std::string(21, 'x') + "\r\n";
      const std::size_t start = 16;
      line[start + at] = static_cast<char>(value);
      HeadGuard guard = guard_for(Section::request);
      ASSERT_EQ(guard.scan(line).bytes, start);
      const auto seen = guard.scan(std::string_view(line).substr(start));
      const bool control = (value < 0x20 && value != '\t') || value == 0x7f;
      ASSERT_EQ(seen.error != ParseError::ok, control) << value << " at " << at;
      ASSERT_EQ(seen.bytes, !control ? 23 : value == '\r' ? at + 1 : at) << value << " at " << at;
    }
  }
}

TEST(HeadGuard, ControlCharactersBesideEachOtherAreFoundInOrder) {
  HeadGuard guard = guard_for(Section::response);
  EXPECT_EQ(guard.scan("HTTP/1.1 \x80\x7f\x1f\r\n").bytes, 10u);
  guard.begin(Section::response, {});
  EXPECT_EQ(guard.scan("aaaaaaa\r\n\r\n").bytes, 9u);
}

TEST(HeadGuard, LimitsAreForTheSectionAsItArrives) {
  const ParserLimits limits{.header_bytes_max = 20, .headers_max = 1};
  HeadGuard guard = guard_for(Section::request, limits);
  EXPECT_EQ(guard.scan(std::string(20, 'a')).error, ParseError::ok);
  EXPECT_EQ(guard.scan("a").error, ParseError::request_line_too_long);
  guard = guard_for(Section::response, limits);
  EXPECT_EQ(guard.scan(std::string(21, 'a')).error, ParseError::HPE_HEADER_OVERFLOW);
  guard = guard_for(Section::request, limits);
  EXPECT_EQ(guard.scan("GET /\r\n").error, ParseError::ok);
  EXPECT_EQ(guard.scan("a: 1\r\n").error, ParseError::ok);
  EXPECT_EQ(guard.scan("b").error, ParseError::too_many_headers);
}

}  // namespace
}  // namespace culvert::wire
