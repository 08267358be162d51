// What OpenSSL finds wrong with a handshake, as an error code.
#pragma once
#include <system_error>

namespace culvert::net {

const std::error_category& tls_category();  // its name is "tls"; the values are OpenSSL's
// The first of what OpenSSL complained of since the last time, which is forgotten; a protocol error where it said nothing.
std::error_code take_tls_error();
// Whether it is about TLS, and not about the connection below it.
inline bool is_of_tls(std::error_code error) { return error.category() == tls_category(); }
// Whether a peer has sent HTTP where TLS was due.
bool is_plain_http(std::error_code error);

}  // namespace culvert::net
