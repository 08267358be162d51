// Which certificates peers have to show: who signs them, which are revoked, and a context that asks for them.
#pragma once
#include <string>
#include <vector>

#include "base/certificate.hpp"
#include "culvert/loop.hpp"

namespace culvert {

struct ClientAuth {
  std::string authorities;  // a PEM file's text; each certificate in it is trusted, whether it is a root or not
  std::string revoked;      // likewise: CRLs of all that sign, up to the root. Empty: nothing is revoked
  bool required = true;     // else clients may show none
  bool operator==(const ClientAuth&) const = default;
};

struct ClientAuthFacts {
  struct Dated {
    std::string name;  // whose it is, or who has issued it (RFC 2253)
    WallTime ends;     // WallTime::max(): it does not say
  };
  std::vector<Dated> authorities;
  std::vector<Dated> crls;
  std::vector<std::string> without_crl;  // of the authorities, where there are CRLs
};

// What is wrong with the authorities in words; empty: nothing.
std::string read_authorities(const ClientAuth& auth, ClientAuthFacts& facts);
// The same of the CRLs, of authorities that are right.
std::string read_crls(const ClientAuth& auth, ClientAuthFacts& facts);

// Lets `context` ask clients for a certificate, and check it. Of what both found right.
void ask_for_certificates(ssl_ctx_st& context, const ClientAuth& auth);

// Lets `context` believe servers by these alone, a PEM file's text. What is wrong with it in words; empty: nothing.
std::string believe_only(ssl_ctx_st& context, const std::string& authorities);

}  // namespace culvert
