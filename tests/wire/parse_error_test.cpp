// If this fails, a bad request is answered with the wrong status, or logged without its reason.
#include "wire/parse_error.hpp"

#include <gtest/gtest.h>

namespace culvert::wire {
namespace {

TEST(ParseError, CarriesNameStatusAndSentence) {
  const std::error_code error = ParseError::HPE_HEADER_OVERFLOW;
  EXPECT_TRUE(error);
  EXPECT_EQ(name_of(ParseError::HPE_HEADER_OVERFLOW), "HPE_HEADER_OVERFLOW");
  EXPECT_EQ(error.message(), "the head is longer than its limit");
  EXPECT_EQ(status_for(error), 431);
  EXPECT_FALSE(std::error_code(ParseError::ok));
}

TEST(ParseError, StatusesFollowTheKindOfFault) {
  EXPECT_EQ(status_for(ParseError::HPE_INVALID_METHOD), 400);
  EXPECT_EQ(status_for(ParseError::request_line_too_long), 414);
  EXPECT_EQ(status_for(ParseError::HPE_CHUNK_EXTENSIONS_OVERFLOW), 413);
  EXPECT_EQ(status_for(ParseError::unknown_method), 501);
  EXPECT_EQ(status_for(ParseError::version_not_supported), 505);
  EXPECT_EQ(status_for(std::make_error_code(std::errc::connection_reset)), 400);
}

TEST(ParseError, IsFoundByName) {
  EXPECT_EQ(parse_error_named("HPE_INVALID_URL"), ParseError::HPE_INVALID_URL);
  EXPECT_EQ(parse_error_named("HPE_NEVER_HEARD_OF"), ParseError::HPE_INTERNAL);
}

}  // namespace
}  // namespace culvert::wire
