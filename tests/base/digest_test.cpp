// What would break: credentials would reach the other side mangled, and no WebSocket handshake would be accepted.
#include "base/digest.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace culvert {
namespace {

std::string encoded(std::string_view text) { return encode_base64(as_bytes(text)); }

std::string hex(Bytes digest) {
  std::string text;
  for (const std::byte byte : digest) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[std::to_integer<std::size_t>(byte >> 4)];
    text += digits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

TEST(Base64, EncodesTheVectorsOfTheRfc) {  // RFC 4648 section 10
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foob"), "Zm9vYg==");
  EXPECT_EQ(encoded("fooba"), "Zm9vYmE=");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
}

TEST(Base64, WritesOneLineHoweverLong) {
  EXPECT_EQ(encoded(std::string(300, 'a')).find_first_of("\r\n"), std::string::npos);
}

TEST(Base64, ReadsWhatItWrites) {
  std::string bytes;
  for (int value = 0; value < 1000; ++value) {
    bytes += static_cast<char>(value * 7);
    const std::string text = encoded(bytes);
    ASSERT_EQ(text.find('\0'), std::string::npos);
    ASSERT_EQ(decode_base64(text), bytes) << value;
  }
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("+/+/"), "\xfb\xff\xbf");
}

void expect_refused(std::initializer_list<std::string_view> texts) {
  for (const std::string_view text : texts) EXPECT_FALSE(decode_base64(text)) << text;
}

TEST(Base64, RefusesEveryOtherSpelling) {
  expect_refused({"Z", "Zg", "Zg=", "Zm8", "Zg===", "=", "==", "====", "Zg==Zg==", "Z===", "=Zg=", "Zm=v"});
  expect_refused({" Zm9v", "Zm9v ", "Zm9v\n", "Zm9v\r\n", "Zm\n9v", "Zm8=\n", "    ", "Zm9v-", "Zm9v----"});
  expect_refused({"-_-_", "Zm9*", "Zm9\x80", std::string_view("Zm9\0", 4)});
  expect_refused({"Zh==", "Zm9="});  // bits that stand for nothing
}

TEST(Digest, IsThatOfTheStandard) {  // FIPS 180-2, appendix A
  EXPECT_EQ(hex(sha1({})), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(hex(sha1(as_bytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(sha1(as_bytes(std::string(1000000, 'a')))), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(Digest, WithAKeyIsThatOfTheStandard) {  // RFC 4231 4.3 and 4.7
  EXPECT_EQ(hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(as_bytes(std::string(131, '\xaa')), as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Secrets, AreComparedWhole) {
  EXPECT_TRUE(equal_in_constant_time(as_bytes("abc"), as_bytes("abc")));
  EXPECT_TRUE(equal_in_constant_time({}, {}));
  for (const char* other : {"abd", "Abc", "ab", "abcd", ""}) {
    EXPECT_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes(other))) << other;
  }
}

TEST(Secrets, AreGoneOnceWiped) {
  std::string secret = "a secret that is too long to lie in the string";
  wipe(secret);
  EXPECT_EQ(secret.find_first_not_of('\0'), std::string::npos);
}

TEST(Digest, AcceptsTheHandshakeOfTheRfc) {  // RFC 6455 section 1.3
  EXPECT_EQ(encode_base64(sha1(as_bytes("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

}  // namespace
}  // namespace culvert
