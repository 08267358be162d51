#include "config/cross_check.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "config/addresses.hpp"
#include "config/admin_check.hpp"
#include "config/upstream_tls.hpp"
#include "config/values.hpp"

namespace culvert::config {
namespace {

using Kind = Node::Kind;

bool says(const Node& table, std::string_view key, std::string_view text) {
  const Node* value = table.value_of(key);
  return value != nullptr && value->is_scalar() && value->text == text;
}

void check_version(const Node& root, Diagnostics& diagnostics) {
  const Node* version = root.value_of("version");
  if (version == nullptr || version->kind == Kind::string || version->text.empty() || version->text == "1") return;
  diagnostics.push_back(
      error_at(version->at, "bad-version", "this culvert knows version 1 of the format", "write 1"));
}

void check_listeners(const Node& root, Diagnostics& diagnostics) {
  const Node* section = root.value_of("listener");
  if (section == nullptr || (section->kind == Kind::table && section->entries.empty())) {
    diagnostics.push_back(error_at(whole_file(root.at.file), "no-listener",
                                   "no [listener.NAME]: culvert would not listen anywhere"));
  }
  struct Taken {
    const Node* value;
    const Entry* listener;
  };
  std::map<std::string, Taken> taken;
  for (const Entry* listener : named_tables_of(root, "listener")) {
    const Node* addresses = listener->value.value_of("address");
    if (addresses == nullptr) continue;
    for (const Node& value : addresses->values()) {
      const Parsed<std::vector<Address>> parsed = parse_listen_address(value.text);
      if (!value.is_text() || !parsed) continue;
      std::vector<std::string> names;
      for (const Address& address : *parsed) names.push_back(address.to_string());
      if (names.empty()) names.push_back(value.text);  // of a socket that is passed in
      for (const std::string& name : names) {
        const auto [first, is_new] = taken.emplace(name, Taken{&value, listener});
        if (is_new) continue;
        const bool same = first->second.listener == listener;
        diagnostics.push_back(
            error_at(value.at, "address-in-use",
                     (same ? "this listener has twice the address " : "two listeners have the address ") +
                         in_quotes(name),
                     "second time here")
                .with_second(first->second.value->at, same ? "first given here" : "first listener here"));
        break;
      }
    }
  }
}

void check_http2(const Node& root, Diagnostics& diagnostics) {
  for (const Entry* listener : named_tables_of(root, "listener")) {
    if (!says(listener->value, "http2", "true") || listener->value.find("tls") != nullptr) continue;
    diagnostics.push_back(error_at(listener->value.find("http2")->at, "http2-without-tls",
                                   in_quotes("listener." + listener->key + ".http2") + " needs tls",
                                   "clients choose HTTP/2 during the TLS handshake"));
  }
}

void check_hsts(const Node& root, Diagnostics& diagnostics) {
  for (const Entry* listener : named_tables_of(root, "listener")) {
    const Entry* hsts = listener->value.find("hsts");
    if (hsts == nullptr || listener->value.find("tls") != nullptr) continue;
    const Parsed<milliseconds> time = parse_duration(hsts->value.text);
    if (!time || *time == off) continue;
    diagnostics.push_back(error_at(hsts->at, "hsts-without-tls",
                                   in_quotes("listener." + listener->key + ".hsts") + " needs tls",
                                   "it may not be sent over plain HTTP (RFC 6797 7.2)"));
  }
}

// A raw stream goes somewhere, and has nothing that only requests have.
void check_streams(const Node& root, Diagnostics& diagnostics) {
  for (const Entry* listener : named_tables_of(root, "listener")) {
    const Node& table = listener->value;
    const bool raw = says(table, "mode", "tcp");
    const std::string name = "listener." + listener->key;
    if (raw && table.find("upstream") == nullptr && table.find("sni") == nullptr) {
      diagnostics.push_back(error_at(table.find("mode")->at, "no-upstream", in_quotes(name) + " leads nowhere", "",
                                     "add upstream = \"NAME\", or [[" + name + ".sni]] sections"));
    }
    for (const std::string_view key : {"upstream", "sni"}) {
      const Entry* entry = table.find(key);
      if (raw || entry == nullptr) continue;
      diagnostics.push_back(error_at(entry->at, "no-stream", in_quotes(name + "." + entry->key) + " needs mode = \"tcp\"",
                                     "", "requests are led by [[route]] sections"));
    }
  }
}

void check_proxy_protocol(const Node& root, Diagnostics& diagnostics) {
  for (const Entry* listener : named_tables_of(root, "listener")) {
    const Entry* from = listener->value.find("proxy_protocol_from");
    if (from == nullptr || says(listener->value, "proxy_protocol", "true")) continue;
    diagnostics.push_back(error_at(from->at, "proxy-protocol-off",
                                   in_quotes("listener." + listener->key + ".proxy_protocol_from") +
                                       " needs proxy_protocol = true",
                                   "no header is read here"));
  }
}

// Reports the second of several keys that exclude each other.
void check_exclusive(const Node& table, std::span<const std::string_view> keys, std::string_view code,
                     std::string_view text, std::string_view what, std::string help, Diagnostics& diagnostics) {
  const Entry* first = nullptr;
  for (const Entry& entry : table.entries) {
    const bool counts = std::find(keys.begin(), keys.end(), entry.key) != keys.end() && entry.value.text != "false";
    if (!counts) continue;
    if (first == nullptr) {
      first = &entry;
      continue;
    }
    diagnostics.push_back(
        error_at(entry.at, code, std::string(text) + " both " + in_quotes(first->key) + " and " + in_quotes(entry.key),
                 "second " + std::string(what), std::move(help))
            .with_second(first->at, "first " + std::string(what)));
    return;
  }
}

constexpr std::array<std::string_view, 6> actions{"upstream", "redirect", "respond", "tunnel", "echo", "static"};

void check_action(const Node& route, Diagnostics& diagnostics) {
  check_exclusive(route, actions, "two-actions", "a route does one thing: this one has", "action",
                  "make two [[route]] sections, or remove one", diagnostics);
  const bool has_action = std::any_of(route.entries.begin(), route.entries.end(), [](const Entry& entry) {
    return std::find(actions.begin(), actions.end(), entry.key) != actions.end() && entry.value.text != "false";
  });
  if (has_action) return;
  diagnostics.push_back(
      error_at(route.at, "no-action", "this route does nothing", "add upstream, redirect, respond, tunnel or echo"));
}

// {1} stands for a group of path_regex.
void check_groups(const Node& route, const Node* value, Diagnostics& diagnostics) {
  if (value == nullptr || !value->is_text()) return;
  const unsigned highest = highest_group(value->text);
  if (highest == 0) return;
  const std::string placeholder = "\"{" + std::to_string(highest) + "}\"";
  const Node* regex = route.value_of("path_regex");
  if (regex == nullptr) {
    diagnostics.push_back(error_at(value->at, "bad-placeholder", placeholder + " needs path_regex",
                                   "it stands for what a group ( ) of it matched"));
    return;
  }
  const Parsed<unsigned> groups = parse_regex(regex->text);
  if (!groups || *groups >= highest) return;
  diagnostics.push_back(error_at(value->at, "bad-placeholder", placeholder + " has no group in path_regex")
                            .with_second(regex->at, "groups here: " + std::to_string(*groups)));
}

void check_route_listeners(const Node& root, const Node& route, Diagnostics& diagnostics) {
  const Node* names = route.value_of("listener");
  const Node* listeners = root.value_of("listener");
  if (names == nullptr || listeners == nullptr) return;
  for (const Node& name : names->values()) {
    const Node* listener = listeners->value_of(name.text);
    if (listener == nullptr) continue;
    const bool forward = says(*listener, "mode", "forward");
    if (!forward && !says(*listener, "mode", "tcp")) continue;
    diagnostics.push_back(
        error_at(name.at, forward ? "forward-listener" : "stream-listener",
                 "listener " + in_quotes(name.text) +
                     (forward ? " is a forward proxy: it has no routes" : " takes raw streams: it has no routes"))
            .with_second(listener->find("mode")->at, "said here"));
  }
}

void check_routes(const Node& root, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 2> paths{"path", "path_regex"};
  std::map<std::string, const Node*> names;
  const std::vector<const Node*> routes = tables_of(root, "route");
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const Node& route = *routes[i];
    check_action(route, diagnostics);
    check_exclusive(route, paths, "two-paths", "a route has one condition for the path: this one has", "condition",
                    "", diagnostics);
    const Node* redirect = route.value_of("redirect");
    check_groups(route, redirect == nullptr ? nullptr : redirect->value_of("to"), diagnostics);
    check_groups(route, route.value_of("rewrite"), diagnostics);
    check_route_listeners(root, route, diagnostics);
    if (route.find("tunnel") != nullptr && route.find("auth") != nullptr) {
      diagnostics.push_back(error_at(route.find("auth")->at, "tunnel-auth", "clients of a tunnel are asked by the tunnel",
                                     "write it in [tunnel.NAME]"));
    }

    const Node* name = route.value_of("name");
    const Node& place = name == nullptr ? route : *name;
    const auto [first, is_new] = names.emplace(route_name(route, i), &place);
    if (is_new) continue;
    diagnostics.push_back(error_at(place.at, "duplicate-name", "two routes have the name " + in_quotes(first->first),
                                   "second time here")
                              .with_second(first->second->at, "first given here"));
  }
}

// A connection that began with one client's address must not carry another's request.
void check_kept_connections(const Node& upstream, Diagnostics& diagnostics) {
  const Node* header = upstream.value_of("send_proxy_protocol");
  if (header == nullptr || header->text == "off" || !says(upstream, "keep_alive", "true")) return;
  diagnostics.push_back(error_at(upstream.value_of("keep_alive")->at, "kept-with-proxy-protocol",
                                 "connections that begin with a PROXY header are not kept", "remove this")
                            .with_second(header->at, "each is one client's"));
}

void check_forward_listeners(const Node& root, Diagnostics& diagnostics) {
  for (const Entry* listener : named_tables_of(root, "listener")) {
    if (!says(listener->value, "mode", "forward") || listener->value.find("tunnel") != nullptr) continue;
    diagnostics.push_back(error_at(listener->value.find("mode")->at, "no-tunnel",
                                   "a forward proxy needs rules for what it may reach",
                                   "add tunnel = \"NAME\" and [tunnel.NAME]"));
  }
}

// What says how a ClientHello is judged has a place only where one is read.
void check_hellos(const Entry& tunnel, Diagnostics& diagnostics) {
  const std::vector<const Node*> rules = tables_of(tunnel.value, "rule");
  const bool reads = says(tunnel.value, "require_sni", "true") ||
                     std::ranges::any_of(rules, [](const Node* rule) { return says(*rule, "require_sni", "true"); });
  for (const std::string_view key : {"encrypted_client_hello", "hello_timeout"}) {
    const Entry* entry = tunnel.value.find(key);
    if (reads || entry == nullptr) continue;
    diagnostics.push_back(error_at(entry->at, "no-hello",
                                   in_quotes("tunnel." + tunnel.key + "." + entry->key) + " needs require_sni = true",
                                   "no ClientHello is read here"));
  }
}

// Whether what is sent to `address` arrives at a listener on `listening`.
bool leads_to(const Address& address, const Address& listening) {
  if (address.kind != Address::Kind::ip || listening.kind != Address::Kind::ip) return false;
  const Endpoint to = address.ip.unmapped();
  const Endpoint at = listening.ip.unmapped();
  if (to.port != at.port) return false;
  const bool loopback = to == *Endpoint::parse_ip("127.0.0.1", to.port) || to == *Endpoint::parse_ip("::1", to.port);
  const bool anywhere = at == *Endpoint::parse_ip("0.0.0.0", at.port) || at == *Endpoint::parse_ip("::", at.port);
  return to == at || (loopback && anywhere);
}

void check_parent_is_elsewhere(const Node& root, const Node& parent, Diagnostics& diagnostics) {
  const Parsed<Address> address = parse_parent(parent.text);
  if (!parent.is_text() || !address) return;
  for (const Entry* listener : named_tables_of(root, "listener")) {
    const Node* addresses = listener->value.value_of("address");
    if (addresses == nullptr) continue;
    for (const Node& value : addresses->values()) {
      const std::vector<Address> listening = listen_addresses_of(value);
      if (std::ranges::none_of(listening, [&](const Address& own) { return leads_to(*address, own); })) continue;
      diagnostics.push_back(error_at(parent.at, "parent-is-self", in_quotes(parent.text) + " is this culvert itself",
                                     "requests would go round in a circle")
                                .with_second(value.at, "it listens here"));
      return;
    }
  }
}

// `table` is a [tunnel.NAME] or one of its rules.
void check_parents(const Node& root, const Node& table, Diagnostics& diagnostics) {
  const Entry* parent = table.find("parent");
  if (const Entry* auth = table.find("parent_auth"); auth != nullptr && parent == nullptr) {
    diagnostics.push_back(error_at(auth->at, "needs-parent", "parent_auth is for the proxies that stand beside it",
                                   "add parent = \"http://HOST:PORT\""));
  }
  if (parent == nullptr) return;
  const std::span<const Node> values = parent->value.values();
  const auto direct = std::ranges::find(values, "direct", &Node::text);
  if (direct != values.end() && values.size() > 1) {
    diagnostics.push_back(error_at(direct->at, "direct-and-parent", "\"direct\" stands alone", "",
                                   "a destination that no proxy leads to is not tried without one"));
  }
  for (const Node& value : values) check_parent_is_elsewhere(root, value, diagnostics);
}

void check_tunnels(const Node& root, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 2> verdicts{"allow", "deny"};
  for (const Entry* tunnel : named_tables_of(root, "tunnel")) {
    check_hellos(*tunnel, diagnostics);
    check_parents(root, tunnel->value, diagnostics);
    for (const Node* rule : tables_of(tunnel->value, "rule")) {
      if (rule->find("users") != nullptr && tunnel->value.find("auth") == nullptr) {
        diagnostics.push_back(error_at(rule->find("users")->at, "needs-auth",
                                       "[tunnel." + tunnel->key + "] does not ask who its clients are",
                                       "add auth = \"NAME\" to it, and [auth.NAME]"));
      }
      check_parents(root, *rule, diagnostics);
      if (rule->find("deny") != nullptr && rule->find("parent") != nullptr) {
        diagnostics.push_back(
            error_at(rule->find("parent")->at, "parent-of-deny", "what is denied goes through no proxy"));
      }
      check_exclusive(*rule, verdicts, "two-verdicts", "a rule has one verdict: this one has", "verdict",
                      "make two rules; the first that matches decides", diagnostics);
      if (rule->find("allow") != nullptr || rule->find("deny") != nullptr) continue;
      diagnostics.push_back(error_at(rule->at, "no-verdict", "this rule decides nothing",
                                     "add allow or deny with a list of HOST:PORT"));
    }
  }
}

void check_hash_on(const Entry& upstream, Diagnostics& diagnostics) {
  const Entry* key = upstream.value.find("hash_on");
  if (key == nullptr || says(upstream.value, "balance", "consistent_hash")) return;
  diagnostics.push_back(warning_at(key->at, "hash-on-unused",
                                   in_quotes("upstream." + upstream.key + ".hash_on") +
                                       " needs balance = \"consistent_hash\"",
                                   "nothing is hashed here"));
}

// A connection has no path, and what answers on it is not looked at.
void check_health(const Entry& upstream, Diagnostics& diagnostics) {
  const Node* health = upstream.value.value_of("health");
  if (health == nullptr || !says(*health, "type", "tcp")) return;
  for (const std::string_view key : {"path", "host", "expect_status", "expect_body", "expect_header"}) {
    const Entry* entry = health->find(key);
    if (entry == nullptr) continue;
    diagnostics.push_back(error_at(entry->at, "health-by-tcp",
                                   in_quotes("upstream." + upstream.key + ".health." + entry->key) +
                                       " needs type = \"http\"",
                                   "nothing is asked here, only connected to"));
  }
}

void check_upstreams(const Node& root, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 2> lists{"servers", "server"};
  for (const Entry* upstream : named_tables_of(root, "upstream")) {
    check_exclusive(upstream->value, lists, "two-lists", "servers are listed in one way: this upstream has", "list", "",
                    diagnostics);
    check_kept_connections(upstream->value, diagnostics);
    check_upstream_tls(*upstream, diagnostics);
    check_hash_on(*upstream, diagnostics);
    check_health(*upstream, diagnostics);
    const bool has_list = upstream->value.find("servers") != nullptr || upstream->value.find("server") != nullptr;
    if (has_list) continue;
    diagnostics.push_back(error_at(upstream->at, "no-servers", "[upstream." + upstream->key + "] has no servers",
                                   "add servers = [\"HOST:PORT\"]"));
  }
}

// ---- certificates of clients ----------------------------------------------------------------------------------------

void check_client_auth(const Node& root, Diagnostics& diagnostics) {
  for (const Entry* tls : named_tables_of(root, "tls")) {
    for (const std::string_view key : {"client_auth", "client_crl"}) {
      const Entry* entry = tls->value.find(key);
      if (entry == nullptr || tls->value.find("client_ca") != nullptr) continue;
      diagnostics.push_back(error_at(entry->at, "needs-client-ca",
                                     in_quotes("tls." + tls->key + "." + entry->key) + " needs client_ca",
                                     "clients are not asked for certificates"));
    }
  }
}

void check_tls(const Node& root, Diagnostics& diagnostics) {
  for (const Entry* tls : named_tables_of(root, "tls")) {
    const Node* certificate = tls->value.value_of("certificate");
    const bool in_list = certificate != nullptr && certificate->kind == Kind::list;
    for (const std::string_view key : {"key", "ocsp"}) {
      const Entry* entry = tls->value.find(key);
      if (!in_list || entry == nullptr) continue;
      diagnostics.push_back(error_at(entry->at, "misplaced-key",
                                     in_quotes("tls." + tls->key + "." + entry->key) + " stands beside no certificate",
                                     "it belongs in [[tls." + tls->key + ".certificate]]"));
    }
    if (!says(tls->value, "profile", "modern") || !says(tls->value, "min_version", "1.2")) continue;
    diagnostics.push_back(error_at(tls->value.value_of("min_version")->at, "profile-cross",
                                   "\"modern\" is TLS 1.3 alone", "remove this, or write \"1.3\"")
                              .with_second(tls->value.value_of("profile")->at, "said here"));
  }
}

// Users say who they are in one of two ways, which have nothing in common.
void check_auths(const Node& root, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 5> of_passwords{"users", "realm", "max_failures", "failure_interval",
                                                         "cache_timeout"};
  for (const Entry* auth : named_tables_of(root, "auth")) {
    const std::string name = "auth." + auth->key;
    if (!says(auth->value, "type", "certificate")) {
      if (auth->value.find("users") == nullptr) {
        diagnostics.push_back(error_at(auth->at, "missing-key", "[" + name + "] has no \"users\""));
      }
      if (const Entry* entry = auth->value.find("name")) {
        diagnostics.push_back(
            error_at(entry->at, "needs-certificate", in_quotes(name + ".name") + " needs type = \"certificate\""));
      }
      continue;
    }
    for (const std::string_view key : of_passwords) {
      const Entry* entry = auth->value.find(key);
      if (entry == nullptr) continue;
      diagnostics.push_back(
          error_at(entry->at, "no-password",
                   in_quotes(name + "." + entry->key) + " is for passwords, and type is \"certificate\""));
    }
  }
}

// The [SECTION.NAME] that `table` names; null where it names none.
const Node* named_by(const Node& root, std::string_view section, const Node& table) {
  const Node* name = table.value_of(section);
  const Node* tables = root.value_of(section);
  return name == nullptr || tables == nullptr ? nullptr : tables->value_of(name->text);
}

// `table` names an [auth.NAME] whose users identify by certificates.
bool knows_by_certificate(const Node& root, const Node* table) {
  const Node* auth = table == nullptr ? nullptr : named_by(root, "auth", *table);
  return auth != nullptr && says(*auth, "type", "certificate");
}

bool asks_for_certificates(const Node& root, const Node& listener) {
  const Node* tls = named_by(root, "tls", listener);
  return tls != nullptr && tls->find("client_ca") != nullptr;
}

// What of a route nobody meets who has shown no certificate; null: nothing.
const Entry* certificate_condition(const Node& root, const Node& route) {
  if (const Entry* entry = route.find("client_certificate")) return entry;
  if (knows_by_certificate(root, &route)) return route.find("auth");
  return knows_by_certificate(root, named_by(root, "tunnel", route)) ? route.find("tunnel") : nullptr;
}

void check_who_asks_for_certificates(const Node& root, Diagnostics& diagnostics) {
  constexpr std::string_view help = "tls = \"NAME\" of the listener, and client_ca in [tls.NAME]";
  const std::vector<const Entry*> listeners = named_tables_of(root, "listener");
  for (const Entry* listener : listeners) {
    if (!knows_by_certificate(root, named_by(root, "tunnel", listener->value))) continue;
    if (asks_for_certificates(root, listener->value)) continue;
    diagnostics.push_back(error_at(listener->value.find("tunnel")->at, "no-client-certificates",
                                   "this tunnel knows its clients by certificates, for which the listener does not ask",
                                   "", std::string(help)));
  }
  for (const Node* route : tables_of(root, "route")) {
    const Entry* condition = certificate_condition(root, *route);
    if (condition == nullptr) continue;
    if (condition->key == "client_certificate" && condition->value.kind == Kind::table &&
        condition->value.entries.empty()) {
      diagnostics.push_back(error_at(condition->at, "empty-condition", "\"client_certificate\" has no condition",
                                     "subject = \"*\" is any certificate"));
    }
    const Node* names = route->value_of("listener");
    const bool anybody_asks = std::ranges::any_of(listeners, [&](const Entry* listener) {
      const bool leads_here = names == nullptr || std::ranges::any_of(names->values(), [&](const Node& name) {
                                return name.text == listener->key;
                              });
      return leads_here && asks_for_certificates(root, listener->value);
    });
    if (anybody_asks) continue;
    diagnostics.push_back(error_at(condition->at, "no-client-certificates",
                                   "no listener of this route asks for certificates", "", std::string(help)));
  }
}

}  // namespace

