#include "net/tls_error.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

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

}  // namespace

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

bool is_plain_http(std::error_code error) {
  if (!is_of_tls(error)) return false;
  const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
  return reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST;
}

}  // namespace culvert::net
