// OpenSSL's certificates as the files around it pass them on: who owns them, and what they say as text.
#pragma once
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "culvert/loop.hpp"

namespace culvert::x509 {

template <auto free_it>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free_it(object);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Crl = std::unique_ptr<X509_CRL, Free<X509_CRL_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;
using Store = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using Der = std::vector<std::byte>;

Bio reader_of(std::string_view text);
// What `write` puts into the stream that it is called with.
template <class Write>
std::string written(Write write) {
  const Bio to(BIO_new(BIO_s_mem()));
  write(to.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(to.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}
// The last thing that OpenSSL complained of.
std::string complaint();
// The next one of a PEM text; null at its end, and where something is wrong: see ended().
Certificate read_certificate(BIO& from);
Crl read_crl(BIO& from);
// Whether the last one was null because there is none left; forgets OpenSSL's complaints.
bool ended();

WallTime time_of(const ASN1_TIME* written);
Der der_of(const X509& certificate);
std::string_view text_of(const ASN1_STRING* text);  // as it is written
std::string lower_text(const ASN1_STRING* text);
// "CN=alice,O=Example" (RFC 4514), as `openssl x509 -nameopt RFC2253` writes it.
std::string text_of(const X509_NAME* name);
// The alternative names; null where it has none.
Names alternative_names(const X509& certificate);

}  // namespace culvert::x509
