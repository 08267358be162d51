// What would break: a peer would be told the wrong reason why its connection ends, or the log none.
#include "wire/websocket_error.hpp"

#include <gtest/gtest.h>

namespace culvert::wire {
namespace {

TEST(WebSocketError, CarriesNameCloseCodeAndSentence) {
  const std::error_code error = WebSocketError::invalid_utf8;
  EXPECT_EQ(name_of(WebSocketError::invalid_utf8), "invalid_utf8");
  EXPECT_EQ(close_code_for(error), 1007);
  EXPECT_EQ(error.message(), "a text or a reason is not UTF-8");
  EXPECT_STREQ(error.category().name(), "websocket");
  EXPECT_FALSE(std::error_code(WebSocketError::ok));
}

TEST(WebSocketError, CloseCodesFollowTheKindOfFault) {
  EXPECT_EQ(close_code_for(WebSocketError::reserved_bits), 1002);
  EXPECT_EQ(close_code_for(WebSocketError::message_too_long), 1009);
  EXPECT_EQ(close_code_for(std::make_error_code(std::errc::connection_reset)), 1011) << "no fault of the peer's frames";
}

TEST(WebSocketError, ValuesOutsideTheTableAreUnknown) {
  EXPECT_EQ(name_of(static_cast<WebSocketError>(9999)), "unknown");
  EXPECT_EQ(websocket_category().message(-1), "unknown error");
}

}  // namespace
}  // namespace culvert::wire
