// What would break: answers would carry wrong phrases, and programs would be told of other methods than the parser's.
#include "culvert/status.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "http/rows.hpp"

namespace culvert {
namespace {

TEST(Status, HasThePhrasesOfNode) {
  ROWS("http.STATUS_CODES");
  EXPECT_EQ(status_codes().size(), 63);
  EXPECT_EQ(status_message(404), "Not Found");
  EXPECT_EQ(status_message(413), "Payload Too Large");
  EXPECT_EQ(status_message(418), "I'm a Teapot");
  EXPECT_EQ(status_message(431), "Request Header Fields Too Large");
}

TEST(Status, FindsEachCodeOfTheTableAndNoOther) {
  EXPECT_TRUE(std::is_sorted(status_codes().begin(), status_codes().end(),
                             [](StatusCode a, StatusCode b) { return a.code < b.code; }));
  EXPECT_EQ(status_codes().front().code, 100);
  EXPECT_EQ(status_codes().back().code, 511);
  std::size_t found = 0;
  for (std::uint32_t number = 0; number <= UINT16_MAX; ++number) {
    const auto code = static_cast<std::uint16_t>(number);
    if (status_message(code) == "unknown") continue;
    ASSERT_EQ(status_codes()[found].code, code);
    ASSERT_EQ(status_codes()[found].phrase, status_message(code));
    ++found;
  }
  EXPECT_EQ(found, status_codes().size());
}

TEST(Methods, AreThoseOfNodeInOrder) {
  EXPECT_TRUE(std::is_sorted(methods().begin(), methods().end()));
  EXPECT_EQ(methods().size(), 35);
  EXPECT_EQ(methods().front(), "ACL");
  EXPECT_EQ(methods().back(), "UNSUBSCRIBE");
  EXPECT_THAT(methods(), testing::IsSupersetOf({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE",
                                                "PATCH", "M-SEARCH", "QUERY"}));
  EXPECT_THAT(methods(), testing::Not(testing::Contains("PRI")));
}

}  // namespace
}  // namespace culvert
