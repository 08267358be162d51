#include "base/x509.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <chrono>
#include <ctime>

#include "base/ascii.hpp"

namespace culvert::x509 {

Bio reader_of(std::string_view text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

std::string complaint() {
  const char* const words = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return words == nullptr ? "OpenSSL does not say why" : words;
}

Certificate read_certificate(BIO& from) { return Certificate(PEM_read_bio_X509(&from, nullptr, nullptr, nullptr)); }

Crl read_crl(BIO& from) { return Crl(PEM_read_bio_X509_CRL(&from, nullptr, nullptr, nullptr)); }

bool ended() {
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (at_end) ERR_clear_error();
  return at_end;
}

WallTime time_of(const ASN1_TIME* written) {
  std::tm calendar{};
  ASN1_TIME_to_tm(written, &calendar);
  return std::chrono::system_clock::from_time_t(timegm(&calendar));
}

Der der_of(const X509& certificate) {
  Der der(static_cast<std::size_t>(i2d_X509(&certificate, nullptr)));
  auto* to = reinterpret_cast<unsigned char*>(der.data());
  i2d_X509(&certificate, &to);
  return der;
}

std::string_view text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string lower_text(const ASN1_STRING* text) { return ascii::lower(text_of(text)); }

std::string text_of(const X509_NAME* name) {
  return written([&](BIO* to) { X509_NAME_print_ex(to, name, 0, XN_FLAG_RFC2253); });
}

Names alternative_names(const X509& certificate) {
  return Names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
}

}  // namespace culvert::x509
