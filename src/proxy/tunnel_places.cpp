#include "proxy/tunnel_places.hpp"

namespace culvert::proxy {

Reason TunnelPlaces::take(const std::string& service, std::string_view client, std::uint32_t most,
                          std::uint32_t most_of_client, Place& place) {
  const std::lock_guard lock(mutex_);
  Service& at = services_[service];
  if (most != 0 && at.taken >= most) return Reason::tunnels_exhausted;
  const auto of_client = at.clients.try_emplace(std::string(client), 0).first;
  if (most_of_client != 0 && of_client->second >= most_of_client) return Reason::client_tunnels_exhausted;
  ++at.taken;
  ++of_client->second;
  place = Place(*this, at, of_client);
  return Reason::none;
}

void TunnelPlaces::give_back(Service& service, Clients::iterator client) {
  const std::lock_guard lock(mutex_);
  --service.taken;
  if (--client->second == 0) service.clients.erase(client);
}

}  // namespace culvert::proxy
