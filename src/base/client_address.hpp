// Whom limits count as one client.
#pragma once
#include "culvert/endpoint.hpp"

namespace culvert {

// An IPv4 address; of an IPv6 address the /64 that it is in, since whoever has one of its addresses has them all. Without
// port. Unix peers and nobody stay what they are.
Endpoint client_address(const Endpoint& peer);

}  // namespace culvert
