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
  place = Place(*this, {service, of_client->first});
  return Reason::none;
}

void TunnelPlaces::give_back(const Place::Key& key) {
  const std::lock_guard lock(mutex_);
  Service& at = services_.find(key.first)->second;
  --at.taken;
  const auto of_client = at.clients.find(key.second);
  if (--of_client->second == 0) at.clients.erase(of_client);
}

}  // namespace culvert::proxy
