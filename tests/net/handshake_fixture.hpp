// A server and a client of TLS that shake hands in memory, by 1.2 and by 1.3.
#pragma once
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "net/peer_certificate.hpp"
#include "net/tls_context.hpp"
#include "net/tls_error.hpp"
#include "support/test_authority.hpp"

namespace culvert::net {

using SavedSession = std::unique_ptr<SSL_SESSION, x509::Free<SSL_SESSION_free>>;

class HandshakeTest : public ::testing::TestWithParam<int> {
 protected:
  HandshakeTest() : client_context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(client_context_.get(), GetParam());
    SSL_CTX_set_max_proto_version(client_context_.get(), GetParam());
  }

  // From now on the client has this one, with those that signed it.
  void show(const PemPair& pair, const std::vector<const test::TestAuthority*>& signers = {}) {
    SSL_CTX_use_certificate(client_context_.get(), test::certificate_of(pair).get());
    SSL_CTX_use_PrivateKey(client_context_.get(), test::key_of(pair).get());
    SSL_CTX_clear_chain_certs(client_context_.get());
    for (const test::TestAuthority* signer : signers) {
      SSL_CTX_add1_chain_cert(client_context_.get(), &signer->certificate());
    }
  }

  // On with `session`, if the server likes it. Whether the server says that hands are shaken.
  bool shake_hands(const TlsServerContext& context, SSL_SESSION* session = nullptr) {
    // Else its session would be none to go on with.
    if (client_ != nullptr) SSL_set_shutdown(client_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    server_ = context.accept();
    client_.reset(SSL_new(client_context_.get()));
    if (session != nullptr) SSL_set_session(client_.get(), session);
    if (!wanted_.empty())
      SSL_ctrl(client_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, wanted_.data());
    BIO* to_server = nullptr;
    BIO* to_client = nullptr;
    BIO_new_bio_pair(&to_server, 0, &to_client, 0);
    SSL_set_bio(server_.get(), to_server, to_server);
    SSL_set_bio(client_.get(), to_client, to_client);
    SSL_set_connect_state(client_.get());
    failure_ = {};
    char none = 0;
    for (int turn = 0; turn < 6; ++turn) {
      SSL_read(client_.get(), &none, 1);  // also shakes hands, and takes tickets
      const int how = SSL_do_handshake(server_.get());
      const bool waits = SSL_get_error(server_.get(), how) == SSL_ERROR_WANT_READ;
      if (how != 1 && !waits) return failure_ = take_handshake_error(*server_), false;
    }
    return SSL_is_init_finished(server_.get()) == 1;
  }
  SavedSession session() { return SavedSession(SSL_get1_session(client_.get())); }

  const test::TestAuthority root_{"Root"};
  const PemPair server_pair_ =
      root_.issue({.name = "server", .alternative_names = "DNS:site.test", .usage = "serverAuth"});
  SslContext client_context_;
  std::string wanted_;  // server name; empty: none
  SslSession server_;
  SslSession client_;
  std::error_code failure_;
};

inline std::string name_of_version(const ::testing::TestParamInfo<int>& info) {
  return info.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
}
inline const auto both_versions = ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION);

}  // namespace culvert::net
