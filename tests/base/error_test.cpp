// What would break: errors would reach logs and users under wrong names, or compare unequal to what they are.
#include "culvert/error.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace culvert {
namespace {

TEST(Error, HasTheNameAndSentenceOfItsRow) {
  EXPECT_EQ(name_of(errc::ok), "ok");
  EXPECT_EQ(name_of(errc::end_of_stream), "end_of_stream");
  EXPECT_EQ(name_of(errc::ERR_STREAM_WRITE_AFTER_END), "ERR_STREAM_WRITE_AFTER_END");
  EXPECT_EQ(make_error_code(errc::socket_hang_up).message(), "socket hang up");
  EXPECT_EQ(make_error_code(errc::ERR_HTTP_HEADERS_SENT).message(),
            "Cannot change headers after they are sent to the peer");
}

TEST(Error, ValuesOutsideTheTableAreUnknown) {
  EXPECT_EQ(name_of(static_cast<errc>(9999)), "unknown");
  EXPECT_EQ(culvert_category().message(-1), "unknown error");
}

TEST(Error, ComparesWithTheEnumAndNothingElse) {
  const std::error_code error = errc::timed_out;
  EXPECT_EQ(error, errc::timed_out);
  EXPECT_NE(error, errc::aborted);
  EXPECT_NE(error, std::error_code(error.value(), std::generic_category()));
  EXPECT_FALSE(std::error_code(errc::ok));
}

TEST(HttpError, CarriesItsCode) {
  const http_error error(errc::ERR_INVALID_CHAR, "X-Name");
  EXPECT_EQ(error.code(), errc::ERR_INVALID_CHAR);
  EXPECT_EQ(std::string_view(error.what()).substr(0, 6), "X-Name");
}

TEST(Result, IsAValueOrAnError) {
  Result<std::unique_ptr<int>> value(std::make_unique<int>(7));
  ASSERT_TRUE(value);
  EXPECT_EQ(**value, 7);
  EXPECT_FALSE(value.error());
  const Result<int> error(errc::aborted);
  EXPECT_FALSE(error);
  EXPECT_EQ(error.error(), errc::aborted);
}

}  // namespace
}  // namespace culvert
