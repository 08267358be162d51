// A certificate authority of a test's own: certificates of clients, of further authorities, and lists of revoked ones.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/certificate.hpp"
#include "base/x509.hpp"

namespace culvert::test {

// What stands in a certificate.
struct Wish {
  std::string_view name = "alice";          // CN, in O=Test
  std::string_view alternative_names = {};  // "DNS:a.test,URI:spiffe://test/a"; empty: none
  int days = 1;                             // until it ends; negative: it has ended so long ago
  std::string_view usage = "clientAuth";
};

class TestAuthority {
 public:
  // Signed by itself, or by `signer`.
  explicit TestAuthority(std::string_view name, const TestAuthority* signer = nullptr);

  std::string pem() const;
  PemPair issue(const Wish& wish = {}) const;
  // A CRL with these certificates in it, which ends so many days from now.
  std::string crl(const std::vector<PemPair>& revoked = {}, int days = 1) const;
  // A response (DER) about one of its certificates, that begins and ends so many days from now.
  struct OcspWish {
    bool good = true;  // else revoked
    int begins = -1;
    int ends = 1;
    bool by_sha256 = false;  // how it names the certificate
  };
  std::string ocsp(const PemPair& about, const OcspWish& wish) const;
  X509& certificate() const { return *certificate_; }
  EVP_PKEY& key() const { return *key_; }

 private:
  x509::Key key_;
  x509::Certificate certificate_;
};

x509::Certificate certificate_of(const PemPair& pair);
x509::Key key_of(const PemPair& pair);

}  // namespace culvert::test
