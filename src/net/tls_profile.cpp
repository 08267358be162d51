#include "net/tls_profile.hpp"

#include <openssl/ssl.h>

#include <string>

namespace culvert::net {

namespace {

constexpr const char* ciphers_1_3 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* ciphers_1_2 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* groups = "X25519:P-256:P-384";

}  // namespace

void set_profile(ssl_ctx_st& context, bool only_1_3) {
  SSL_CTX_set_min_proto_version(&context, only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_ciphersuites(&context, ciphers_1_3);
  SSL_CTX_set_cipher_list(&context, ciphers_1_2);
  std::string list(groups);  // the call takes it for writable
  SSL_CTX_ctrl(&context, SSL_CTRL_SET_GROUPS_LIST, 0, list.data());
  SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(&context, SSL_MODE_RELEASE_BUFFERS);  // who is idle holds none
}

}  // namespace culvert::net
