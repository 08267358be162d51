// A tunnel that stands: two streams and what is known of it, until it ends with its record. It outlives the configuration
// that allowed it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/intrusive_list.hpp"
#include "base/ref.hpp"
#include "net/relay.hpp"
#include "proxy/access_policy.hpp"
#include "proxy/gateway.hpp"
#include "proxy/listener_policy.hpp"
#include "proxy/route.hpp"
#include "proxy/tunnel_places.hpp"

namespace culvert::proxy {

// What is known when a tunnel begins.
struct TunnelOrigin {
  WallTime time;                // when its request came
  TimePoint began;
  Endpoint client;              // behind trusted proxies
  Endpoint peer;
  Ref<ListenerPolicy> listener;
  Ref<Route> route;             // null where none led there
  Ref<AccessPolicy> policy;     // null for an Upgrade
  const config::TunnelRule* rule = nullptr;  // of `policy`, that allowed it; null: none did
  TunnelPlaces::Place place;
  std::string method;
  std::string target;           // of the request
  std::string user;
  std::string server;           // the address at the other end
  std::string request_id;
  std::uint16_t status = 200;
};

class Tunnel final : public ListHook, private net::Relay::Owner {
 public:
  Tunnel(Gateway::State& gateway, std::uint64_t id, TunnelOrigin origin, const net::RelayLimits& limits,
         BareStream downstream, BareStream upstream);

  // Bytes that were read before; see Relay::pass_on.
  void start(Bytes from_downstream, Bytes from_upstream);
  void close() { relay_.stop(); }
  TunnelView view() const;

 private:
  void relay_ended(net::RelayEnd how, std::error_code cause) noexcept override;

  Gateway::State& gateway_;
  const std::uint64_t id_;
  TunnelOrigin origin_;
  net::Relay relay_;
};

}  // namespace culvert::proxy
