// If this fails, characters are taken for what they are not, and with them names, values and targets.
#include "wire/text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace culvert::wire {
namespace {

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
