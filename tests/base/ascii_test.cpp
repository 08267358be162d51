// What would break: names and lists of header fields would be compared, cut or refused wrongly everywhere.
#include "base/ascii.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace culvert::ascii {
namespace {

std::vector<std::string_view> members(std::string_view list) {
  std::vector<std::string_view> found;
  while (!list.empty()) found.push_back(take_member(list));
  return found;
}

TEST(Ascii, ComparesLettersWithoutCaseAndNothingElse) {
  EXPECT_TRUE(iequals("Content-Length", "cONTENT-lENGTH"));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_FALSE(iequals("[", "{"));        // they differ by the bit that tells letters apart
  EXPECT_FALSE(iequals("\xc4", "\xe4"));  // bytes above 127 are nobody's letters
}

TEST(Ascii, LowersOnlyAsciiLetters) { EXPECT_EQ(lower("ABC-Z[\xc4"), "abc-z[\xc4"); }

TEST(Ascii, TrimsBlanksOnly) {
  EXPECT_EQ(trim(" \t a b\t "), "a b");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim("\r\na"), "\r\na");
}

TEST(Ascii, Tokens) {
  EXPECT_TRUE(is_token("!#$%&'*+-.^_`|~09azAZ"));
  EXPECT_FALSE(is_token(""));
  for (const char c : std::string_view("()<>@,;:\\\"/[]?={} \t\r\n\x7f\x80")) {
    EXPECT_FALSE(is_token(std::string("a") + c)) << static_cast<int>(c);
  }
  EXPECT_FALSE(is_token(std::string_view("a\0b", 3)));
}

TEST(Ascii, FieldValues) {
  EXPECT_TRUE(is_field_value(""));
  EXPECT_TRUE(is_field_value("a \t~\x80\xff"));
  for (const char c : std::string_view("\r\n\0\x1f\x7f", 5)) {
    EXPECT_FALSE(is_field_value(std::string("a") + c)) << static_cast<int>(c);
  }
}

TEST(Ascii, CutsListsAtCommasOutsideQuotes) {
  EXPECT_EQ(members("a, b ,c"), (std::vector<std::string_view>{"a", "b", "c"}));
  EXPECT_EQ(members(",a,"), (std::vector<std::string_view>{"", "a"}));
  EXPECT_EQ(members(R"(a="x,\",y", b)"), (std::vector<std::string_view>{R"(a="x,\",y")", "b"}));
  EXPECT_EQ(members(R"(open="x, b)"), (std::vector<std::string_view>{R"(open="x, b)"}));
  EXPECT_EQ(members("\"\\"), (std::vector<std::string_view>{"\"\\"}));
  EXPECT_TRUE(members("").empty());
}

TEST(Ascii, FindsATokenInAList) {
  EXPECT_TRUE(list_contains("keep-alive, Close", "close"));
  EXPECT_FALSE(list_contains("not-close, closed", "close"));
  EXPECT_FALSE(list_contains("", "close"));
}

TEST(Ascii, ParsesDecimalWithoutOverflow) {
  EXPECT_EQ(parse_decimal("0"), 0u);
  EXPECT_EQ(parse_decimal("007"), 7u);
  EXPECT_EQ(parse_decimal("9999999999999999999"), 9999999999999999999u);
  EXPECT_EQ(parse_decimal("0000000000000000000000007"), 7u);
  EXPECT_EQ(parse_decimal("999999999999999999999999x"), std::nullopt);
  EXPECT_EQ(parse_decimal("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_decimal("18446744073709551616"), std::nullopt);
  for (const char* text : {"", "+1", "-1", " 1", "1 ", "0x1", "1.0"}) {
    EXPECT_EQ(parse_decimal(text), std::nullopt) << text;
  }
}

TEST(Ascii, WritesDigits) {
  char place[decimal_digits_max];
  EXPECT_EQ(std::string_view(place, append_decimal(place, UINT64_MAX)), "18446744073709551615");
  EXPECT_EQ(std::string_view(place, append_decimal(place, 0)), "0");
  EXPECT_EQ(std::string_view(place, append_hex(place, UINT64_MAX)), "ffffffffffffffff");
  EXPECT_EQ(std::string_view(place, append_hex(place, 0x10)), "10");
}

}  // namespace
}  // namespace culvert::ascii
