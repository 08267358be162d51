// What would break: the log would name the wrong reason why a stream was refused, or none.
#include "wire/preface_error.hpp"

#include <gtest/gtest.h>

namespace culvert::wire {
namespace {

TEST(PrefaceError, CarriesNameAndSentence) {
  const std::error_code error = PrefaceError::not_tls;
  EXPECT_EQ(name_of(PrefaceError::not_tls), "not_tls");
  EXPECT_EQ(error.message(), "the stream does not begin with a TLS handshake");
  EXPECT_STREQ(error.category().name(), "preface");
  EXPECT_FALSE(std::error_code(PrefaceError::ok));
}

TEST(PrefaceError, ValuesOutsideTheTableAreUnknown) {
  EXPECT_EQ(name_of(static_cast<PrefaceError>(9999)), "unknown");
  EXPECT_EQ(preface_category().message(-1), "unknown error");
}

}  // namespace
}  // namespace culvert::wire
