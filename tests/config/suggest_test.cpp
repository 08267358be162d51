// If this fails, "did you mean" names the wrong word, or none where a small slip is obvious.
#include "config/suggest.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace culvert::config {
namespace {

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abc", "abc"), 0u);
  EXPECT_EQ(edit_distance("abc", "abxc"), 1u);
  EXPECT_EQ(edit_distance("abxc", "abc"), 1u);
  EXPECT_EQ(edit_distance("abc", "axc"), 1u);
  EXPECT_EQ(edit_distance("abcd", "acbd"), 1u);
  EXPECT_EQ(edit_distance("ca", "abc"), 3u);  // a swapped pair is not touched again
}

TEST(Nearest, TakesWordsUpToAThirdAway) {
  constexpr std::array<std::string_view, 3> words{"max_sockets", "max_free_sockets", "timeout"};
  EXPECT_EQ(nearest("max_socket", words), "max_sockets");
  EXPECT_EQ(nearest("timeuot", words), "timeout");
  EXPECT_EQ(nearest("tmeut", words), "");  // five letters: one slip, not two
  EXPECT_EQ(nearest("", words), "");
}

TEST(Nearest, IgnoresDashesUnderscoresAndCase) {
  constexpr std::array<std::string_view, 2> words{"x", "max_header_size"};
  EXPECT_EQ(nearest("maxHeaderSize", words), "max_header_size");
  EXPECT_EQ(nearest("MAX-HEADER-SIZE", words), "max_header_size");
}

TEST(Nearest, TakesTheClosest) {
  constexpr std::array<std::string_view, 2> words{"lifo", "fifo"};
  EXPECT_EQ(nearest("filo", words), "fifo");
}

TEST(Nearest, DoesNotCompareVeryLongWords) {
  const std::string word(65, 'a');
  const std::array<std::string_view, 1> words{word};
  EXPECT_EQ(nearest(word, words), "");
  EXPECT_EQ(nearest(word.substr(1), words), word);
}

TEST(MeantBoolean, KnowsOtherWordsForTrueAndFalse) {
  for (const std::string_view word : {"yes", "Yes", "on", "ON", "True", "true"}) EXPECT_EQ(meant_boolean(word), "true");
  for (const std::string_view word : {"no", "NO", "False", "false"}) EXPECT_EQ(meant_boolean(word), "false");
  for (const std::string_view word : {"", "off", "1", "yess"}) EXPECT_EQ(meant_boolean(word), "");
}

}  // namespace
}  // namespace culvert::config
