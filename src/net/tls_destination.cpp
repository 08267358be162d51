#include "net/tls_destination.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <new>
#include <utility>

#include "culvert/endpoint.hpp"

namespace culvert::net {

TlsDestination::TlsDestination(std::shared_ptr<const SecureContext> context, std::string server_name)
    : context_(std::move(context)), server_name_(std::move(server_name)) {}

void TlsDestination::FreeResumable::operator()(ssl_session_st* session) const { SSL_SESSION_free(session); }

void TlsDestination::prepare(ssl_ctx_st& context) {
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(&context, &TlsDestination::keep);
}

SslSession TlsDestination::connect(std::string_view alpn) {
  SslSession session(SSL_new(&context_->native()));
  if (session == nullptr) throw std::bad_alloc();
  SSL* const raw = session.get();
  SSL_set_connect_state(raw);
  SSL_set_app_data(raw, this);
  // RFC 6066 3: an address is no name for the extension.
  const bool is_address = Endpoint::parse_ip(server_name_).has_value();
  if (!is_address) {
    // What SSL_set_tlsext_host_name() is, which takes it for writable.
    SSL_ctrl(raw, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, std::string(server_name_).data());
  }
  if (context_->rejects_unauthorized()) {
    X509_VERIFY_PARAM* const rules = SSL_get0_param(raw);
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const int set = is_address ? X509_VERIFY_PARAM_set1_ip_asc(rules, server_name_.c_str())
                               : X509_VERIFY_PARAM_set1_host(rules, server_name_.c_str(), server_name_.size());
    if (set != 1) throw std::bad_alloc();
  }
  if (!alpn.empty()) {
    const std::string list = std::string(1, static_cast<char>(alpn.size())).append(alpn);
    SSL_set_alpn_protos(raw, reinterpret_cast<const unsigned char*>(list.data()), static_cast<unsigned int>(list.size()));
  }
  resume(*raw);
  return session;
}

// RFC 8446 C.4: a ticket of TLS 1.3 is used once, so that nobody who listens can tell two connections for one client's.
void TlsDestination::resume(ssl_st& session) {
  if (resumable_ == nullptr) return;
  SSL_set_session(&session, resumable_.get());
  if (SSL_SESSION_get_protocol_version(resumable_.get()) >= TLS1_3_VERSION) resumable_.reset();
  ERR_clear_error();
}

// OpenSSL's callback: 1, since the reference is kept.
int TlsDestination::keep(ssl_st* session, ssl_session_st* resumable) {
  static_cast<TlsDestination*>(SSL_get_app_data(session))->resumable_.reset(resumable);
  return 1;
}

}  // namespace culvert::net
