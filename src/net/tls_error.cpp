#include "net/tls_error.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <string>

namespace culvert::net {

namespace {

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "tls"; }
  std::string message(int value) const override {
    const char* const words = ERR_reason_error_string(static_cast<unsigned long>(value));
    return words == nullptr ? "TLS error " + std::to_string(value) : words;
  }
};

class CertificateCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "certificate"; }
  std::string message(int value) const override { return X509_verify_cert_error_string(value); }
};

int reason_of(std::error_code error) { return ERR_GET_REASON(static_cast<unsigned long>(error.value())); }

}  // namespace

const std::error_category& certificate_category() {
  static const CertificateCategory category;
  return category;
}

const std::error_category& tls_category() {
  static const Category category;
  return category;
}

std::error_code take_tls_error() {
  const unsigned long first = ERR_get_error();
  ERR_clear_error();
  if (first == 0) return std::make_error_code(std::errc::protocol_error);
  return {static_cast<int>(first), tls_category()};
}

std::error_code take_handshake_error(const ssl_st& session) {
  // The last complaint: what has gone wrong in the certificate stands before it.
  const bool is_verdict = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  const std::error_code error = take_tls_error();
  return is_verdict ? std::error_code(static_cast<int>(SSL_get_verify_result(&session)), certificate_category()) : error;
}

bool is_certificate_missing(std::error_code error) {
  return is_of_tls(error) && reason_of(error) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
}

// Of all callbacks only the one for names refuses in this way.
bool is_name_refused(std::error_code error) { return is_of_tls(error) && reason_of(error) == SSL_R_CALLBACK_FAILED; }

bool is_alert(std::error_code error) { return is_of_tls(error) && reason_of(error) > SSL_AD_REASON_OFFSET; }

bool is_plain_http(std::error_code error) {
  if (!is_of_tls(error)) return false;
  const int reason = reason_of(error);
  return reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST;
}

}  // namespace culvert::net
