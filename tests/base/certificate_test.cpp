// What would break: pairs that cannot serve would be taken, or names and times be read wrongly. Files of all kinds that
// OpenSSL makes are in e2e/test_tls.
#include "base/certificate.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>

namespace culvert {
namespace {

using std::chrono::system_clock;

PemPair pair_for(std::string_view name) { return make_self_signed(std::array{name}); }

TEST(Certificate, SelfSignedSaysWhatItIsFor) {
  const std::string_view names[] = {"localhost", "*.localhost", "127.0.0.1", "::1"};
  CertificateFacts facts;
  ASSERT_EQ(read_pair(make_self_signed(names), facts), "");
  EXPECT_EQ(facts.names, (std::vector<std::string>{"localhost", "*.localhost"}));
  EXPECT_LE(facts.not_before, system_clock::now());
  EXPECT_GT(facts.not_after, system_clock::now() + std::chrono::days(180));
  EXPECT_LT(facts.not_after, system_clock::now() + std::chrono::days(183));
}

TEST(Certificate, NamesAreReadInLowerCase) {
  CertificateFacts facts;
  ASSERT_EQ(read_pair(pair_for("WWW.Example.TEST"), facts), "");
  EXPECT_EQ(facts.names, (std::vector<std::string>{"www.example.test"}));
}

TEST(Certificate, KeyOfAnotherIsFound) {
  CertificateFacts facts;
  EXPECT_EQ(read_pair({pair_for("a.test").certificate, pair_for("a.test").key}, facts),
            "the key does not belong to the certificate");
}

TEST(Certificate, WhatIsMissingIsSaid) {
  const PemPair right = pair_for("a.test");
  CertificateFacts facts;
  EXPECT_EQ(read_pair({"", right.key}, facts), "there is no certificate in it (PEM)");
  EXPECT_EQ(read_pair({right.key, right.key}, facts), "there is no certificate in it (PEM)");
  EXPECT_EQ(read_pair({right.certificate, right.certificate}, facts), "there is no private key in it (PEM)");
  EXPECT_EQ(check_key(""), "there is no private key in it (PEM)");
  EXPECT_EQ(check_key(right.key), "");
}

TEST(Certificate, WhatFollowsTheCertificateIsReadToo) {
  const PemPair right = pair_for("a.test");
  CertificateFacts facts;
  EXPECT_EQ(read_pair({right.certificate + pair_for("signer.test").certificate, right.key}, facts), "");
  EXPECT_EQ(facts.names, (std::vector<std::string>{"a.test"}));
  const std::string cut = right.certificate.substr(0, right.certificate.size() / 2) + "\n-----END CERTIFICATE-----\n";
  EXPECT_NE(read_pair({right.certificate + cut, right.key}, facts), "");
}

}  // namespace
}  // namespace culvert
