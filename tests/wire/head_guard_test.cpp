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

TEST(HeadGuard, HasBegunWithALineThatIsNotEmpty) {
  HeadGuard guard = guard_for(Section::request);
  EXPECT_FALSE(guard.has_begun());
  EXPECT_EQ(guard.judge('\r'), ParseError::ok);
  EXPECT_EQ(guard.judge('G'), ParseError::ok);
  EXPECT_FALSE(guard.has_begun()) << "asking is not counting";
  guard.count_line();
  EXPECT_TRUE(guard.has_begun());
}

TEST(HeadGuard, JudgesLinesByTheirFirstByte) {
  HeadGuard guard = guard_for(Section::request);
  EXPECT_EQ(guard.judge('\n'), ParseError::HPE_CR_EXPECTED);
  EXPECT_EQ(guard.judge(' '), ParseError::ok) << "the start line has its own grammar";
  EXPECT_EQ(guard.judge('\x80'), ParseError::ok);
  guard.count_line();
  EXPECT_EQ(guard.judge('\n'), ParseError::HPE_CR_EXPECTED);
  EXPECT_EQ(guard.judge(' '), ParseError::obsolete_folding);
  EXPECT_EQ(guard.judge('\t'), ParseError::obsolete_folding);
  EXPECT_EQ(guard.judge('\r'), ParseError::ok);
  EXPECT_EQ(guard.judge('\x80'), ParseError::ok) << "no name, but that is for the reader of names";
  EXPECT_EQ(guard_for(Section::trailers).judge(' '), ParseError::obsolete_folding);
}

TEST(HeadGuard, LimitsAreForTheSectionAsItArrives) {
  const ParserLimits limits{.header_bytes_max = 20, .headers_max = 1};
  HeadGuard guard = guard_for(Section::request, limits);
  EXPECT_EQ(guard.allowed(std::string(20, 'a')).size(), 20u);
  EXPECT_EQ(guard.allowed(std::string(21, 'a')).size(), 20u);
  guard.took(20);
  EXPECT_TRUE(guard.allowed("a").empty());
  EXPECT_EQ(guard.overflow(""), ParseError::HPE_HEADER_OVERFLOW);
  EXPECT_EQ(guard.overflow("\r"), ParseError::HPE_HEADER_OVERFLOW);
  EXPECT_EQ(guard.overflow("GET"), ParseError::request_line_too_long);
  EXPECT_EQ(guard_for(Section::response, limits).overflow("HTTP"), ParseError::HPE_HEADER_OVERFLOW);
  EXPECT_EQ(guard_for(Section::trailers, limits).overflow("X"), ParseError::HPE_HEADER_OVERFLOW);
  for (const char first : {'b', '\x80'}) {
    guard = guard_for(Section::request, limits);
    guard.count_line();
    EXPECT_EQ(guard.overflow("X"), ParseError::HPE_HEADER_OVERFLOW);
    EXPECT_EQ(guard.judge(first), ParseError::ok);
    guard.count_line();
    EXPECT_EQ(guard.judge(first), ParseError::too_many_headers);
    EXPECT_EQ(guard.judge('\r'), ParseError::ok);
  }
}

// Around the sizes of the search's steps, in texts too long to be taken without one and in short ones.
TEST(WholeLines, EndAtTheFirstEmptyLine) {
  for (std::size_t before = 1; before < 60; ++before) {
    for (const std::size_t after : {0, 1, 2, 5, 17, 40, 2000}) {
      const std::string head = std::string(before, 'x') + "\r\n\r\n";
      ASSERT_EQ(whole_lines(head + std::string(after, 'b')), head.size()) << before << " before, " << after << " after";
    }
  }
}

TEST(WholeLines, AreAllWithoutAnEmptyLine) {
  for (std::size_t size = 0; size < 60; ++size) {
    const std::string open(size, 'x');
    ASSERT_EQ(whole_lines(open), 0u);
    ASSERT_EQ(whole_lines("GET\r\n" + open), 5u) << size;
    ASSERT_EQ(whole_lines(open + "\r\n"), size + 2);
    ASSERT_EQ(whole_lines(open + "\n\r"), size + 1);
  }
  EXPECT_EQ(whole_lines("\r\nbody"), 2u) << "the empty line after lines that came before";
}

std::string with_margin(std::string lines) { return lines + std::string(margin, '\0'); }

// Every byte value at every place within two steps of the search, so that none of its branches is left out.
TEST(FindLineEnd, RefusesEveryControlCharacterAnywhere) {
  for (int value = 0; value < 256; ++value) {
    for (std::size_t at = 0; at < 36; ++at) {
      std::string lines = with_margin(std::string(37, 'x') + "\r\nnext\x01 line\r\n");
      lines[at] = static_cast<char>(value);
      const LineEnd end = find_line_end(lines.data(), Rules::strict);
      const bool control = (value < 0x20 && value != '\t') || value == 0x7f;
      ASSERT_EQ(end.error != ParseError::ok, control) << value << " at " << at;
      ASSERT_EQ(end.at, lines.data() + (control ? at : 37)) << value << " at " << at;
    }
  }
}

TEST(FindLineEnd, SaysWhatIsWrong) {
  const auto error = [](const std::string& lines) { return find_line_end(with_margin(lines).data(), Rules::strict).error; };
  EXPECT_EQ(error("a\n"), ParseError::HPE_CR_EXPECTED);
  EXPECT_EQ(error("a\rb\r\n"), ParseError::HPE_LF_EXPECTED);
  EXPECT_EQ(error("a\r\r\n"), ParseError::HPE_LF_EXPECTED);
  EXPECT_EQ(error("a\x1b\r\n"), ParseError::HPE_INVALID_HEADER_TOKEN);
  EXPECT_EQ(error("\xff~\xff~~~\xff~\xff~\t\r\n"), ParseError::ok);
}

}  // namespace
}  // namespace culvert::wire
