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
  const auto seen = guard.scan("GET /\r\nHost: a\r\n X: ");
  EXPECT_EQ(seen.whole, 16u);
  EXPECT_EQ(seen.accepted, 16u);
  EXPECT_EQ(seen.error, ParseError::obsolete_folding);
}

TEST(HeadGuard, AnEmptyLineIsCrLf) {
  HeadGuard guard = guard_for(Section::request);
  EXPECT_EQ(guard.scan("\n").error, ParseError::HPE_CR_EXPECTED);
  guard = guard_for(Section::request);
  EXPECT_FALSE(guard.scan("GET /\r\n\rX\n").ended);
  EXPECT_FALSE(guard.scan("\r").ended);
  EXPECT_FALSE(guard.scan("\r").ended);
  EXPECT_FALSE(guard.scan("\n").ended) << "two CR";
}

TEST(HeadGuard, TrailersMayBeEmpty) {
  EXPECT_TRUE(guard_for(Section::trailers).scan("\r\n").ended);
  EXPECT_EQ(guard_for(Section::trailers).scan(" X: y\r\n").error, ParseError::obsolete_folding);
}

// Every byte value at every place within two words of the search, so that none of its branches is left out.
TEST(FindLineEnd, RefusesEveryControlCharacterAnywhere) {
  for (int value = 0; value < 256; ++value) {
    for (std::size_t at = 0; at < 20; ++at) {
      std::string lines = std::string(21, 'x') + "\r\nnext\x01 line\r\n";
      lines[at] = static_cast<char>(value);
      const LineEnd end = find_line_end(lines, 0);
      const bool control = (value < 0x20 && value != '\t') || value == 0x7f;
      ASSERT_EQ(end.error != ParseError::ok, control) << value << " at " << at;
      ASSERT_EQ(end.at, control ? at : 21) << value << " at " << at;
    }
  }
}

TEST(FindLineEnd, SaysWhatIsWrong) {
  EXPECT_EQ(find_line_end("a\n", 0).error, ParseError::HPE_CR_EXPECTED);
  EXPECT_EQ(find_line_end("a\rb\r\n", 0).error, ParseError::HPE_LF_EXPECTED);
  EXPECT_EQ(find_line_end("a\r\r\n", 0).error, ParseError::HPE_LF_EXPECTED);
  EXPECT_EQ(find_line_end("a\x1b\r\n", 0).error, ParseError::HPE_INVALID_HEADER_TOKEN);
  EXPECT_EQ(find_line_end("\x01 a\r\n", 1).error, ParseError::ok) << "looks from there on";
  EXPECT_EQ(find_line_end("\xff~\xff~~~\xff~\xff~\r\n", 0).error, ParseError::ok) << "like DEL behind 0xff";
  EXPECT_EQ(find_line_end("aaaaaaaaaaaa\x80\x7f\x1f\r\n", 0).at, 13u);
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
