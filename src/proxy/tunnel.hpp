// A tunnel that stands: two streams and what is known of it, until it ends with its record. It outlives the configuration
// that allowed it.
//
//   start() --> opening, where its client has to name the destination --> relaying --> its record
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/intrusive_list.hpp"
#include "base/ref.hpp"
#include "net/relay.hpp"
#include "proxy/access_policy.hpp"
#include "proxy/backend.hpp"
#include "proxy/gateway.hpp"
#include "proxy/listener_policy.hpp"
#include "proxy/route.hpp"
#include "proxy/sni_check.hpp"
#include "proxy/tunnel_places.hpp"

namespace culvert::proxy {

// The words of a tunnel's record, in one piece of memory: tunnels are many.
class TunnelWords {
 public:
  struct Views {
    std::string_view method;
    std::string_view target;  // of the request
    std::string_view host;    // that it was meant for
    std::string_view user;
    std::string_view server;  // the address at the other end
    std::string_view request_id;
  };
  explicit TunnelWords(const Views& words);
  Views views() const;

 private:
  std::unique_ptr<char[]> text_;
  std::array<std::uint32_t, 6> sizes_;
};

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
  TunnelWords words;
  std::shared_ptr<const PeerCertificate> certificate{};  // of the client; null where it has shown none
  bool by_parent = false;       // the server is a proxy
  std::uint16_t status = 200;
  std::uint32_t retries = 0;    // on other parents
  BackendUse use{};             // of the server it leads to, where that is one of an upstream's
};

class Tunnel final : public ListHook, private SniCheck::Owner, private net::Relay::Owner {
 public:
  Tunnel(Gateway::State& gateway, std::uint64_t id, TunnelOrigin origin);

  // The bytes are those that were read before; see Relay::pass_on.
  void start(const net::RelayLimits& limits, BareStream downstream, BareStream upstream, Bytes from_downstream,
             Bytes from_upstream);
  void close();
  TunnelView view() const;

 private:
  // What there is of it before its bytes move.
  struct Opening {
    Opening(Tunnel& tunnel, const net::RelayLimits& with, BareStream downstream, BareStream upstream, Bytes early);
    const net::RelayLimits limits;
    const std::vector<std::byte> from_upstream;
    SniCheck check;
  };

  void on_checked(Reason reason, std::error_code cause) noexcept override;
  void relay(const net::RelayLimits& limits, BareStream downstream, BareStream upstream, Bytes from_downstream,
             Bytes from_upstream);
  void end(Reason reason, std::error_code cause);
  void relay_ended(net::RelayEnd how, std::error_code cause) noexcept override;

  Gateway::State& gateway_;
  const std::uint64_t id_;
  TunnelOrigin origin_;
  std::unique_ptr<Opening> opening_;
  std::optional<net::Relay> relay_;
};

}  // namespace culvert::proxy