std::vector<Address> listen_addresses_of(const Node& value) {
  if (!value.is_text()) return {};
  const Parsed<std::vector<Address>> parsed = parse_listen_address(value.text);
  return parsed ? *parsed : std::vector<Address>();
}

std::vector<const Node*> tables_of(const Node& root, std::string_view section) {
  std::vector<const Node*> tables;
  const Node* list = root.value_of(section);
  if (list == nullptr) return tables;
  for (const Node& item : list->items) {
    if (item.kind == Kind::table) tables.push_back(&item);
  }
  return tables;
}

std::vector<const Entry*> named_tables_of(const Node& root, std::string_view section) {
  std::vector<const Entry*> tables;
  const Node* names = root.value_of(section);
  if (names == nullptr) return tables;
  for (const Entry& entry : names->entries) {
    if (entry.value.kind == Kind::table) tables.push_back(&entry);
  }
  return tables;
}

std::string route_name(const Node& route, std::size_t position) {
  const Node* name = route.value_of("name");
  const bool has_name = name != nullptr && name->is_text() && !name->text.empty();
  return has_name ? name->text : "route " + std::to_string(position + 1);
}

void cross_check(const Node& root, Diagnostics& diagnostics) {
  check_version(root, diagnostics);
  check_listeners(root, diagnostics);
  check_admin(root, diagnostics);
  check_http2(root, diagnostics);
  check_hsts(root, diagnostics);
  check_streams(root, diagnostics);
  check_proxy_protocol(root, diagnostics);
  check_forward_listeners(root, diagnostics);
  check_tunnels(root, diagnostics);
  check_routes(root, diagnostics);
  check_upstreams(root, diagnostics);
  check_tls(root, diagnostics);
  check_client_auth(root, diagnostics);
  check_auths(root, diagnostics);
  check_who_asks_for_certificates(root, diagnostics);
}

}  // namespace culvert::config
