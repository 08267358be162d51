// What would break: clients would pass without the certificate that is asked for, with one of somebody else's or one
// that was revoked; or one would be taken for another.
#include <array>
#include <string>

#include "base/digest.hpp"
#include "net/handshake_fixture.hpp"

namespace culvert::net {
namespace {

using test::TestAuthority;

class ClientCertificateTest : public HandshakeTest {
 protected:
  TlsServerSettings settings() const {
    return {.certificates = {server_pair_}, .client_auth = ClientAuth{.authorities = root_.pem(), .revoked = {}}};
  }
  std::shared_ptr<const PeerCertificate> shown() const { return read_peer_certificate(*server_); }
};
INSTANTIATE_TEST_SUITE_P(Versions, ClientCertificateTest, both_versions, name_of_version);

std::string der_of(const PemPair& pair) {
  const x509::Certificate certificate = test::certificate_of(pair);
  return x509::written([&](BIO* to) { i2d_X509_bio(to, certificate.get()); });
}

TEST_P(ClientCertificateTest, SaysWhoTheClientIs) {
  const PemPair alice =
      root_.issue({.name = "alice, \"of\" us", .alternative_names = "DNS:Alice.TEST,URI:spiffe://test/alice"});
  show(alice);
  ASSERT_TRUE(shake_hands(TlsServerContext(settings()))) << failure_.message();
  ASSERT_NE(shown(), nullptr);
  EXPECT_EQ(shown()->subject, "CN=alice\\, \\\"of\\\" us,O=Test");
  EXPECT_EQ(shown()->common_name, "alice, \"of\" us");
  EXPECT_EQ(shown()->name, "alice.test");
  EXPECT_EQ(as_text(shown()->der), der_of(alice));
  EXPECT_TRUE(shown()->chain.empty()) << "whoever trusts the root has it";
  const Sha256 digest = sha256(shown()->der);
  std::string hex;
  for (const std::byte byte : digest) {
    for (const int digit : {std::to_integer<int>(byte) >> 4, std::to_integer<int>(byte) & 15})
      hex += "0123456789ABCDEF"[digit];
  }
  EXPECT_EQ(shown()->fingerprint, hex);
}

TEST_P(ClientCertificateTest, TheFirstNameCounts) {
  const struct {
    std::string_view names;
    std::string_view name;
  } cases[] = {{"URI:spiffe://Test/Alice,DNS:alice.test", "spiffe://Test/Alice"},
               {"email:Alice@a.test,DNS:alice.test", "Alice@a.test"},
               {"IP:10.0.0.1,DNS:alice.test", "alice.test"},
               {"IP:10.0.0.1", ""},
               {"", ""}};
  const TlsServerContext context(settings());
  for (const auto& [names, name] : cases) {
    SCOPED_TRACE(names);
    show(root_.issue({.alternative_names = names}));
    ASSERT_TRUE(shake_hands(context)) << failure_.message();
    EXPECT_EQ(shown()->name, name);
  }
}

TEST_P(ClientCertificateTest, NamesWithControlCharactersAreNone) {
  show(root_.issue({.name = "alice\nadmin"}));
  ASSERT_TRUE(shake_hands(TlsServerContext(settings())));
  EXPECT_EQ(shown()->common_name, "");
  EXPECT_EQ(shown()->subject, "CN=alice\\0Aadmin,O=Test");
}

TEST_P(ClientCertificateTest, IsRequired) {
  EXPECT_FALSE(shake_hands(TlsServerContext(settings())));
  EXPECT_TRUE(is_certificate_missing(failure_)) << failure_.message();
}

TEST_P(ClientCertificateTest, OrIsNot) {
  TlsServerSettings optional = settings();
  optional.client_auth->required = false;
  const TlsServerContext context(optional);
  ASSERT_TRUE(shake_hands(context)) << failure_.message();
  EXPECT_EQ(shown(), nullptr);
  show(root_.issue());
  ASSERT_TRUE(shake_hands(context)) << failure_.message();
  EXPECT_EQ(shown()->common_name, "alice");
}

TEST_P(ClientCertificateTest, NobodyIsAskedWhoNeedNotShowOne) {
  show(root_.issue());
  ASSERT_TRUE(shake_hands(TlsServerContext({.certificates = {server_pair_}})));
  EXPECT_EQ(shown(), nullptr);
}

TEST_P(ClientCertificateTest, OnesThatAreNotAcceptedAreRefusedInWords) {
  TlsServerSettings strict = settings();
  const PemPair revoked = root_.issue({.name = "mallory"});
  strict.client_auth->revoked = root_.crl({revoked});
  strict.client_auth->required = false;  // which does not make a bad one good
  const struct {
    PemPair pair;
    std::string words;
  } cases[] = {{TestAuthority("Other").issue(), "unable to get local issuer certificate"},
               {TestAuthority("Root").issue(), "certificate signature failure"},
               {make_self_signed(std::array{std::string_view("alice.test")}), "self-signed certificate"},
               {root_.issue({.days = -1}), "certificate has expired"},
               {root_.issue({.usage = "serverAuth"}), "unsuitable certificate purpose"},
               {revoked, "certificate revoked"}};
  const TlsServerContext context(strict);
  for (const auto& [pair, words] : cases) {
    SCOPED_TRACE(words);
    show(pair);
    EXPECT_FALSE(shake_hands(context));
    EXPECT_TRUE(is_of_certificate(failure_));
    EXPECT_EQ(failure_.message(), words);
  }
  show(root_.issue());
  EXPECT_TRUE(shake_hands(context)) << failure_.message();
}

TEST_P(ClientCertificateTest, AListThatHasEndedLetsNobodyPass) {
  TlsServerSettings strict = settings();
  strict.client_auth->revoked = root_.crl({}, -1);
  show(root_.issue());
  EXPECT_FALSE(shake_hands(TlsServerContext(strict)));
  EXPECT_EQ(failure_.message(), "CRL has expired");
}

TEST_P(ClientCertificateTest, ChainIsKeptWithoutItsRoot) {
  const TestAuthority below("Below", &root_);
  const TestAuthority further("Further", &below);
  show(further.issue(), {&further, &below});
  ASSERT_TRUE(shake_hands(TlsServerContext(settings()))) << failure_.message();
  ASSERT_EQ(shown()->chain.size(), 2u);
  EXPECT_EQ(as_text(shown()->chain[0]), x509::written([&](BIO* to) { i2d_X509_bio(to, &further.certificate()); }));
  EXPECT_EQ(as_text(shown()->chain[1]), x509::written([&](BIO* to) { i2d_X509_bio(to, &below.certificate()); }));
}

TEST_P(ClientCertificateTest, AnAuthorityIsTrustedWithoutItsRoot) {
  const TestAuthority below("Below", &root_);
  TlsServerSettings settings = this->settings();
  settings.client_auth->authorities = below.pem();
  const TlsServerContext context(settings);
  show(below.issue());
  EXPECT_TRUE(shake_hands(context)) << failure_.message();
  show(root_.issue());
  EXPECT_FALSE(shake_hands(context));
}

TEST_P(ClientCertificateTest, GoesOnWithTheSession) {
  const TestAuthority below("Below", &root_);
  show(below.issue({.alternative_names = "DNS:alice.test"}), {&below});
  const TlsServerContext context(settings());
  ASSERT_TRUE(shake_hands(context));
  const std::shared_ptr<const PeerCertificate> first = shown();
  for (int again = 0; again < 2; ++again) {
    const SavedSession session = this->session();
    ASSERT_TRUE(shake_hands(context, session.get())) << failure_.message();
    ASSERT_EQ(SSL_session_reused(server_.get()), 1);
    ASSERT_NE(shown(), nullptr);
    EXPECT_EQ(shown()->fingerprint, first->fingerprint);
    EXPECT_EQ(shown()->name, "alice.test");
    EXPECT_EQ(shown()->chain, first->chain);
    EXPECT_EQ(shown()->chain.size(), 1u);
  }
}

TEST_P(ClientCertificateTest, SessionEndsWithItsCertificate) {
  show(root_.issue({.days = 0}));  // which ends as it is made
  const TlsServerContext context(settings());
  // It passes as if it had been shown a moment ago.
  server_ = context.accept();
  SSL_CTX* const raw = SSL_get_SSL_CTX(server_.get());
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(raw), X509_V_FLAG_NO_CHECK_TIME);
  ASSERT_TRUE(shake_hands(context)) << failure_.message();
  const SavedSession session = this->session();
  ASSERT_TRUE(shake_hands(context, session.get()));
  EXPECT_EQ(SSL_session_reused(server_.get()), 0);
}

TEST_P(ClientCertificateTest, SessionIsOfThoseWhoHaveAcceptedIt) {
  TlsServerSettings other = settings();
  other.client_auth->authorities += TestAuthority("Other").pem();
  TlsServerSettings strict = settings();
  strict.client_auth->revoked = root_.crl();
  TlsServerSettings optional = settings();
  optional.client_auth->required = false;
  show(root_.issue());
  const auto accepted_by = [&](const TlsServerSettings& settings) {
    EXPECT_TRUE(shake_hands(TlsServerContext(settings))) << failure_.message();
    unsigned int size = 0;
    const unsigned char* const bytes = SSL_SESSION_get0_id_context(SSL_get_session(server_.get()), &size);
    return std::string(reinterpret_cast<const char*>(bytes), size);
  };
  const std::string usual = accepted_by(settings());
  EXPECT_EQ(accepted_by(settings()), usual);
  for (const TlsServerSettings& changed : {other, strict, optional}) EXPECT_NE(accepted_by(changed), usual);

  // And with it all others': a ticket is of no use to another server at all.
  ASSERT_TRUE(shake_hands(TlsServerContext(settings())));
  const SavedSession session = this->session();
  ASSERT_TRUE(shake_hands(TlsServerContext(strict), session.get()));
  EXPECT_EQ(SSL_session_reused(server_.get()), 0);
}

}  // namespace
}  // namespace culvert::net
