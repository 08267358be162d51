// What would break: clients would get another certificate than the one they ask for, no word about its revocation, or
// one that has ended.
#include "net/tls_context.hpp"

#include "net/handshake_fixture.hpp"

namespace culvert::net {
namespace {

using test::TestAuthority;

class TlsContextTest : public HandshakeTest {
 protected:
  // With the one that signed it, and a response about it.
  PemPair stapled(const TestAuthority::OcspWish& wish = {}) const {
    PemPair pair = server_pair_;
    pair.ocsp = root_.ocsp(pair, wish);
    pair.certificate += root_.pem();
    return pair;
  }
  void ask_for_status() {
    SSL_CTX_ctrl(client_context_.get(), SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, TLSEXT_STATUSTYPE_ocsp, nullptr);
  }
  // What the client has got of it.
  std::string status() {
    unsigned char* response = nullptr;
    const long size =
        SSL_ctrl(client_.get(), SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, static_cast<void*>(&response));
    return size <= 0 ? std::string()
                     : std::string(reinterpret_cast<const char*>(response), static_cast<std::size_t>(size));
  }
};
INSTANTIATE_TEST_SUITE_P(Versions, TlsContextTest, both_versions, name_of_version);

TEST_P(TlsContextTest, StaplesForWhoAsks) {
  const PemPair pair = stapled();
  const TlsServerContext context({.certificates = {pair}});
  ASSERT_TRUE(shake_hands(context));
  EXPECT_EQ(status(), "");
  ask_for_status();
  ASSERT_TRUE(shake_hands(context));
  EXPECT_EQ(status(), pair.ocsp);
}

TEST_P(TlsContextTest, StaplesNothingThatDoesNotHold) {
  ask_for_status();
  for (const TestAuthority::OcspWish& wish :
       {TestAuthority::OcspWish{.begins = -2, .ends = -1}, TestAuthority::OcspWish{.begins = 1, .ends = 2},
        TestAuthority::OcspWish{.good = false}}) {
    ASSERT_TRUE(shake_hands(TlsServerContext({.certificates = {stapled(wish)}})));
    EXPECT_EQ(status(), "");
  }
}

TEST_P(TlsContextTest, StaplesForTheCertificateThatIsPresented) {
  const PemPair first = stapled();
  PemPair second = root_.issue({.name = "second", .alternative_names = "DNS:second.test"});
  second.ocsp = root_.ocsp(second, {});
  second.certificate += root_.pem();
  PemPair third = root_.issue({.name = "third", .alternative_names = "DNS:third.test"});
  const TlsServerContext context({.certificates = {first, second, third}});
  ask_for_status();
  for (const auto& [name, response] : {std::pair("second.test", second.ocsp), std::pair("site.test", first.ocsp),
                                       std::pair("third.test", std::string())}) {
    SCOPED_TRACE(name);
    wanted_ = name;
    ASSERT_TRUE(shake_hands(context));
    EXPECT_EQ(status(), response);
  }
}

TEST_P(TlsContextTest, TakesCiphersInItsOwnOrderUnlessChaChaIsWantedMost) {
  const TlsServerContext context({.certificates = {server_pair_}});
  struct Wish {
    const char* by_1_2;
    const char* by_1_3;
    int agreed;
  };
  for (const Wish& wish :
       {Wish{"ECDHE+AES256:ECDHE+CHACHA20:ECDHE+AES128",
             "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256", NID_aes_128_gcm},
        Wish{"ECDHE+CHACHA20:ECDHE+AES128", "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
             NID_chacha20_poly1305}}) {
    SSL_CTX_set_cipher_list(client_context_.get(), wish.by_1_2);
    SSL_CTX_set_ciphersuites(client_context_.get(), wish.by_1_3);
    ASSERT_TRUE(shake_hands(context));
    EXPECT_EQ(SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(client_.get())), wish.agreed);
  }
}

TEST_P(TlsContextTest, RefusesNamesThatNobodyHasOnlyWhereThatIsAsked) {
  const TlsServerContext kind({.certificates = {server_pair_}});
  const TlsServerContext strict({.certificates = {server_pair_}, .refuses_unknown_names = true});
  for (const char* const name : {"other.test", ""}) {
    SCOPED_TRACE(name);
    wanted_ = name;
    EXPECT_TRUE(shake_hands(kind));
    EXPECT_FALSE(shake_hands(strict));
    EXPECT_TRUE(is_name_refused(failure_)) << failure_.message();
  }
  wanted_ = "SITE.test";
  EXPECT_TRUE(shake_hands(strict));
  EXPECT_FALSE(is_name_refused(std::make_error_code(std::errc::connection_reset)));
}

TEST_P(TlsContextTest, KnowsForWhomItsCertificateIs) {
  const TestAuthority other("Other");
  const PemPair second = other.issue(
      {.name = "unused.test", .alternative_names = "DNS:second.test,DNS:*.wild.test,IP:192.0.2.1,IP:2001:db8::1"});
  const TlsServerContext context({.certificates = {server_pair_, second}});
  const auto speaks_for = [&](std::string_view host) { return shows_certificate_for(*server_, host); };
  ASSERT_TRUE(shake_hands(context));
  EXPECT_TRUE(speaks_for("site.test"));
  EXPECT_TRUE(speaks_for("site.test."));
  for (const char* const host :
       {"second.test", "a.wild.test", "192.0.2.1", "site.test..", "xsite.test", "server", ""}) {
    EXPECT_FALSE(speaks_for(host)) << host;
  }
  wanted_ = "second.test";
  ASSERT_TRUE(shake_hands(context));
  for (const char* const host : {"second.test", "a.wild.test", "192.0.2.1", "[2001:db8::1]"}) {
    EXPECT_TRUE(speaks_for(host)) << host;
  }
  for (const char* const host :
       {"site.test", "a.b.wild.test", "wild.test", "192.0.2.2", "[2001:db8::2]", "unused.test"}) {
    EXPECT_FALSE(speaks_for(host)) << host;
  }
  const SavedSession session = this->session();
  ASSERT_TRUE(shake_hands(context, session.get()));
  ASSERT_EQ(SSL_session_reused(server_.get()), 1);
  EXPECT_TRUE(speaks_for("second.test"));
  EXPECT_FALSE(speaks_for("site.test"));
}

}  // namespace
}  // namespace culvert::net
