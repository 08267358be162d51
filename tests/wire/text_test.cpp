// If this fails, list members or character classes are read wrongly, and with them framing and connection options.
#include "wire/text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace culvert::wire {
namespace {

TEST(Text, TakesMembersOfAList) {
  std::string_view list = " a ,b\t,, c";
  EXPECT_EQ(take_member(list), "a");
  EXPECT_EQ(take_member(list), "b");
  EXPECT_EQ(take_member(list), "");
  EXPECT_EQ(take_member(list), "c");
  EXPECT_TRUE(list.empty());
}

TEST(Text, TokensMayHaveAnyOfTheirCharactersAnywhere) {
  EXPECT_FALSE(is_token(""));
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      for (int value = 0; value < 256; ++value) {
        text[at] = static_cast<char>(value);
        ASSERT_EQ(is_token(text), is(token_char, text[at])) << value << " at " << at << " of " << size;
      }
    }
  }
}

TEST(Text, ComparesLettersOnly) {
  EXPECT_TRUE(same_letters("Keep-Alive", "keep-aLIVE"));
  EXPECT_FALSE(same_letters("a-b", "a\rb"));
  EXPECT_FALSE(same_letters("[", "{"));
  EXPECT_FALSE(same_letters("ab", "abc"));
}

TEST(Text, ClassesEndWhereTheRfcSays) {
  EXPECT_TRUE(is(token_char, '~'));
  EXPECT_FALSE(is(token_char, ':'));
  EXPECT_TRUE(is(value_char, '\t'));
  EXPECT_FALSE(is(value_char, '\x1f'));
  EXPECT_TRUE(is(value_char, '\xff'));
  EXPECT_TRUE(is(target_char, '!'));
  EXPECT_FALSE(is(target_char, ' '));
  EXPECT_FALSE(is(host_char, '/'));
  EXPECT_FALSE(is(host_char, '%'));
  EXPECT_TRUE(all(digit_char, ""));
  EXPECT_FALSE(all(digit_char, "12a"));
}

}  // namespace
}  // namespace culvert::wire
