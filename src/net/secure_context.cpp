#include "culvert/secure_context.hpp"

#include <openssl/ssl.h>

#include <new>

#include "base/certificate.hpp"
#include "base/client_auth.hpp"
#include "base/digest.hpp"
#include "culvert/error.hpp"
#include "net/tls_destination.hpp"
#include "net/tls_profile.hpp"

namespace culvert {

namespace {

// Each text by its own digest: where one ends and the next begins is then beyond doubt.
std::string name_of(const SecureContextOptions& options) {
  std::string all;
  for (const std::string* text : {&options.ca, &options.cert, &options.key}) {
    const Sha256 digest = sha256(as_bytes(*text));
    all.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  }
  all += options.reject_unauthorized ? '\1' : '\2';
  all += options.only_1_3 ? '\1' : '\2';
  return encode_base64(sha256(as_bytes(all)));
}

[[noreturn]] void refuse(const char* option, const std::string& wrong) {
  throw http_error(errc::ERR_INVALID_ARG_VALUE, std::string(option) + ": " + wrong);
}

}  // namespace

void SecureContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

SecureContext::SecureContext(const SecureContextOptions& options)
    : name_(name_of(options)),
      context_(SSL_CTX_new(TLS_client_method())),
      rejects_unauthorized_(options.reject_unauthorized) {
  if (context_ == nullptr) throw std::bad_alloc();
  net::set_profile(*context_, options.only_1_3);
  net::TlsDestination::prepare(*context_);
  if (options.ca.empty()) {
    SSL_CTX_set_default_verify_paths(context_.get());
  } else if (const std::string wrong = believe_only(*context_, options.ca); !wrong.empty()) {
    refuse("ca", wrong);
  }
  SSL_CTX_set_verify(context_.get(), rejects_unauthorized_ ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (options.cert.empty() && options.key.empty()) return;
  const std::string wrong = use_pair(*context_, {.certificate = options.cert, .key = options.key});
  if (!wrong.empty()) refuse("cert", wrong);
}

}  // namespace culvert
