// If these fail, credentials are read in another way than they were meant, or what is no credentials is taken for some.
#include "proxy/basic_credentials.hpp"

#include <gtest/gtest.h>

#include "base/digest.hpp"

namespace culvert::proxy {
namespace {

std::string basic(std::string_view pair) { return "Basic " + encode_base64(as_bytes(pair)); }

// "USER|PASSWORD", or nothing.
std::string parsed(std::string_view value) {
  const auto credentials = parse_basic(value);
  return credentials ? std::string(credentials->user()).append("|").append(credentials->password()) : "";
}

TEST(BasicCredentials, AreUserAndPassword) {
  EXPECT_EQ(parsed("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), "Aladdin|open sesame");  // RFC 7617 2
  EXPECT_EQ(parsed("Basic dGVzdDoxMjPCow=="), "test|123\xc2\xa3");                // RFC 7617 2.1
  EXPECT_EQ(parsed(basic("ann:a:b::")), "ann|a:b::");
  EXPECT_EQ(parsed(basic("ann:")), "ann|");
  EXPECT_EQ(parsed(basic("\xe9:\xff")), "\xe9|\xff") << "bytes are taken as they come";
}

TEST(BasicCredentials, HaveASchemeInAnyCase) {
  EXPECT_EQ(parsed("basic YTpi"), "a|b");
  EXPECT_EQ(parsed("BASIC   YTpi"), "a|b");
  for (const char* value : {"", "Basic", "Basic ", "YTpi", "BasicYTpi", "Basic\tYTpi", "Bearer YTpi", "Basic, YTpi", " Basic YTpi"}) {
    EXPECT_EQ(parsed(value), "") << value;
  }
}

TEST(BasicCredentials, HaveOneSpelling) {
  for (const char* value : {"Basic YTpi ", "Basic YTpi=", "Basic YTpi, Basic YTpi", "Basic YTp", "Basic YTo", "Basic YT pi",
                            "Basic Y-pi", "Basic charset=\"UTF-8\"", "Basic a:b"}) {
    EXPECT_EQ(parsed(value), "") << value;
  }
}

TEST(BasicCredentials, NeedAUserAndAColon) {
  EXPECT_EQ(parsed(basic("ann")), "");
  EXPECT_EQ(parsed(basic(":secret")), "");
  EXPECT_EQ(parsed(basic(":")), "");
}

TEST(BasicCredentials, HaveNoControlCharacters) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view pair : {"a\nb:c"sv, "a:b\nc"sv, "a:b\0c"sv, "a\0:b"sv, "a:\x7f"sv, "\x1f:b"sv, "a:\t"sv}) {
    EXPECT_EQ(parsed(basic(pair)), "") << pair;
  }
}

TEST(BasicCredentials, AreBounded) {
  const std::string longest(password_bytes_max, 'p');
  EXPECT_EQ(parsed(basic("a:" + longest)), "a|" + longest);
  EXPECT_EQ(parsed(basic("a:" + longest + "p")), "");
  const std::string user(credentials_bytes_max / 4 * 3 - 1, 'u');
  EXPECT_EQ(parsed(basic(user + ":")), user + "|");
  EXPECT_EQ(parsed(basic(user + "u:")), "");
}

TEST(Passwords, ThatCanBeSent) {
  EXPECT_TRUE(may_be_sent("p\xc3\xa4ss word"));
  EXPECT_FALSE(may_be_sent("pass\tword"));
  EXPECT_FALSE(may_be_sent(std::string(password_bytes_max + 1, 'p')));
}

}  // namespace
}  // namespace culvert::proxy
