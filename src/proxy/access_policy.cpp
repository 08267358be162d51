#include "proxy/access_policy.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "config/learned_rules.hpp"
#include "proxy/special_addresses.hpp"
#include "proxy/upstream.hpp"

namespace culvert::proxy {

namespace {

bool concerns(const config::TunnelRule& rule, const Destination& destination) {
  const auto contains_client = [&](const config::Network& network) { return network.contains(destination.client); };
  return (rule.users.empty() || std::ranges::find(rule.users, destination.user) != rule.users.end()) &&
         (rule.clients.empty() || std::ranges::any_of(rule.clients, contains_client));
}

bool names(const config::TunnelTarget& target, const Destination& destination) {
  return !target.network && target.ports.contains(destination.port) && target.host.matches(destination.host);
}

// Of several addresses one in the network is enough to deny, and one outside is enough not to allow.
bool covers(const config::TunnelTarget& target, std::span<const Endpoint> addresses, bool allow) {
  const auto inside = [&](const Endpoint& address) { return target.network->contains(address); };
  return allow ? std::ranges::all_of(addresses, inside) : std::ranges::any_of(addresses, inside);
}

bool lists(std::span<const config::Network> networks, const Endpoint& address) {
  return std::ranges::any_of(networks, [&](const config::Network& network) { return network.contains(address); });
}

bool is_any(const Endpoint& address) {
  return std::ranges::all_of(address.address, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

Verdict AccessPolicy::judge(const Destination& destination) const {
  return learn(destination, judge_by_rules(destination, {}));
}

Ref<Route> AccessPolicy::parents(const Verdict& verdict) const {
  if (ways.empty()) return {};
  const bool by_default = verdict.rule == nullptr || verdict.rule == &learned;
  return by_default ? ways.back() : ways[static_cast<std::size_t>(verdict.rule - settings.rules.data())];
}

void AccessPolicy::drain() const {
  for (const Ref<Route>& way : ways) {
    if (way) way->upstream->drain();
  }
}

Verdict AccessPolicy::judge(const Destination& destination, std::span<const Endpoint> addresses,
                            const Connector& network) const {
  Verdict verdict = learn(destination, judge_by_rules(destination, addresses));
  for (const Endpoint& address : addresses) {
    if (verdict.reason != Reason::none) break;
    verdict = judge_address(address, verdict, network);
  }
  return verdict;
}

// What is denied passes while it is learned, if a rule could allow just this.
Verdict AccessPolicy::learn(const Destination& destination, const Verdict& verdict) const {
  const bool denied = verdict.reason == Reason::destination_denied || verdict.reason == Reason::destination_port_denied;
  if (!denied || settings.learn.empty() || !config::exact_target(destination.host, destination.port)) return verdict;
  return {.rule = &learned, .denied_by = verdict.rule != nullptr ? std::string_view(verdict.rule->name) : std::string_view()};
}

Verdict AccessPolicy::judge_by_rules(const Destination& destination, std::span<const Endpoint> addresses) const {
  for (const config::TunnelRule& rule : settings.rules) {
    if (!concerns(rule, destination)) continue;
    const Verdict verdict{.reason = rule.allow ? Reason::none : Reason::destination_denied, .rule = &rule};
    if (std::ranges::any_of(rule.targets, [&](const auto& target) { return names(target, destination); })) return verdict;
    for (const config::TunnelTarget& target : rule.targets) {
      if (!target.network || !target.ports.contains(destination.port)) continue;
      if (addresses.empty()) return {.needs_addresses = true};
      if (covers(target, addresses, rule.allow)) return verdict;
    }
  }
  if (!settings.default_allow) return {.reason = Reason::destination_denied};
  const auto& ports = destination.plain_http ? settings.http_ports : settings.ports;
  const bool port_allowed = std::ranges::find(ports, destination.port) != ports.end();
  return {.reason = port_allowed ? Reason::none : Reason::destination_port_denied};
}

Verdict AccessPolicy::judge_address(const Endpoint& address, const Verdict& so_far, const Connector& network) const {
  Verdict verdict = so_far;
  if (is_own(address, network)) {
    verdict.reason = Reason::destination_is_culvert;
    return verdict;
  }
  const SpecialRange* range = special_range(address);
  if (range == nullptr) return verdict;
  const bool by_rule = so_far.rule != nullptr && so_far.rule->private_networks;
  const config::PrivateNetworks& networks = by_rule ? *so_far.rule->private_networks : settings.private_networks;
  if ((networks.allow_all && !range->metadata) || lists(networks.networks, address)) return verdict;
  verdict.reason = Reason::destination_not_public;
  verdict.detail = range->name;
  return verdict;
}

bool AccessPolicy::is_own(const Endpoint& address, const Connector& network) const {
  return std::ranges::any_of(own, [&](const Endpoint& listener) {
    if (listener.port != address.port) return false;
    return is_any(listener) ? network.is_local(address) : listener.unmapped() == address.unmapped();
  });
}

HostKind kind_of_host(std::string_view host, std::uint16_t port) {
  if (const auto address = Endpoint::parse_ip(host, port)) return {.address = *address};
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::string_view last = host.substr(host.rfind('.') + 1);  // npos + 1: all of it
  const bool digits = !last.empty() && std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; });
  const bool hex = last.starts_with("0x") || last.starts_with("0X");
  return {.ambiguous = digits || hex || last.empty(), .address = {}};
}

bool is_localhost(std::string_view host) { return host == "localhost" || host.ends_with(".localhost"); }

}  // namespace culvert::proxy
