// What the domain name system says of a name besides its addresses: the hosts of a service, and for how long an answer
// holds. Blocks until it knows.
#pragma once
#include "culvert/network.hpp"

namespace culvert::net {

// More targets of a service than these are left out.
inline constexpr std::size_t service_hosts_max = 64;

// `address` is a name or a service. Addresses are those that the system finds, in its hosts file as well, which knows of no
// lifetime.
Result<Whereabouts> system_locate(const Address& address, const LookupOptions& options);

}  // namespace culvert::net
