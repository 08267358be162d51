#include "support/test_authority.hpp"

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <cstdint>

namespace culvert::test {

namespace {

using x509::written;

constexpr long day_seconds = 24 * 60 * 60;

void add_name(X509_NAME* name, const char* field, std::string_view value) {
  X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()),
                             static_cast<int>(value.size()), -1, 0);
}

void add_extension(X509& certificate, int id, std::string_view value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, std::string(value).c_str());
  X509_add_ext(&certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

x509::Certificate unsigned_certificate(std::string_view name, EVP_PKEY& key, int days) {
  x509::Certificate made(X509_new());
  std::uint64_t number = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof number);
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), number >> 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -100 * day_seconds);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), days * day_seconds);
  X509_set_pubkey(made.get(), &key);
  add_name(X509_get_subject_name(made.get()), "O", "Test");
  add_name(X509_get_subject_name(made.get()), "CN", name);
  return made;
}

}  // namespace

TestAuthority::TestAuthority(std::string_view name, const TestAuthority* signer)
    : key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")), certificate_(unsigned_certificate(name, *key_, 30)) {
  add_extension(*certificate_, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(*certificate_, NID_key_usage, "critical,keyCertSign,cRLSign");
  const TestAuthority& by = signer == nullptr ? *this : *signer;
  X509_set_issuer_name(certificate_.get(), X509_get_subject_name(by.certificate_.get()));
  X509_sign(certificate_.get(), by.key_.get(), EVP_sha256());
}

std::string TestAuthority::pem() const {
  return written([&](BIO* to) { PEM_write_bio_X509(to, certificate_.get()); });
}

PemPair TestAuthority::issue(const Wish& wish) const {
  const x509::Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const x509::Certificate made = unsigned_certificate(wish.name, *key, wish.days);
  if (!wish.alternative_names.empty()) add_extension(*made, NID_subject_alt_name, wish.alternative_names);
  add_extension(*made, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(*made, NID_ext_key_usage, wish.usage);
  X509_set_issuer_name(made.get(), X509_get_subject_name(certificate_.get()));
  X509_sign(made.get(), key_.get(), EVP_sha256());
  return {.certificate = written([&](BIO* to) { PEM_write_bio_X509(to, made.get()); }),
          .key = written(
              [&](BIO* to) { PEM_write_bio_PKCS8PrivateKey(to, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })};
}

std::string TestAuthority::crl(const std::vector<PemPair>& revoked, int days) const {
  const x509::Crl made(X509_CRL_new());
  X509_CRL_set_version(made.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(made.get(), X509_get_subject_name(certificate_.get()));
  ASN1_TIME* const time = ASN1_TIME_new();
  X509_gmtime_adj(time, -100 * day_seconds);
  X509_CRL_set1_lastUpdate(made.get(), time);
  for (const PemPair& pair : revoked) {
    X509_REVOKED* const entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate_of(pair).get()));
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(made.get(), entry);
  }
  X509_gmtime_adj(time, days * day_seconds);
  X509_CRL_set1_nextUpdate(made.get(), time);
  ASN1_TIME_free(time);
  X509_CRL_sort(made.get());
  X509_CRL_sign(made.get(), key_.get(), EVP_sha256());
  return written([&](BIO* to) { PEM_write_bio_X509_CRL(to, made.get()); });
}

std::string TestAuthority::ocsp(const PemPair& about, const OcspWish& wish) const {
  OCSP_BASICRESP* const basic = OCSP_BASICRESP_new();
  OCSP_CERTID* const id =
      OCSP_cert_to_id(wish.by_sha256 ? EVP_sha256() : nullptr, certificate_of(about).get(), certificate_.get());
  ASN1_TIME* const begins = X509_gmtime_adj(nullptr, wish.begins * day_seconds);
  ASN1_TIME* const ends = X509_gmtime_adj(nullptr, wish.ends * day_seconds);
  OCSP_basic_add1_status(basic, id, wish.good ? V_OCSP_CERTSTATUS_GOOD : V_OCSP_CERTSTATUS_REVOKED, 0,
                         wish.good ? nullptr : begins, begins, ends);
  OCSP_basic_sign(basic, certificate_.get(), key_.get(), EVP_sha256(), nullptr, 0);
  OCSP_RESPONSE* const response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  std::string der = written([&](BIO* to) { i2d_OCSP_RESPONSE_bio(to, response); });
  OCSP_RESPONSE_free(response);
  ASN1_TIME_free(ends);
  ASN1_TIME_free(begins);
  OCSP_CERTID_free(id);
  OCSP_BASICRESP_free(basic);
  return der;
}

x509::Certificate certificate_of(const PemPair& pair) {
  return x509::read_certificate(*x509::reader_of(pair.certificate));
}

x509::Key key_of(const PemPair& pair) {
  return x509::Key(PEM_read_bio_PrivateKey(x509::reader_of(pair.key).get(), nullptr, nullptr, nullptr));
}

}  // namespace culvert::test
