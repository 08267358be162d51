// If this fails, a path in one form is matched and another passed on, or every request pays for those that are not plain.
#include "wire/plain_path.hpp"

#include <gtest/gtest.h>

#include <string>

#include "wire/sixteen_bodies.hpp"

namespace culvert::wire {
namespace {

template <class Text>
class PlainPath : public testing::Test {};

TYPED_TEST_SUITE(PlainPath, Bodies);

// Every mark at every place of paths of every length, so that each pair lies across the border of two steps once.
TYPED_TEST(PlainPath, SaysWhatALookAtEachByteSays) {
  for (std::size_t size = 1; size <= 70; ++size) {
    const std::string plain = "/" + std::string(size - 1, 'a');
    EXPECT_TRUE(is_plain_path<TypeParam>(plain)) << size;
    for (const std::string_view mark : {"%", "\\", "//", "/.", "/", ".", "a.", "./"}) {
      for (std::size_t at = 0; at + mark.size() <= size; ++at) {
        std::string path = plain;
        path.replace(at, mark.size(), mark);
        EXPECT_EQ(is_plain_path<TypeParam>(path), uri::is_plain_path(path)) << path;
      }
    }
  }
}

}  // namespace
}  // namespace culvert::wire
