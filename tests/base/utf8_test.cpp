// What would break: text that is none would be passed on as text, or text would be refused where a piece of it ended.
#include "base/utf8.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace culvert {
namespace {

bool accepts(std::string_view text) {
  Utf8Check check;
  return check.accept(as_bytes(text)) && check.is_complete();
}

// How many bytes of `text` are accepted one by one before it is hopeless; all of them where it is not.
std::size_t accepted_of(std::string_view text) {
  Utf8Check check;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!check.accept(as_bytes(text.substr(i, 1)))) return i;
  }
  return text.size();
}

std::string bytes(std::initializer_list<unsigned> values) {
  std::string text;
  for (const unsigned value : values) text += static_cast<char>(value);
  return text;
}

std::string encoded(unsigned point) {
  const auto rest = [&](unsigned shift) { return 0x80 | (point >> shift & 0x3f); };
  if (point < 0x80) return bytes({point});
  if (point < 0x800) return bytes({0xc0 | point >> 6, rest(0)});
  if (point < 0x10000) return bytes({0xe0 | point >> 12, rest(6), rest(0)});
  return bytes({0xf0 | point >> 18, rest(12), rest(6), rest(0)});
}

TEST(Utf8, IsEveryCodePointButSurrogates) {
  for (unsigned point = 0; point <= 0x1fffff; ++point) {
    const bool is_text = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    ASSERT_EQ(accepts(encoded(point)), is_text) << std::hex << point;
  }
}

TEST(Utf8, IsNoOtherSequenceOfTwoOrThreeBytes) {
  std::size_t accepted = 0;
  std::string text(3, '\0');
  for (unsigned number = 0xc00000; number <= 0xffffff; ++number) {
    text[0] = static_cast<char>(number >> 16);
    text[1] = static_cast<char>(number >> 8);
    text[2] = static_cast<char>(number);
    if (accepts(text)) ++accepted;
  }
  const std::size_t two_and_ascii = (0x800 - 0x80) * 0x80;
  const std::size_t three = 0x10000 - 0x800 - 0x800;  // without those that two bytes hold, without surrogates
  EXPECT_EQ(accepted, two_and_ascii + three);
}

TEST(Utf8, IsNoOtherSequenceOfFourBytes) {
  for (unsigned first = 0xf0; first <= 0xff; ++first) {
    for (unsigned second = 0; second <= 0xff; ++second) {
      const unsigned high = (first & 0x0f) << 2 | (second >> 4 & 3);  // the plane
      const bool is_text = first <= 0xf4 && second >> 6 == 2 && high >= 1 && high <= 16;
      for (const unsigned third : {0x7fu, 0x80u, 0xbfu, 0xc0u}) {
        for (const unsigned fourth : {0x7fu, 0x80u, 0xbfu, 0xc0u}) {
          ASSERT_EQ(accepts(bytes({first, second, third, fourth})), is_text && third >> 6 == 2 && fourth >> 6 == 2)
              << std::hex << first << ' ' << second << ' ' << third << ' ' << fourth;
        }
      }
    }
  }
}

TEST(Utf8, FailsAtTheFirstByteThatCannotBe) {
  EXPECT_EQ(accepted_of("a\x80"), 1);
  EXPECT_EQ(accepted_of("a\xc0\xaf"), 1);
  EXPECT_EQ(accepted_of("\xe0\x80\xaf"), 1);
  EXPECT_EQ(accepted_of("\xed\xa0\x80"), 1);
  EXPECT_EQ(accepted_of("\xf4\x90\x80\x80"), 1);
  EXPECT_EQ(accepted_of("\xf0\x9f\x98\x41"), 3);
}

TEST(Utf8, MayBeCutAnywhere) {
  const std::string text = "plain ascii first, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x98\x80; and plain ascii at the end";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Utf8Check check;
    ASSERT_TRUE(check.accept(as_bytes(text).first(cut)));
    const bool within = cut < text.size() && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80;
    ASSERT_EQ(check.is_complete(), !within) << cut;
    ASSERT_TRUE(check.accept(as_bytes(text).subspan(cut)));
    ASSERT_TRUE(check.is_complete());
  }
}

TEST(Utf8, IsNotHiddenInAsciiOfAnyLength) {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'a');
      ASSERT_TRUE(accepts(text));
      text[at] = '\x80';
      ASSERT_FALSE(accepts(text)) << at << " of " << size;
    }
  }
}

}  // namespace
}  // namespace culvert
