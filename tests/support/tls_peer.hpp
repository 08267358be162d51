// The other side of TLS as a test plays it: OpenSSL's own on the bytes of a peer.
#pragma once
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <string>
#include <string_view>

#include "base/certificate.hpp"
#include "support/test_peer.hpp"

namespace culvert::test {

class TlsPeer {
 public:
  TlsPeer(TestPeer& wire, const SSL_METHOD* side) : wire_(wire), context_(SSL_CTX_new(side)) {}
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;
  ~TlsPeer() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  SSL_CTX* context() { return context_; }
  SSL* ssl() {
    if (ssl_ == nullptr) {
      ssl_ = SSL_new(context_);
      SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
      SSL_is_server(ssl_) == 1 ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
    }
    return ssl_;
  }

  void write(std::string_view text) { unsent_ += text; }
  void end() { SSL_shutdown(ssl()); }
  const std::string& received() const { return received_; }
  bool ended() const { return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0; }
  std::string subject() {
    X509* const certificate = SSL_get0_peer_certificate(ssl());
    const auto names =
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    const ASN1_STRING* const name = sk_GENERAL_NAME_value(names, 0)->d.dNSName;
    std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name)),
                     static_cast<std::size_t>(ASN1_STRING_length(name)));
    GENERAL_NAMES_free(names);
    return text;
  }

  // What has come goes through OpenSSL, what that wants to send goes out.
  void pump() {
    const std::string& arrived = wire_.received();
    if (!arrived.empty()) BIO_write(SSL_get_rbio(ssl()), arrived.data(), static_cast<int>(arrived.size()));
    wire_.forget_received();
    char block[20'000];
    for (int got = 0; (got = SSL_read(ssl(), block, sizeof block)) > 0;)
      received_.append(block, static_cast<std::size_t>(got));
    if (SSL_is_init_finished(ssl()) && !unsent_.empty()) {
      EXPECT_EQ(SSL_write(ssl(), unsent_.data(), static_cast<int>(unsent_.size())), static_cast<int>(unsent_.size()));
      unsent_.clear();
    }
    for (int size = 0; (size = BIO_read(SSL_get_wbio(ssl()), block, sizeof block)) > 0;) {
      wire_.send({block, static_cast<std::size_t>(size)});
    }
  }

 private:
  TestPeer& wire_;
  SSL_CTX* const context_;
  SSL* ssl_ = nullptr;
  std::string unsent_;
  std::string received_;
};

class TlsClient : public TlsPeer {
 public:
  explicit TlsClient(TestPeer& wire) : TlsPeer(wire, TLS_client_method()) {}
};

// It presents `pair`.
class TlsServer : public TlsPeer {
 public:
  TlsServer(TestPeer& wire, const PemPair& pair) : TlsPeer(wire, TLS_server_method()) {
    EXPECT_EQ(use_pair(*context(), pair), "");
  }
  std::string server_name() {
    const char* const name = SSL_get_servername(ssl(), TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }
  std::string protocol() {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
};

}  // namespace culvert::test
