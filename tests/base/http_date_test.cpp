// What would break: Date fields and log lines would carry times that nobody can parse, or the wrong day.
#include "base/http_date.hpp"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

std::string http_date(std::time_t seconds) {
  std::string text(http_date_chars, '?');
  format_http_date(text.data(), seconds);
  return text;
}
std::string iso_time(std::chrono::milliseconds since_epoch) {
  std::string text(iso_time_chars, '?');
  format_iso_time(text.data(), WallTime(since_epoch));
  return text;
}

TEST(HttpDate, KnownInstants) {
  EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");  // the example of RFC 9110
  EXPECT_EQ(http_date(951782399), "Mon, 28 Feb 2000 23:59:59 GMT");
  EXPECT_EQ(http_date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(http_date(1795255200), "Sat, 21 Nov 2026 10:00:00 GMT");
  EXPECT_EQ(http_date(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST(IsoTime, CutsOffWhatIsShorterThanAMillisecond) {
  using namespace std::chrono_literals;
  EXPECT_EQ(iso_time(0ms), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(1795255200'009ms), "2026-11-21T10:00:00.009Z");
  EXPECT_EQ(iso_time(-1ms), "1969-12-31T23:59:59.999Z");
  std::string text(iso_time_chars, '?');
  format_iso_time(text.data(), WallTime(999'999us));
  EXPECT_EQ(text, "1970-01-01T00:00:00.999Z");
}

}  // namespace
}  // namespace culvert
