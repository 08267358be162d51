// [tunnel.NAME]: what CONNECT, and requests that name their destination, may reach through culvert.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/host_pattern.hpp"
#include "config/network.hpp"
#include "culvert/endpoint.hpp"

namespace culvert::config {

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 65535;
  bool contains(std::uint16_t port) const { return first <= port && port <= last; }
  bool operator==(const PortRange&) const = default;
};

// HOST:PORT of a rule. A network is compared with the addresses of a destination, a pattern with its name.
struct TunnelTarget {
  HostPattern host;
  std::optional<Network> network;  // in place of a host
  PortRange ports;
  bool operator==(const TunnelTarget&) const = default;
};

// Which destinations that are not of the public Internet may be reached.
struct PrivateNetworks {
  bool allow_all = false;           // but cloud metadata services, which only a listed network opens
  std::vector<Network> networks;    // these
  bool operator==(const PrivateNetworks&) const = default;
};

// A ClientHello that carries one: the name that can be read need not be the true one.
enum class EncryptedClientHello : std::uint8_t { allow, deny };

// Proxies on the way to a destination.
struct Parents {
  std::vector<Address> proxies;  // kind ip or name, in the order of preference; empty: there is none on the way
  std::string auth;              // "user:password" for them; empty: they do not ask
  bool operator==(const Parents&) const = default;
};

struct TunnelRule {
  std::string name;  // "rule 2" where the file gives none
  bool allow = false;
  std::vector<TunnelTarget> targets;
  std::vector<std::string> users;    // empty lists match everything
  std::vector<Network> clients;
  std::optional<PrivateNetworks> private_networks;  // in place of the service's
  std::optional<bool> require_sni;                  // likewise
  std::optional<Parents> parents;                   // likewise
  bool operator==(const TunnelRule&) const = default;
};

struct Tunnel {
  std::string name;
  std::string auth;  // a key of Config::auths; empty: nobody is asked who he is
  bool default_allow = false;
  std::string learn;  // a file: what the rules deny passes, and is noted there; empty: it does not pass
  PrivateNetworks private_networks;
  std::vector<std::uint16_t> ports{443};      // that CONNECT may name where no rule decides
  std::vector<std::uint16_t> http_ports{80};  // and a request with an http:// target
  bool require_sni = false;  // the client's TLS has to name the destination
  EncryptedClientHello encrypted_client_hello = EncryptedClientHello::allow;
  std::chrono::milliseconds hello_timeout{10'000};  // for that name to arrive; 0: no limit
  Parents parents;
  std::chrono::milliseconds parent_check_interval{5'000};
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds idle_timeout{300'000};
  std::chrono::milliseconds max_lifetime{0};     // 0: no limit
  std::uint64_t max_bytes = 0;                   // of a tunnel, both directions together; 0: no limit
  std::uint64_t bandwidth = 0;                   // bytes a second, each direction of a tunnel; 0: no limit
  std::uint64_t bandwidth_per_client = 0;        // of all tunnels of a client together; 0: no limit
  std::uint64_t max_bytes_per_client = 0;        // likewise, both directions, in an interval; 0: no limit
  std::chrono::milliseconds max_bytes_per_client_interval{86'400'000};  // 0: without an end
  std::uint32_t max_tunnels = 0;                 // 0: no limit
  std::uint32_t max_tunnels_per_client = 0;      // 0: no limit
  std::vector<TunnelRule> rules;
  bool operator==(const Tunnel&) const = default;
};

}  // namespace culvert::config
