// If this fails, bytes that other parsers read differently reach ours, or heads have no limit.
#include "wire/head_guard.hpp"

#include <gtest/gtest.h>

#include <string>

namespace culvert::wire {
namespace {

using Section = HeadGuard::Section;

HeadGuard guard_for(Section section, ParserLimits limits = {}) {
  HeadGuard guard;
  guard.begin(section, limits);
  return guard;
}

TEST(HeadGuard, TellsWholeLinesFromOpenOnes) {
  HeadGuard guard = guard_for(Section::request);
  EXPECT_FALSE(guard.has_begun());
  EXPECT_EQ(guard.scan("\r\n").whole, 2u);
  EXPECT_FALSE(guard.has_begun());
  auto seen = guard.scan("GET /\r\nHost: a\r\nX: ");
  EXPECT_TRUE(guard.has_begun());
  EXPECT_EQ(seen.whole, 16u);
  EXPECT_EQ(seen.accepted, 19u);
  seen = guard.scan("y\r");
  EXPECT_EQ(seen.whole, 0u);
  EXPECT_EQ(seen.accepted, 2u);
  EXPECT_EQ(guard.scan("\n").whole, 1u);
  EXPECT_FALSE(guard.scan("\r").ended);
  seen = guard.scan("\nbody\r\n");
  EXPECT_TRUE(seen.ended);
  EXPECT_EQ(seen.accepted, 1u);
  EXPECT_EQ(seen.whole, 1u);
}

TEST(HeadGuard, SaysWhatPrecedesAnError) {
  HeadGuard guard = guard_for(Section::request);
  const auto seen = guard.scan("GET /\r\nHost: a\nX: ");
  EXPECT_EQ(seen.whole, 7u);
  EXPECT_EQ(seen.accepted, 14u);
  EXPECT_EQ(seen.error, ParseError::HPE_CR_EXPECTED);
}

TEST(HeadGuard, TrailersMayBeEmpty) {
  EXPECT_TRUE(guard_for(Section::trailers).scan("\r\n").ended);
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
      ASSERT_EQ(guard.scan(std::string_view(line).substr(0, start)).whole, start);
      const auto seen = guard.scan(std::string_view(line).substr(start));
      const bool control = (value < 0x20 && value != '\t') || value == 0x7f;
      ASSERT_EQ(seen.error != ParseError::ok, control) << value << " at " << at;
      ASSERT_EQ(seen.accepted, !control ? 23 : value == '\r' ? at + 1 : at) << value << " at " << at;
    }
  }
}

TEST(HeadGuard, ControlCharactersBesideEachOtherAreFoundInOrder) {
  HeadGuard guard = guard_for(Section::response);
  EXPECT_EQ(guard.scan("HTTP/1.1 \x80\x7f\x1f\r\n").accepted, 10u);
  guard.begin(Section::response, {});
  EXPECT_EQ(guard.scan("aaaaaaa\r\n\r\n....").accepted, 11u);
  guard.begin(Section::response, {});
  EXPECT_EQ(guard.scan("\xff~\xff~~~\xff~\xff~\r\n").error, ParseError::ok) << "what looks like DEL behind 0xff";
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
