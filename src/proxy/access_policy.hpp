// What a client may reach through culvert: the rules of one [tunnel.NAME], and what holds for all of them. Asked twice: by
// the name, before anybody is asked for its addresses, and by the addresses, of which one is then dialled.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ref.hpp"
#include "config/tunnel.hpp"
#include "culvert/network.hpp"
#include "proxy/authenticator.hpp"
#include "proxy/failure.hpp"
#include "proxy/route.hpp"

namespace culvert::proxy {

// Where a client wants to go.
struct Destination {
  std::string_view host;        // lower case; an IPv6 address without brackets
  std::uint16_t port = 0;
  bool plain_http = false;      // a request with an http:// target, not CONNECT
  Endpoint client;              // who asks
  std::string_view user;        // empty where nobody is known
};

// Reason::none: allowed.
struct Verdict {
  Reason reason = Reason::none;
  const config::TunnelRule* rule = nullptr;  // that decided; null: the default
  std::string_view detail;                   // for the log: which range an address belongs to
  std::string_view denied_by;                // where it is learned: the rule that would deny; empty: the default
  bool needs_addresses = false;              // a rule about networks has to be asked first; `reason` says nothing yet
};

struct AccessPolicy final : RefCounted {
  // `by_parents`: the ways through parent proxies, of each rule in turn and of the service last.
  AccessPolicy(const config::Tunnel& written, std::vector<Endpoint> listeners, Ref<Authenticator> users = {},
               std::vector<Ref<Route>> by_parents = {})
      : settings(written), own(std::move(listeners)), authenticator(std::move(users)), ways(std::move(by_parents)) {}

  Verdict judge(const Destination& destination) const;
  // `addresses` of the host, with its port: one that is refused refuses them all.
  Verdict judge(const Destination& destination, std::span<const Endpoint> addresses, const Connector& network) const;

  // Whether a tunnel that `rule` has allowed, or the default where it is null, is for TLS to its destination alone.
  bool requires_sni(const config::TunnelRule* rule) const {
    return rule != nullptr && rule->require_sni ? *rule->require_sni : settings.require_sni;
  }

  // The way through parent proxies to what `verdict` allows; null where destinations are dialled.
  Ref<Route> parents(const Verdict& verdict) const;
  // It is no longer in force: only tunnels hold it.
  void drain() const;

  const config::Tunnel settings;
  // In place of a rule, where one or the default would deny what is to be learned.
  const config::TunnelRule learned{.name = "learned", .allow = true, .targets = {}, .users = {}, .clients = {},
                                   .private_networks = {}, .require_sni = {}, .parents = {}};
  const std::vector<Endpoint> own;  // where culvert itself listens: nobody may reach that through it
  const Ref<Authenticator> authenticator;  // null where nobody is asked who he is
  const std::vector<Ref<Route>> ways;  // see the constructor; empty where no parent is named

 private:
  Verdict learn(const Destination& destination, const Verdict& verdict) const;
  Verdict judge_by_rules(const Destination& destination, std::span<const Endpoint> addresses) const;
  Verdict judge_address(const Endpoint& address, const Verdict& so_far, const Connector& network) const;
  bool is_own(const Endpoint& address, const Connector& network) const;
};

// The address that `host` is, in the form of URLs but without brackets, or that it is no name either: one whose last label
// is a number is read as an IPv4 address by some programs and as a name by others.
struct HostKind {
  bool ambiguous = false;
  Endpoint address;  // Family::none: it is a name
};
HostKind kind_of_host(std::string_view host, std::uint16_t port);
// What everybody who looks it up takes for himself (RFC 6761 6.3).
bool is_localhost(std::string_view host);

}  // namespace culvert::proxy
