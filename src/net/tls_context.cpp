#include "net/tls_context.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <new>
#include <optional>
#include <span>
#include <utility>

#include "base/ascii.hpp"
#include "base/digest.hpp"
#include "net/peer_certificate.hpp"
#include "net/tls_profile.hpp"

namespace culvert::net {

namespace {

const unsigned char* bytes_of(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string as_extension(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& protocol : protocols) list.append(1, static_cast<char>(protocol.size())).append(protocol);
  return list;
}

// By which a client's certificate has been accepted: a session that others have accepted is none here.
Sha256 accepts_by(const std::optional<ClientAuth>& auth) {
  std::string all = "culvert";
  if (auth) all.append(auth->required ? "\1" : "\2").append(auth->authorities).append(auth->revoked);
  return sha256(as_bytes(all));
}

}  // namespace

void FreeSsl::operator()(ssl_st* session) const { SSL_free(session); }

TlsServerContext::TlsServerContext(TlsServerSettings settings)
    : settings_(std::move(settings)), alpn_(as_extension(settings_.alpn)) {
  for (const PemPair& pair : settings_.certificates) add(pair);
  assert(!identities_.empty());
}

void TlsServerContext::add(const PemPair& pair) {
  CertificateFacts facts;
  read_pair(pair, facts);
  const auto same_names = std::ranges::find_if(identities_, [&](const auto& known) { return known->names == facts.names; });
  if (same_names != identities_.end()) return use(**same_names, pair);
  Identity& identity = *identities_.emplace_back(std::make_unique<Identity>(Identity{facts.names, make_context(), {}}));
  use(identity, pair);
  for (const std::string& name : identity.names) by_name_.try_emplace(name, &identity);
}

void TlsServerContext::use(Identity& identity, const PemPair& pair) {
  SSL_CTX& context = *identity.context;
  use_pair(context, pair);
  OcspStaple staple;
  if (pair.ocsp.empty() || !read_ocsp(pair, staple).empty()) return;
  identity.staples.push_back(std::move(staple));
  SSL_CTX_callback_ctrl(&context, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB,
                        reinterpret_cast<void (*)()>(&TlsServerContext::staple));
  SSL_CTX_ctrl(&context, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB_ARG, 0, &identity);
}

// About the certificate that this client gets, as long as the response holds.
int TlsServerContext::staple(ssl_st* session, void* identity) {
  const X509* const presented = SSL_get_certificate(session);
  const WallTime now = std::chrono::system_clock::now();
  for (const OcspStaple& each : static_cast<Identity*>(identity)->staples) {
    if (!each.is_about(*presented) || !each.holds_at(now)) continue;
    void* const copy = OPENSSL_memdup(each.response.data(), each.response.size());
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP, static_cast<long>(each.response.size()), copy);
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

SslContext TlsServerContext::make_context() {
  SslContext context = make_server_context();
  SSL_CTX* const raw = context.get();
  set_profile(*raw, settings_.only_1_3);
  // In our order, except for clients that want ChaCha20 most: AES is slow where it is not in the processor.
  SSL_CTX_set_options(raw, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // Sessions are the clients' to keep (tickets): nothing here is shared between workers, or grows.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_app_data(raw, this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(raw, &TlsServerContext::use_ticket_key);
  const Sha256 accepted = accepts_by(settings_.client_auth);
  SSL_CTX_set_session_id_context(raw, reinterpret_cast<const unsigned char*>(accepted.data()), accepted.size());
  if (settings_.client_auth) ask_for_certificates(*raw);
  SSL_CTX_callback_ctrl(raw, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(&TlsServerContext::choose_certificate));
  SSL_CTX_set_tlsext_servername_arg(raw, this);
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(raw, &TlsServerContext::choose_protocol, this);
  return context;
}

void TlsServerContext::ask_for_certificates(ssl_ctx_st& context) const {
  culvert::ask_for_certificates(context, *settings_.client_auth);
  SSL_CTX_set_session_ticket_cb(&context, &keep_chain_in_ticket, &TlsServerContext::judge_ticket, nullptr);
}

// What OpenSSL would do with it, unless the certificate in it has ended by now: then all is to be proved again.
int TlsServerContext::judge_ticket(ssl_st*, ssl_session_st* resumed, const unsigned char*, std::size_t, int status,
                                   void*) {
  const bool opened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
  if (!opened) return SSL_TICKET_RETURN_IGNORE_RENEW;
  const X509* const shown = SSL_SESSION_get0_peer(resumed);
  if (shown != nullptr && X509_cmp_current_time(X509_get0_notAfter(shown)) < 0) return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

SslSession TlsServerContext::accept() const {
  SslSession session(SSL_new(identities_.front()->context.get()));
  if (session == nullptr) throw std::bad_alloc();
  SSL_set_accept_state(session.get());
  return session;
}

const TlsServerContext::Identity* TlsServerContext::find(std::string_view server_name) const {
  const std::string name = ascii::lower(server_name);
  const auto exact = by_name_.find(name);
  if (exact != by_name_.end()) return exact->second;
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) return nullptr;
  const auto any = by_name_.find("*" + name.substr(dot));  // for one label (RFC 6125 6.4.3)
  return any == by_name_.end() ? nullptr : any->second;
}

int TlsServerContext::choose_certificate(ssl_st* session, int* alert, void* context) {
  const auto& own = *static_cast<const TlsServerContext*>(context);
  const char* const name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
  const Identity* const identity = name == nullptr ? nullptr : own.find(name);
  if (identity == nullptr) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return own.settings_.refuses_unknown_names ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
  }
  SSL_set_SSL_CTX(session, identity->context.get());
  return SSL_TLSEXT_ERR_OK;
}

// What OpenSSL's callback has to answer: 0 for a ticket that nobody can open, 2 for one that is to be replaced.
int TlsServerContext::use_ticket_key(ssl_st* session, unsigned char* name, unsigned char* iv, evp_cipher_ctx_st* cipher,
                                     evp_mac_ctx_st* mac, int seals) {
  TicketKeys& keys = static_cast<TlsServerContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(session)))->ticket_keys_;
  const TimePoint now = std::chrono::steady_clock::now();
  const std::optional<TicketKeys::Key> key =
      seals != 0 ? keys.to_seal(now) : keys.to_open(std::span<const unsigned char, 16>(name, 16), now);
  if (!key) return 0;
  if (seals != 0) {
    std::ranges::copy(key->name, name);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
  }
  char digest[] = "SHA256";
  std::array<unsigned char, 32> secret = key->mac;
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret.data(), secret.size()),
                                   OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  if (EVP_MAC_CTX_set_params(mac, parameters) != 1) return -1;
  if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv, seals) != 1) return -1;
  return seals == 0 && TicketKeys::is_old(*key, now) ? 2 : 1;
}

// RFC 7301 3.2: who speaks none of ours is told so.
int TlsServerContext::choose_protocol(ssl_st*, const unsigned char** chosen, unsigned char* chosen_size,
                                      const unsigned char* offered, unsigned int offered_size, void* context) {
  const std::string& ours = static_cast<const TlsServerContext*>(context)->alpn_;
  unsigned char* found = nullptr;
  const int how = SSL_select_next_proto(&found, chosen_size, bytes_of(ours), static_cast<unsigned int>(ours.size()),
                                        offered, offered_size);
  if (how != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace culvert::net
