// If this fails, a log line or a diagnostic can hold text that is not JSON, or lose what a client sent.
#include "base/json_text.hpp"

#include <gtest/gtest.h>

namespace culvert {
namespace {

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonText, QuotesAndPassesPlainText) {
  EXPECT_EQ(json(""), "\"\"");
  EXPECT_EQ(json("/a b?c=d"), "\"/a b?c=d\"");
}

TEST(JsonText, AppendsBehindWhatIsThere) {
  std::string out = "{\"a\":";
  append_json_string(out, "b");
  EXPECT_EQ(out, "{\"a\":\"b\"");
}

TEST(JsonText, EscapesQuotesBackslashesAndControlCharacters) {
  EXPECT_EQ(json("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(json("\n\r\t"), R"("\n\r\t")");
  EXPECT_EQ(json(std::string_view("\0\x1f\x7f", 3)), R"("\u0000\u001f\u007f")");
}

TEST(JsonText, PassesUtf8OfEveryLength) {
  for (const std::string text :
       {"\u0080", "\u00e9", "\u0800", "\u20ac", "\ud7ff", "\uffff", "\U0001f600", "\U0010ffff"}) {
    EXPECT_EQ(json(text), "\"" + text + "\"");
  }
}

TEST(JsonText, ReplacesEveryByteThatIsNotUtf8) {
  EXPECT_EQ(json("a\xff" "b"), R"("a\ufffdb")");
  EXPECT_EQ(json("\xc3"), R"("\ufffd")");                          // cut short
  EXPECT_EQ(json("\xe2\x82"), R"("\ufffd\ufffd")");                // cut short
  EXPECT_EQ(json("\xf0\x9f\x98"), R"("\ufffd\ufffd\ufffd")");      // cut short
  EXPECT_EQ(json("\xc0\xaf"), R"("\ufffd\ufffd")");                // overlong "/"
  EXPECT_EQ(json("\xe0\x9f\xbf"), R"("\ufffd\ufffd\ufffd")");      // overlong
  EXPECT_EQ(json("\xf0\x8f\xbf\xbf"), R"("\ufffd\ufffd\ufffd\ufffd")");
  EXPECT_EQ(json("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");      // a surrogate
  EXPECT_EQ(json("\xf4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");  // beyond U+10FFFF
  EXPECT_EQ(json("\x80" "a"), R"("\ufffda")");                     // begins in the middle
}

}  // namespace
}  // namespace culvert
