// Certificates and keys as PEM files have them, by OpenSSL's words: what is wrong with them, and what they say.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "culvert/loop.hpp"

struct ssl_ctx_st;

namespace culvert {

// A certificate, what proves it, and its key: the contents of files.
struct PemPair {
  std::string certificate;  // the server's own first, then those that signed it
  std::string key;
  std::string ocsp = {};    // a response about the certificate, in DER, for clients that ask; empty: none
  bool operator==(const PemPair&) const = default;
};

struct CertificateFacts {
  std::vector<std::string> names;  // of servers, in lower case: "example.com", "*.example.com"
  WallTime not_before;
  WallTime not_after;
};

struct FreeSslContext {
  void operator()(ssl_ctx_st* context) const;
};
using SslContext = std::unique_ptr<ssl_ctx_st, FreeSslContext>;

// A context of a TLS server without certificates.
SslContext make_server_context();

// Lets `context` present the pair, besides those that it has with keys of other types. What is wrong with it in words; empty:
// nothing.
std::string use_pair(ssl_ctx_st& context, const PemPair& pair);

// What is wrong with a key by itself; empty: nothing.
std::string check_key(const std::string& key);
// What a pair says, once use_pair() found it right. Empty words: all is right.
std::string read_pair(const PemPair& pair, CertificateFacts& facts);

// For development: a certificate that nobody has signed, for these names and addresses, and for half a year.
PemPair make_self_signed(std::span<const std::string_view> names);

}  // namespace culvert
