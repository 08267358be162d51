// What OpenSSL finds wrong with a handshake, as an error code.
#pragma once
#include <system_error>

struct ssl_st;

namespace culvert::net {

const std::error_category& tls_category();  // its name is "tls"; the values are OpenSSL's
// The first of what OpenSSL complained of since the last time, which is forgotten; a protocol error where it said nothing.
std::error_code take_tls_error();
// The same of a handshake; where it was the peer's certificate, what is wrong with that.
std::error_code take_handshake_error(const ssl_st& session);
// Whether it is about TLS, and not about the connection below it.
inline bool is_of_tls(std::error_code error) { return error.category() == tls_category(); }

const std::error_category& certificate_category();  // its name is "certificate"; the values are X509_V_ERR_...
// Whether a certificate is not believed.
inline bool is_of_certificate(std::error_code error) { return error.category() == certificate_category(); }
// Whether a peer has shown none where one is required.
bool is_certificate_missing(std::error_code error);
// Whether it was turned away for the server that it wants.
bool is_name_refused(std::error_code error);
// Whether it is what the peer says of us.
bool is_alert(std::error_code error);
// Whether a peer has sent HTTP where TLS was due.
bool is_plain_http(std::error_code error);

}  // namespace culvert::net
