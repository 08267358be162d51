// OCSP responses (RFC 6960) that a server hands to its clients along with a certificate, read from a file.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "base/certificate.hpp"
#include "culvert/loop.hpp"

struct x509_st;

namespace culvert {

struct OcspStaple {
  std::string response;                // DER
  std::vector<std::byte> certificate;  // that it is about, DER
  WallTime begins;
  WallTime ends;         // WallTime::max(): it does not say
  bool is_good = false;  // else it says that the certificate is revoked, or is not known

  bool holds_at(WallTime now) const { return is_good && begins <= now && now < ends; }
  bool is_about(const x509_st& presented) const;
};

// What is wrong with the response of a pair, by itself or for its certificate, in words; empty: nothing.
std::string read_ocsp(const PemPair& pair, OcspStaple& staple);

}  // namespace culvert
