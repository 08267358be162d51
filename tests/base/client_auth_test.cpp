// What would break: a site would start that refuses all of its clients, or lets those pass whose certificate was
// revoked.
#include "base/client_auth.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "support/test_authority.hpp"

namespace culvert {
namespace {

using std::chrono::system_clock;
using test::TestAuthority;

class ClientAuthTest : public ::testing::Test {
 protected:
  std::string authorities(const std::string& text) {
    return read_authorities({.authorities = text, .revoked = {}}, facts_);
  }
  std::string crls(const std::string& authorities, const std::string& text) {
    return read_crls({.authorities = authorities, .revoked = text}, facts_);
  }

  const TestAuthority root_{"Root"};
  ClientAuthFacts facts_;
};

TEST_F(ClientAuthTest, SaysWhoSignsAndUntilWhen) {
  ASSERT_EQ(authorities(root_.pem() + TestAuthority("Below", &root_).pem()), "");
  ASSERT_EQ(facts_.authorities.size(), 2u);
  EXPECT_EQ(facts_.authorities[0].name, "CN=Root,O=Test");
  EXPECT_EQ(facts_.authorities[1].name, "CN=Below,O=Test");
  EXPECT_GT(facts_.authorities[0].ends, system_clock::now() + std::chrono::days(29));
  EXPECT_LT(facts_.authorities[0].ends, system_clock::now() + std::chrono::days(31));
}

TEST_F(ClientAuthTest, WhatIsNoCertificateIsSaid) {
  EXPECT_EQ(authorities(""), "there is no certificate in it (PEM)");
  EXPECT_EQ(authorities(root_.crl()), "there is no certificate in it (PEM)");
  const std::string cut = root_.pem().substr(0, root_.pem().size() / 2) + "\n-----END CERTIFICATE-----\n";
  EXPECT_NE(authorities(root_.pem() + cut), "") << "only half of them would be trusted";
}

TEST_F(ClientAuthTest, SaysWhoHasIssuedAListAndUntilWhen) {
  ASSERT_EQ(crls(root_.pem(), root_.crl({}, 3)), "");
  ASSERT_EQ(facts_.crls.size(), 1u);
  EXPECT_EQ(facts_.crls[0].name, "CN=Root,O=Test");
  EXPECT_GT(facts_.crls[0].ends, system_clock::now() + std::chrono::days(2));
  EXPECT_LT(facts_.crls[0].ends, system_clock::now() + std::chrono::days(4));
  EXPECT_TRUE(facts_.without_crl.empty());
}

TEST_F(ClientAuthTest, WhatIsNoListIsSaid) {
  EXPECT_EQ(crls(root_.pem(), ""), "there is no CRL in it (PEM)");
  EXPECT_EQ(crls(root_.pem(), root_.pem()), "there is no CRL in it (PEM)");
  const std::string cut = root_.crl().substr(0, root_.crl().size() / 2) + "\n-----END X509 CRL-----\n";
  EXPECT_NE(crls(root_.pem(), root_.crl() + cut), "");
}

TEST_F(ClientAuthTest, ListOfSomebodyElseIsSaid) {
  EXPECT_EQ(crls(root_.pem(), root_.crl() + TestAuthority("Other").crl()),
            "the CRL of \"CN=Other,O=Test\" is signed by none of client_ca");
  EXPECT_EQ(crls(root_.pem(), TestAuthority("Root").crl()),
            "the CRL of \"CN=Root,O=Test\" is signed by none of client_ca");
}

TEST_F(ClientAuthTest, AuthorityWithoutAListIsFound) {
  const TestAuthority below("Below", &root_);
  ASSERT_EQ(crls(root_.pem() + below.pem(), root_.crl()), "");
  EXPECT_EQ(facts_.without_crl, std::vector<std::string>{"CN=Below,O=Test"});
}

TEST_F(ClientAuthTest, ListsNeedTheRoot) {
  const TestAuthority below("Below", &root_);
  EXPECT_EQ(crls(below.pem(), below.crl()),
            "it needs the root in client_ca: \"CN=Below,O=Test\" is signed by none of it");
}

}  // namespace
}  // namespace culvert
