#include "net/peer_certificate.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "base/x509.hpp"
#include "culvert/endpoint.hpp"

namespace culvert::net {

namespace {

using x509::Der;
using x509::der_of;

std::string fingerprint_of(const X509& certificate) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  X509_digest(&certificate, EVP_sha256(), digest.data(), &size);
  std::string text;
  for (const unsigned char byte : std::span(digest).first(size)) text.append({digits[byte >> 4], digits[byte & 15]});
  return text;
}

// What has control characters is no name: somebody would read another one in it.
bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string first_name_of(const X509& certificate) {
  const x509::Names names = x509::alternative_names(certificate);
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_URI && name->type != GEN_EMAIL) continue;
    const std::string text =
        name->type == GEN_DNS ? x509::lower_text(name->d.dNSName) : std::string(x509::text_of(name->d.ia5));
    if (is_name(text)) return text;
  }
  return {};
}

std::string common_name_of(const X509& certificate) {
  const X509_NAME* const subject = X509_get_subject_name(&certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return is_name(text) ? text : std::string();
}

// Those behind the client's own, but for the root, which whoever trusts it has.
std::vector<Der> verified_chain(const ssl_st& session) {
  std::vector<Der> chain;
  const STACK_OF(X509)* const verified = SSL_get0_verified_chain(&session);
  for (int i = 1; i < sk_X509_num(verified); ++i) {
    X509* const each = sk_X509_value(verified, i);
    if ((X509_get_extension_flags(each) & EXFLAG_SS) == 0) chain.push_back(der_of(*each));
  }
  return chain;
}

// As keep_chain_in_ticket() has put it there.
std::vector<Der> kept_chain(const ssl_st& session) {
  std::vector<Der> chain;
  void* data = nullptr;
  std::size_t size = 0;
  SSL_SESSION_get0_ticket_appdata(SSL_get_session(&session), &data, &size);
  const auto* at = static_cast<const unsigned char*>(data);
  const auto* const end = at + size;
  while (at < end) {
    const x509::Certificate each(d2i_X509(nullptr, &at, end - at));
    if (each == nullptr) break;
    chain.push_back(der_of(*each));
  }
  return chain;
}

}  // namespace

std::shared_ptr<const PeerCertificate> read_peer_certificate(const ssl_st& session) {
  const X509* const shown = SSL_get0_peer_certificate(&session);
  if (shown == nullptr) return nullptr;
  return std::make_shared<const PeerCertificate>(
      PeerCertificate{.subject = x509::text_of(X509_get_subject_name(shown)),
                      .common_name = common_name_of(*shown),
                      .name = first_name_of(*shown),
                      .fingerprint = fingerprint_of(*shown),
                      .der = der_of(*shown),
                      .chain = SSL_session_reused(&session) == 1 ? kept_chain(session) : verified_chain(session)});
}

bool shows_certificate_for(const ssl_st& session, std::string_view host) {
  X509* const own = SSL_get_certificate(&session);
  if (own == nullptr) return true;
  if (host.ends_with('.')) host.remove_suffix(1);  // of the root, which no certificate names
  const bool in_brackets = host.starts_with('[') && host.ends_with(']');
  const std::string text(in_brackets ? host.substr(1, host.size() - 2) : host);
  if (Endpoint::parse_ip(text)) return X509_check_ip_asc(own, text.c_str(), 0) == 1;
  return X509_check_host(own, text.data(), text.size(), 0, nullptr) == 1;
}

int keep_chain_in_ticket(ssl_st* session, void*) {
  if (SSL_session_reused(session) == 1) return 1;  // it has what the one before had
  Der all;
  for (const Der& each : verified_chain(*session)) all.insert(all.end(), each.begin(), each.end());
  return SSL_SESSION_set1_ticket_appdata(SSL_get_session(session), all.data(), all.size());
}

}  // namespace culvert::net
