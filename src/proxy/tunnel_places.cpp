#include "proxy/tunnel_places.hpp"

#include <algorithm>

namespace culvert::proxy {

namespace {

constexpr std::size_t sweep_worthwhile = 1'000;

}  // namespace

Reason TunnelPlaces::take(const config::Tunnel& service, std::string_view client, Use use, TimePoint now,
                          Place& place) {
  place = {};  // given back without the lock
  const std::lock_guard lock(mutex_);
  Service& at = services_[service.name];
  const bool is_tunnel = use == Use::tunnel;
  if (is_tunnel && service.max_tunnels != 0 && at.tunnels >= service.max_tunnels) return Reason::tunnels_exhausted;
  sweep(at, now);
  const auto of_client = at.clients.try_emplace(std::string(client)).first;
  auto& [tunnels, places, account] = of_client->second;
  account.set({.bytes_per_second = service.bandwidth_per_client,
               .max_bytes = service.max_bytes_per_client,
               .interval = service.max_bytes_per_client_interval});
  const std::uint32_t most = service.max_tunnels_per_client;
  if (is_tunnel && most != 0 && tunnels >= most) return Reason::client_tunnels_exhausted;
  if (account.used_up(now)) return Reason::client_bytes_exhausted;
  if (is_tunnel) {
    ++at.tunnels;
    ++tunnels;
  }
  ++places;
  place = Place(*this, at, of_client, use);
  return Reason::none;
}

std::size_t TunnelPlaces::clients(std::string_view service) {
  const std::lock_guard lock(mutex_);
  const auto at = services_.find(service);
  return at == services_.end() ? 0 : at->second.clients.size();
}

void TunnelPlaces::give_back(Service& service, Clients::iterator client, Use use) {
  const std::lock_guard lock(mutex_);
  if (use == Use::tunnel) {
    --service.tunnels;
    --client->second.tunnels;
  }
  const bool is_last = --client->second.places == 0;
  const bool is_forgotten = !client->second.account.limits_bytes() || service.clients.size() > idle_clients_max;
  if (is_last && is_forgotten) service.clients.erase(client);
}

// Those whose interval is over; asked each time that there are twice as many.
void TunnelPlaces::sweep(Service& service, TimePoint now) {
  if (service.clients.size() < std::max(sweep_worthwhile, 2 * service.swept_at)) return;
  std::erase_if(service.clients, [&](const auto& entry) {
    return entry.second.places == 0 && entry.second.account.spent(now) == 0;
  });
  service.swept_at = service.clients.size();
}

}  // namespace culvert::proxy
