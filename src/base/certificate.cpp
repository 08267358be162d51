#include "base/certificate.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <chrono>
#include <new>

#include "base/x509.hpp"
#include "culvert/endpoint.hpp"

namespace culvert {

namespace {

using x509::Bio;
using x509::Key;
using x509::written;
using X509Ptr = x509::Certificate;

constexpr auto self_signed_for = std::chrono::days(182);

// In place of a question at the terminal.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return 0;
}

Key read_key(const std::string& text, std::string& wrong) {
  bool asked = false;
  Key key(PEM_read_bio_PrivateKey(x509::reader_of(text).get(), nullptr, no_passphrase, &asked));
  if (key == nullptr) {
    wrong = asked ? "the key needs a passphrase" : "there is no private key in it (PEM)";
    ERR_clear_error();
  }
  return key;
}

// RFC 6125 6.4.4: the common name counts only where there is no name of a server.
std::vector<std::string> names_of(X509& certificate) {
  std::vector<std::string> names;
  const x509::Names others = x509::alternative_names(certificate);
  for (int i = 0; i < sk_GENERAL_NAME_num(others.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(others.get(), i);
    if (name->type == GEN_DNS) names.push_back(x509::lower_text(name->d.dNSName));
  }
  if (!names.empty()) return names;
  const X509_NAME* const subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) names.push_back(x509::lower_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  return names;
}

void add_extension(X509& certificate, int id, const std::string& value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str());
  X509_add_ext(&certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

void FreeSslContext::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

SslContext make_server_context() {
  SslContext context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) throw std::bad_alloc();
  return context;
}

std::string use_pair(ssl_ctx_st& context, const PemPair& pair) {
  ERR_clear_error();
  const Bio certificates = x509::reader_of(pair.certificate);
  const X509Ptr own = x509::read_certificate(*certificates);
  if (own == nullptr) return ERR_clear_error(), "there is no certificate in it (PEM)";
  std::string wrong;
  const Key key = read_key(pair.key, wrong);
  if (key == nullptr) return wrong;
  if (X509_check_private_key(own.get(), key.get()) != 1) {
    ERR_clear_error();
    return "the key does not belong to the certificate";
  }
  if (SSL_CTX_use_certificate(&context, own.get()) != 1) return x509::complaint();
  if (SSL_CTX_use_PrivateKey(&context, key.get()) != 1) return x509::complaint();
  while (const X509Ptr signer = x509::read_certificate(*certificates)) {
    if (SSL_CTX_add1_chain_cert(&context, signer.get()) != 1) return x509::complaint();
  }
  return x509::ended() ? std::string() : x509::complaint();
}

std::string check_key(const std::string& key) {
  std::string wrong;
  (void)read_key(key, wrong);
  return wrong;
}

std::string read_pair(const PemPair& pair, CertificateFacts& facts) {
  const SslContext context = make_server_context();
  if (std::string wrong = use_pair(*context, pair); !wrong.empty()) return wrong;
  X509& certificate = *SSL_CTX_get0_certificate(context.get());
  facts.names = names_of(certificate);
  facts.not_before = x509::time_of(X509_get0_notBefore(&certificate));
  facts.not_after = x509::time_of(X509_get0_notAfter(&certificate));
  return {};
}

PemPair make_self_signed(std::span<const std::string_view> names) {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const X509Ptr certificate(X509_new());
  if (key == nullptr || certificate == nullptr) throw std::bad_alloc();
  std::uint64_t number = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof number);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), number >> 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), std::chrono::seconds(self_signed_for).count());
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* const subject = X509_get_subject_name(certificate.get());
  const auto* const title = reinterpret_cast<const unsigned char*>("culvert self-signed");
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, title, -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  std::string list;
  for (const std::string_view name : names) {
    list.append(list.empty() ? "" : ",").append(Endpoint::parse_ip(name) ? "IP:" : "DNS:").append(name);
  }
  add_extension(*certificate, NID_subject_alt_name, list);
  add_extension(*certificate, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(*certificate, NID_ext_key_usage, "serverAuth");
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  return {.certificate = written([&](BIO* to) { PEM_write_bio_X509(to, certificate.get()); }),
          .key = written([&](BIO* to) {
            PEM_write_bio_PKCS8PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace culvert
