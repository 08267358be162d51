// What would break: clients would get a response that they have to take for an attack, or none where there is a good
// one.
#include "base/ocsp.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "support/test_authority.hpp"

namespace culvert {
namespace {

using std::chrono::hours;
using std::chrono::system_clock;
using test::TestAuthority;

class OcspTest : public ::testing::Test {
 protected:
  OcspTest() { pair_.certificate += root_.pem(); }
  std::string read(std::string response) {
    PemPair pair = pair_;
    pair.ocsp = std::move(response);
    return read_ocsp(pair, staple_);
  }

  const TestAuthority root_{"Root"};
  PemPair pair_ = root_.issue({.name = "server"});
  OcspStaple staple_;
};

TEST_F(OcspTest, GoodOnesHoldInTheirTime) {
  for (const bool by_sha256 : {false, true}) {
    ASSERT_EQ(read(root_.ocsp(pair_, {.begins = -1, .ends = 2, .by_sha256 = by_sha256})), "");
    const auto now = system_clock::now();
    EXPECT_TRUE(staple_.holds_at(now));
    EXPECT_TRUE(staple_.holds_at(now + hours(47)));
    EXPECT_FALSE(staple_.holds_at(now + hours(49)));
    EXPECT_FALSE(staple_.holds_at(now - hours(25)));
    EXPECT_TRUE(staple_.is_about(*test::certificate_of(pair_)));
    EXPECT_FALSE(staple_.is_about(root_.certificate()));
  }
}

TEST_F(OcspTest, OthersNever) {
  ASSERT_EQ(read(root_.ocsp(pair_, {.good = false})), "");
  EXPECT_FALSE(staple_.is_good);
  EXPECT_FALSE(staple_.holds_at(system_clock::now()));
}

TEST_F(OcspTest, WhatIsNoneIsSaid) {
  EXPECT_EQ(read(""), "there is no OCSP response in it (DER)");
  EXPECT_EQ(read(pair_.certificate), "there is no OCSP response in it (DER)");
  const std::string whole = root_.ocsp(pair_, {});
  EXPECT_EQ(read(whole.substr(0, whole.size() - 1)), "there is no OCSP response in it (DER)");
  EXPECT_EQ(read("\x30\x03\x0a\x01\x06"), "the OCSP server has answered \"unauthorized\"");
}

TEST_F(OcspTest, OneAboutAnotherCertificateIsSaid) {
  EXPECT_EQ(read(root_.ocsp(root_.issue({.name = "other"}), {})), "it is about another certificate");
}

TEST_F(OcspTest, OneOfAnotherSignerIsSaid) {
  // Of the same name, with another key: by name it would be the right one.
  const std::string forged = TestAuthority("Root").ocsp(pair_, {});
  EXPECT_NE(read(forged), "");
  std::string touched = root_.ocsp(pair_, {});
  const std::size_t second = touched.find("Z\x30") - 1;  // of the time when it was made
  ASSERT_LT(second, touched.size());
  touched[second] = static_cast<char>(touched[second] ^ 1);
  EXPECT_NE(read(touched), "");
}

TEST_F(OcspTest, TheSignersCertificateIsNeeded) {
  const std::string response = root_.ocsp(pair_, {});
  pair_.certificate = pair_.certificate.substr(0, pair_.certificate.size() - root_.pem().size());
  EXPECT_EQ(read(response), "the certificate of who signed it has to stand behind its own");
}

}  // namespace
}  // namespace culvert
