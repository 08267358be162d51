#include "simulation/internet.hpp"

#include <algorithm>
#include <string>

namespace culvert::simulation {

namespace {

using Kind = Destination::Kind;

constexpr config::PortRange every_port{};
constexpr config::PortRange ports_of_rules{allowed_ports, allowed_ports + ids_max};

const std::vector<Destination> all{
    {"one.allowed.sim", Kind::name, {"9.9.0.1"}},
    {"two.allowed.sim", Kind::name, {"9.9.0.2", "9.9.0.3"}},
    {"TWO.Allowed.sim.", Kind::name, {"9.9.0.3"}},
    {"six.allowed.sim", Kind::name, {"2620:fe::1", "9.9.0.4"}},
    {"half.allowed.sim", Kind::name, {"9.9.1.1", "9.9.0.2"}},  // nobody is at the first
    {"mapped.allowed.sim", Kind::name, {"::ffff:9.9.0.1"}},
    {"private.allowed.sim", Kind::name, {"10.7.0.1"}},
    {"mixed.allowed.sim", Kind::name, {"9.9.0.1", "10.7.0.1"}},
    {"nat64.allowed.sim", Kind::name, {"64:ff9b::a07:1"}},
    {"metadata.allowed.sim", Kind::name, {"169.254.169.254"}},
    {"turning.allowed.sim", Kind::name, {"9.9.0.1"}, {"10.7.0.1"}},
    {"turning.allowed.sim", Kind::name, {"9.9.0.1"}, {"10.7.0.1"}},
    {"bad.allowed.sim", Kind::name, {"9.9.66.1"}},
    {"partly.allowed.sim", Kind::name, {"9.9.0.1", "9.9.66.1"}},
    {"unknown.allowed.sim", Kind::unknown, {}},
    {"empty.allowed.sim", Kind::empty, {}},
    {"circle.allowed.sim", Kind::circle, {}},
    {"silent.allowed.sim", Kind::silent, {}},
    {"self.allowed.sim", Kind::name, {"10.0.0.1"}},
    {"any.tracker.sim", Kind::name, {"9.9.0.1"}},
    {"stranger.sim", Kind::name, {"9.9.0.4"}},
    {"localhost", Kind::name, {"127.0.0.1"}},
    {"a.inner.sim", Kind::name, {"10.9.0.1"}},
    {"leaky.inner.sim", Kind::name, {"10.9.0.1", "10.7.0.1"}},
    {"a.tls.sim", Kind::name, {"9.9.0.2"}},
    {"b.tls.sim", Kind::name, {"9.9.0.1", "9.9.0.3"}},
    {"a.tls.sim", Kind::name, {"9.9.0.2"}},
    {"a.far.sim", Kind::name, {"9.9.0.3"}},
    {"b.far.sim", Kind::name, {"9.9.0.4"}},
    {"secret.far.sim", Kind::name, {"10.7.0.1"}},
    {"unknown.far.sim", Kind::unknown, {}},
    {"9.9.0.1", Kind::address, {"9.9.0.1"}},
    {"[2620:fe::1]", Kind::address, {"2620:fe::1"}},
    {"9.9.66.1", Kind::address, {"9.9.66.1"}},
    {"10.7.0.1", Kind::address, {"10.7.0.1"}},
    {"10.9.0.1", Kind::address, {"10.9.0.1"}},
    {"10.0.0.1", Kind::address, {"10.0.0.1"}},
    {"[::ffff:10.7.0.1]", Kind::address, {"::ffff:10.7.0.1"}},
    {"169.254.169.254", Kind::address, {"169.254.169.254"}},
    {"127.1", Kind::ambiguous, {}},
    {"0x7f.1", Kind::ambiguous, {}},
    {"2130706433", Kind::ambiguous, {}},
};

config::Network network(std::string_view base, std::uint8_t prefix) { return {*Endpoint::parse_ip(base), prefix}; }

config::TunnelRule rule(const char* name, bool allow, const char* names, config::PortRange ports) {
  config::TunnelRule made{};
  made.name = name;
  made.allow = allow;
  config::TunnelTarget& target = made.targets.emplace_back();
  target.host = {names, true};
  target.ports = ports;
  return made;
}

bool starts(const Endpoint& endpoint, std::string_view start) { return endpoint.unmapped().ip().starts_with(start); }

// All others of this world belong to somebody's own network.
bool is_public(const Endpoint& endpoint) { return starts(endpoint, "9.9.") || starts(endpoint, "2620:fe:"); }

std::string plain(std::string_view host) {
  std::string name(host);
  if (name.ends_with('.')) name.pop_back();
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

struct ByRules {
  std::string_view reason;
  bool needs_names = false;
  bool tls = false;
  bool inner = false;
  bool far = false;
};

ByRules judge_by_rules(const Egress& egress, const std::string& name, std::uint16_t port, const Endpoints* addresses) {
  if (name.ends_with(".tracker.sim")) return {.reason = "destination_denied"};
  if (egress.denies_a_network) {
    if (addresses == nullptr) return {.reason = {}, .needs_names = true};
    const auto bad = [](const Endpoint& each) { return starts(each, "9.9.66."); };
    if (std::ranges::any_of(*addresses, bad)) return {.reason = "destination_denied"};
  }
  if (port >= allowed_ports && port <= allowed_ports + ids_max) {
    if (name.ends_with(".tls.sim")) return {.reason = {}, .tls = true};
    if (name.ends_with(".far.sim") && egress.has_parents) return {.reason = {}, .far = true};
    if (name.ends_with(".inner.sim")) return {.reason = {}, .inner = true};
    if (name.ends_with(".allowed.sim") && egress.allows_names) return {};
  }
  if (!egress.allows_by_default) return {.reason = "destination_denied"};
  const bool listed = port >= allowed_ports && port <= allowed_ports + ids_max;
  return {.reason = listed ? "" : "destination_port_denied"};
}

}  // namespace

std::span<const Destination> destinations() { return all; }

Endpoint address(std::string_view ip, std::uint16_t port) { return *Endpoint::parse_ip(ip, port); }

std::vector<config::TunnelRule> rules_of(const Egress& egress, const config::Parents& parents) {
  std::vector<config::TunnelRule> rules{rule("trackers", false, ".tracker.sim", every_port)};
  if (egress.denies_a_network) {
    config::TunnelRule denies{};
    denies.name = "network";
    denies.targets.emplace_back().network = network("9.9.66.0", 24);
    rules.push_back(denies);
  }
  config::TunnelRule& tls = rules.emplace_back(rule("tls", true, ".tls.sim", ports_of_rules));
  tls.require_sni = true;
  if (egress.has_parents) {
    config::TunnelRule& far = rules.emplace_back(rule("far", true, ".far.sim", ports_of_rules));
    far.parents = parents;
  }
  config::TunnelRule& inner = rules.emplace_back(rule("inner", true, ".inner.sim", ports_of_rules));
  inner.private_networks = config::PrivateNetworks{.allow_all = false, .networks = {network("10.9.0.0", 16)}};
  if (egress.allows_names) rules.push_back(rule("names", true, ".allowed.sim", ports_of_rules));
  return rules;
}

Judgement judge(const Egress& egress, const Destination& destination, std::uint16_t port, const Endpoints* answer,
                std::span<const Endpoint> own) {
  if (destination.kind == Kind::ambiguous) return {.reason = "destination_malformed"};
  const bool literal = destination.kind == Kind::address;
  const Endpoints itself = literal ? Endpoints{address(destination.addresses[0], port)} : Endpoints{};
  if (literal) answer = &itself;
  const std::string name = literal ? "" : plain(destination.host);
  const ByRules by_name = judge_by_rules(egress, name, port, literal ? answer : nullptr);
  if (!by_name.needs_names && !by_name.reason.empty()) return {.reason = by_name.reason};
  if (by_name.far && !by_name.needs_names) return {.reason = {}, .leads_by_parents = true};
  if (answer == nullptr) return {.reason = {}, .is_looked_up = true, .waits_for_names = true};
  Judgement judgement{.reason = {}, .is_looked_up = !literal};
  if (answer->empty()) return judgement.reason = "upstream_name_not_found", judgement;
  const ByRules by_address = judge_by_rules(egress, name, port, answer);
  judgement.reason = by_address.reason;
  judgement.has_to_name_its_host = by_address.tls;
  judgement.leads_by_parents = by_address.far;
  for (const Endpoint& each : *answer) {
    if (!judgement.reason.empty()) break;
    Endpoint there = each.unmapped();
    there.port = port;
    if (std::ranges::find(own, there) != own.end()) {
      judgement.reason = "destination_is_culvert";
    } else if (!is_public(there) && !(by_address.inner && starts(there, "10.9."))) {
      judgement.reason = "destination_not_public";
    }
  }
  return judgement;
}

}  // namespace culvert::simulation
