// If this fails, a certificate passes that no pattern is meant for.
#include "config/text_pattern.hpp"

#include <gtest/gtest.h>

namespace culvert::config {
namespace {

TEST(TextPattern, WithoutAStarIsTheTextItself) {
  EXPECT_TRUE(TextPattern{"CN=alice"}.matches("CN=alice"));
  for (const char* other : {"", "CN=alic", "CN=alice,O=Test", "xCN=alice", "cn=alice"}) {
    EXPECT_FALSE(TextPattern{"CN=alice"}.matches(other)) << other;
  }
}

TEST(TextPattern, StarStandsForAnyText) {
  EXPECT_TRUE(TextPattern{"*"}.matches(""));
  EXPECT_TRUE(TextPattern{"*"}.matches("anything"));
  EXPECT_TRUE(TextPattern{"CN=alice,*"}.matches("CN=alice,O=Test"));
  EXPECT_FALSE(TextPattern{"CN=alice,*"}.matches("CN=alice"));
  EXPECT_TRUE(TextPattern{"*.svc.test"}.matches("a.b.svc.test"));
  EXPECT_FALSE(TextPattern{"*.svc.test"}.matches("a.svc.test.evil"));
  EXPECT_TRUE(TextPattern{"*,OU=Billing,*"}.matches("CN=a,OU=Billing,O=Test"));
  EXPECT_FALSE(TextPattern{"*,OU=Billing,*"}.matches("CN=a,OU=Bill,O=Test"));
}

TEST(TextPattern, PartsDoNotOverlap) {
  EXPECT_FALSE(TextPattern{"ab*ba"}.matches("aba"));
  EXPECT_TRUE(TextPattern{"ab*ba"}.matches("abba"));
  EXPECT_FALSE(TextPattern{"*ab*ab*"}.matches("xabx"));
  EXPECT_TRUE(TextPattern{"*ab*ab*"}.matches("abab"));
  EXPECT_TRUE(TextPattern{"a**b"}.matches("ab"));
  EXPECT_TRUE(TextPattern{"*aab"}.matches("aaaab"));
}

}  // namespace
}  // namespace culvert::config
