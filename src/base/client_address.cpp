#include "base/client_address.hpp"

#include <algorithm>

namespace culvert {

Endpoint client_address(const Endpoint& peer) {
  Endpoint client = peer.unmapped();
  client.port = 0;
  client.scope_id = 0;
  const auto interface = client.address.begin() + 8;
  if (client.family == Endpoint::Family::ipv6) std::fill(interface, client.address.end(), std::uint8_t{0});
  return client;
}

}  // namespace culvert
