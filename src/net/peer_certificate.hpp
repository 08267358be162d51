// What OpenSSL knows of certificates once hands are shaken: the client's, as the message model has it, and the
// server's.
#pragma once
#include <memory>
#include <string_view>

#include "culvert/peer_certificate.hpp"

struct ssl_st;

namespace culvert::net {

// Null where the client has shown none. After a session was resumed it is what was shown when it began.
std::shared_ptr<const PeerCertificate> read_peer_certificate(const ssl_st& session);

// Whether the certificate that this end presents is for `host`: a name, or an address, of IPv6 in brackets.
bool shows_certificate_for(const ssl_st& session, std::string_view host);

// Puts what OpenSSL leaves out of its tickets into the one that is about to be made: see SSL_CTX_set_session_ticket_cb.
int keep_chain_in_ticket(ssl_st* session, void*);

}  // namespace culvert::net
