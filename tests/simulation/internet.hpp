// The simulated Internet as clients of tunnels know it: what they ask for, what the name servers say, and what has to
// come of it by the rules of [tunnel.egress], which are written down here a second time. Nothing of that is culvert's
// code.
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "culvert/network.hpp"

namespace culvert::simulation {

// What somebody asks a proxy for, without the port.
struct Destination {
  enum class Kind : std::uint8_t {
    name,
    address,
    ambiguous,  // an address to some programs, and a name to others
    unknown,    // a name that nobody has
    empty,      // a name without an address
    circle,     // a name for a name that is a name for the first: the resolver gives up
    silent      // a name whose servers do not answer
  };
  std::string_view host;
  Kind kind = Kind::name;
  std::vector<std::string_view> addresses;
  std::vector<std::string_view> every_second_time{};  // the answer, where it changes
};
std::span<const Destination> destinations();

// What the operator has written into [tunnel.egress].
struct Egress {
  bool allows_by_default = true;
  bool denies_a_network = false;  // by a rule: then every name has to be looked up
  bool denies_encrypted_hellos = false;
  bool has_parents = false;  // for *.far.sim
  bool allows_names = true;  // *.allowed.sim
};

// Ports tell tunnels apart: that of tunnel N is one of these, plus N.
inline constexpr std::uint16_t allowed_ports = 20'000;
inline constexpr std::uint16_t denied_ports = 30'000;
inline constexpr std::uint16_t ids_max = 9'999;

// The rules, for the file; the other settings of the section are the caller's.
std::vector<config::TunnelRule> rules_of(const Egress& egress, const config::Parents& parents);

struct Judgement {
  std::string_view reason;            // why it is refused; empty: it is allowed
  bool is_looked_up = false;          // the name
  bool has_to_name_its_host = false;  // in a ClientHello
  bool leads_by_parents = false;
  bool waits_for_names = false;  // `answer` was null, and it depends on that
};

// `answer`: of the name servers; null where there has been none. `own`: where culvert listens.
Judgement judge(const Egress& egress, const Destination& destination, std::uint16_t port, const Endpoints* answer,
                std::span<const Endpoint> own);

Endpoint address(std::string_view ip, std::uint16_t port);

}  // namespace culvert::simulation
