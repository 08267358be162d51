#include "base/client_auth.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <new>

#include "base/x509.hpp"

namespace culvert {

namespace {

using x509::Certificate;
using x509::Crl;

template <class Object>
std::vector<Object> all_in(const std::string& text, Object (*read)(BIO&)) {
  std::vector<Object> all;
  ERR_clear_error();
  const x509::Bio from = x509::reader_of(text);
  while (Object each = read(*from)) all.push_back(std::move(each));
  return all;
}

std::vector<Certificate> certificates_in(const std::string& text) { return all_in(text, x509::read_certificate); }
std::vector<Crl> crls_in(const std::string& text) { return all_in(text, x509::read_crl); }

std::string subject_of(const X509& certificate) { return x509::text_of(X509_get_subject_name(&certificate)); }

// Of `all` the one that has signed; null where none has.
template <class Verify>
const X509* signer_in(const std::vector<Certificate>& all, const X509_NAME* issuer, Verify verify) {
  const auto found = std::ranges::find_if(all, [&](const Certificate& each) {
    return X509_NAME_cmp(X509_get_subject_name(each.get()), issuer) == 0 && verify(X509_get0_pubkey(each.get())) == 1;
  });
  ERR_clear_error();
  return found == all.end() ? nullptr : found->get();
}

// Those of a PEM file's text. What is wrong with it in words; empty: nothing.
std::string read_certificates(const std::string& text, std::vector<Certificate>& all) {
  all = certificates_in(text);
  if (!x509::ended()) return x509::complaint();
  return all.empty() ? "there is no certificate in it (PEM)" : "";
}

// Each of them is believed, whether it is a root or not.
void believe(ssl_ctx_st& context, const std::vector<Certificate>& authorities, const std::vector<Crl>& revoked) {
  const x509::Store store(X509_STORE_new());
  if (store == nullptr) throw std::bad_alloc();
  for (const Certificate& each : authorities) X509_STORE_add_cert(store.get(), each.get());
  for (const Crl& each : revoked) X509_STORE_add_crl(store.get(), each.get());
  ERR_clear_error();
  const unsigned long revocation = revoked.empty() ? 0 : X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN | revocation);
  SSL_CTX_ctrl(&context, SSL_CTRL_SET_VERIFY_CERT_STORE, 1, store.get());  // 1: it is counted once more
}

}  // namespace

std::string read_authorities(const ClientAuth& auth, ClientAuthFacts& facts) {
  std::vector<Certificate> all;
  if (std::string wrong = read_certificates(auth.authorities, all); !wrong.empty()) return wrong;
  for (const Certificate& each : all) {
    facts.authorities.push_back({subject_of(*each), x509::time_of(X509_get0_notAfter(each.get()))});
  }
  return {};
}

std::string read_crls(const ClientAuth& auth, ClientAuthFacts& facts) {
  const std::vector<Certificate> authorities = certificates_in(auth.authorities);
  const std::vector<Crl> all = crls_in(auth.revoked);
  if (!x509::ended()) return x509::complaint();
  if (all.empty()) return "there is no CRL in it (PEM)";
  std::vector<const X509*> covered;
  for (const Crl& each : all) {
    const X509_NAME* const issuer = X509_CRL_get_issuer(each.get());
    const X509* const signer =
        signer_in(authorities, issuer, [&](EVP_PKEY* key) { return X509_CRL_verify(each.get(), key); });
    if (signer == nullptr) return "the CRL of \"" + x509::text_of(issuer) + "\" is signed by none of client_ca";
    covered.push_back(signer);
    const ASN1_TIME* const ends = X509_CRL_get0_nextUpdate(each.get());
    facts.crls.push_back({x509::text_of(issuer), ends == nullptr ? WallTime::max() : x509::time_of(ends)});
  }
  for (const Certificate& each : authorities) {
    const X509_NAME* const issuer = X509_get_issuer_name(each.get());
    if (signer_in(authorities, issuer, [&](EVP_PKEY* key) { return X509_verify(each.get(), key); }) == nullptr) {
      return "it needs the root in client_ca: \"" + subject_of(*each) + "\" is signed by none of it";
    }
    if (std::ranges::find(covered, each.get()) == covered.end()) facts.without_crl.push_back(subject_of(*each));
  }
  return {};
}

void ask_for_certificates(ssl_ctx_st& context, const ClientAuth& auth) {
  const std::vector<Certificate> authorities = certificates_in(auth.authorities);
  for (const Certificate& each : authorities) SSL_CTX_add_client_CA(&context, each.get());
  believe(context, authorities, crls_in(auth.revoked));
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | (auth.required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
}

std::string believe_only(ssl_ctx_st& context, const std::string& authorities) {
  std::vector<Certificate> all;
  std::string wrong = read_certificates(authorities, all);
  if (wrong.empty()) believe(context, all, {});
  return wrong;
}

}  // namespace culvert
