#include "config/build.hpp"

#include <algorithm>

#include "config/addresses.hpp"
#include "config/build_upstream.hpp"
#include "config/cross_check.hpp"
#include "config/table_reader.hpp"
#include "config/users.hpp"

namespace culvert::config {
namespace {

Process build_process(const Node& table) {
  Process process;
  const Reader read(table, "process");
  const Node* threads = table.value_of("threads");
  if (threads != nullptr && threads->text != "auto") read.number("threads", process.threads);
  read.duration("shutdown_timeout", process.shutdown_timeout);
  read.flag("reuse_port", process.reuse_port);
  read.number("max_idle_http_parsers", process.max_idle_http_parsers);
  read.flag("watchdog", process.watchdog);
  return process;
}

Log build_log(const Node& table) {
  Log log;
  const Reader read(table, "log");
  read.choice("level", log.level);
  read.choice("format", log.format);
  read.file("target", log.target);
  const Node* access = table.value_of("access");
  if (access == nullptr) return log;

  AccessLog& out = log.access.emplace();
  const Reader read_access(*access, "log.access");
  read_access.file("file", out.file);
  read_access.choice("format", out.format);
  read_access.list("fields", out.fields);
  read_access.list("redact", out.redact);
  return log;
}

std::vector<Address> build_addresses(const Node& values) {
  std::vector<Address> addresses;
  for (const Node& value : values.values()) {
    for (const Address& address : *parse_listen_address(value.text)) addresses.push_back(resolved(address, value));
  }
  return addresses;
}

Admin build_admin(const Node& table) {
  Admin admin;
  const Reader read(table, "admin");
  if (const Node* addresses = table.value_of("address")) admin.addresses = build_addresses(*addresses);
  if (const Node* addresses = table.value_of("probe_address")) admin.probe_addresses = build_addresses(*addresses);
  read.text("metrics_path", admin.metrics_path);
  read.text("auth", admin.auth);
  return admin;
}

Limits build_limits(const Node& table) {
  Limits limits;
  const Reader read(table, "limits");
  read.number("max_connections", limits.max_connections);
  read.number("max_connections_per_client", limits.max_connections_per_client);
  read.number("max_handshakes", limits.max_handshakes);
  read.size("memory", limits.memory);
  return limits;
}

std::vector<Network> build_networks(const Node& values) {
  std::vector<Network> networks;
  for (const Node& value : values.values()) networks.push_back(*parse_network(value.text));
  return networks;
}

void read_forwarded(const Node& table, Forwarded& out) {
  Reader(table, "server.forwarded").text_or_off("request_id", out.request_id);
  if (const Node* trust = table.value_of("trust")) out.trust = build_networks(*trust);
  const Node* send = table.value_of("send");
  if (send == nullptr) return;
  const std::vector<std::string> names = words(*send);
  const auto sends = [&](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  out.send_for = sends("x-forwarded-for");
  out.send_proto = sends("x-forwarded-proto");
  out.send_host = sends("x-forwarded-host");
  out.send_forwarded = sends("forwarded");
  out.send_client_cert_chain = sends("client-cert-chain");
  out.send_client_cert = out.send_client_cert_chain || sends("client-cert");  // RFC 9440 2.3: never the chain alone
}

// What [server] or a [listener.NAME] says, over what holds so far.
void read_server(const Node& table, Server& out) {
  const Reader read(table, "server");
  read.duration("headers_timeout", out.headers_timeout);
  read.duration("request_timeout", out.request_timeout);
  read.size("min_body_rate", out.min_body_rate);
  read.duration("min_body_rate_interval", out.min_body_rate_interval);
  read.duration("send_timeout", out.send_timeout);
  read.duration("keep_alive_timeout", out.keep_alive_timeout);
  read.duration("timeout", out.timeout);
  read.number("max_requests_per_socket", out.max_requests_per_socket);
  read.size("max_header_size", out.max_header_size);
  read.number("max_headers_count", out.max_headers_count);
  read.size("max_body_size", out.max_body_size);
  read.flag("require_host_header", out.require_host_header);
  read.duration("connections_checking_interval", out.connections_checking_interval);
  read.flag("no_delay", out.no_delay);
  read.flag("keep_alive", out.keep_alive);
  read.duration("keep_alive_initial_delay", out.keep_alive_initial_delay);
  read.size("high_water_mark", out.high_water_mark);
  read.flag("allow_half_open", out.allow_half_open);
  read.flag("insecure_http_parser", out.insecure_http_parser);
  read.flag("normalize_path", out.normalize_path);
  read.flag("merge_slashes", out.merge_slashes);
  read.choice("escaped_slashes", out.escaped_slashes);
  read.choice("underscores_in_headers", out.underscores_in_headers);
  read.choice("expect_continue", out.expect_continue);
  read.list("upgrade", out.upgrade);
  read.duration("upgrade_idle_timeout", out.upgrade_idle_timeout);
  read.duration("upgrade_max_lifetime", out.upgrade_max_lifetime);
  read.text_or_off("server_header", out.server_header);
  read.text_or_off("via", out.via);
  read.duration("hsts", out.hsts);
  read.list("hsts_options", out.hsts_options);
  read_forwarded(table_in(table, "forwarded"), out.forwarded);
}

Streams build_streams(const Node& listener) {
  Streams streams;
  const Reader read(listener, "listener.*");
  read.text("upstream", streams.upstream);
  read.duration("idle_timeout", streams.idle_timeout);
  for (const Node* table : tables_of(listener, "sni")) {
    StreamsByName& by_name = streams.sni.emplace_back();
    for (const Node& name : table->value_of("server_name")->values()) by_name.server_names.push_back(*parse_host(name.text));
    Reader(*table, "listener.*.sni[]").text("upstream", by_name.upstream);
  }
  return streams;
}

Listener build_listener(const Entry& entry, const Server& defaults) {
  Listener listener;
  listener.name = entry.key;
  listener.server = defaults;
  read_server(entry.value, listener.server);
  const Reader read(entry.value, "listener.*");
  read.number("max_connections", listener.max_connections);
  read.choice("mode", listener.mode);
  listener.streams = build_streams(entry.value);
  read.flag("proxy_protocol", listener.proxy_protocol);
  if (const Node* from = entry.value.value_of("proxy_protocol_from")) listener.proxy_protocol_from = build_networks(*from);
  read.text("tunnel", listener.tunnel);
  read.text("tls", listener.tls);
  const Node& written = *entry.value.value_of("address");
  listener.addresses = build_addresses(written);
  for (const Node& value : written.values()) {
    if (value.text.starts_with(inherited_prefix)) listener.inherited.push_back(value.text.substr(inherited_prefix.size()));
  }
  return listener;
}

std::vector<FieldMatch> build_field_matches(const Node& table) {
  std::vector<FieldMatch> matches;
  for (const Entry& entry : table.entries) {
    const bool any = entry.value.text == "*";
    matches.push_back({entry.key, any ? "" : entry.value.text, any});
  }
  return matches;
}

std::vector<TextPattern> build_text_patterns(const Node* values) {
  std::vector<TextPattern> patterns;
  if (values == nullptr) return patterns;
  for (const Node& value : values->values()) patterns.push_back({value.text});
  return patterns;
}

CertificateMatch build_certificate_match(const Node& table) {
  CertificateMatch match;
  match.subjects = build_text_patterns(table.value_of("subject"));
  match.names = build_text_patterns(table.value_of("san"));
  if (const Node* values = table.value_of("fingerprint")) {
    for (const Node& value : values->values()) match.fingerprints.push_back(*parse_fingerprint(value.text));
  }
  return match;
}

Match build_match(const Node& route) {
  Match match;
  const Reader read(route, "route[]");
  read.list("listener", match.listeners);
  if (const Node* hosts = route.value_of("host")) {
    for (const Node& host : hosts->values()) match.hosts.push_back(*parse_host(host.text));
  }
  if (const Node* paths = route.value_of("path")) {
    for (const Node& path : paths->values()) match.paths.push_back(*parse_path(path.text));
  }
  read.text("path_regex", match.path_regex);
  read.list("method", match.methods);
  match.headers = build_field_matches(table_in(route, "header"));
  match.query = build_field_matches(table_in(route, "query"));
  if (const Node* clients = route.value_of("client")) match.clients = build_networks(*clients);
  if (const Node* table = route.value_of("client_certificate")) match.certificate = build_certificate_match(*table);
  return match;
}

HeaderChanges build_header_changes(const Node& table) {
  HeaderChanges changes;
  Reader(table, "route[].request_headers").list("remove", changes.remove);
  for (const Entry& entry : table_in(table, "set").entries) changes.set.emplace_back(entry.key, entry.value.text);
  for (const Entry& entry : table_in(table, "add").entries) changes.add.emplace_back(entry.key, entry.value.text);
  return changes;
}

Retry build_retry(const Node& table) {
  Retry retry;
  const Reader read(table, "route[].retry");
  read.number("attempts", retry.attempts);
  read.numbers("on_status", retry.on_status);
  read.duration("try_timeout", retry.try_timeout);
  read.duration("timeout", retry.timeout);
  read.duration("hedge_after", retry.hedge_after);
  read.size("max_body_size", retry.max_body_size);
  const Node* on = table.value_of("on");
  if (on == nullptr) return retry;
  const std::vector<std::string> reasons = words(*on);
  const auto has = [&](std::string_view reason) {
    return std::find(reasons.begin(), reasons.end(), reason) != reasons.end();
  };
  retry.on_connect_failure = has("connect-failure");
  retry.on_reused_connection_closed = has("reused-connection-closed");
  retry.on_reset = has("reset");
  retry.on_response_timeout = has("response-timeout");
  return retry;
}

decltype(Route::action) build_action(const Node& route) {
  if (const Node* upstream = route.value_of("upstream")) return ToUpstream{upstream->text};
  if (const Node* table = route.value_of("redirect")) {
    Redirect redirect;
    const Reader read(*table, "route[].redirect");
    read.text("to", redirect.to);
    read.number("status", redirect.status);
    return redirect;
  }
  if (const Node* table = route.value_of("respond")) {
    Respond respond;
    const Reader read(*table, "route[].respond");
    read.number("status", respond.status);
    read.text("body", respond.body);
    read.text("content_type", respond.content_type);
    return respond;
  }
  if (const Node* tunnel = route.value_of("tunnel")) return ToTunnel{tunnel->text};
  return Echo{};
}

Route build_route(const Node& table, std::size_t position) {
  Route route;
  route.name = route_name(table, position);
  route.match = build_match(table);
  route.action = build_action(table);
  route.request_headers = build_header_changes(table_in(table, "request_headers"));
  route.response_headers = build_header_changes(table_in(table, "response_headers"));
  route.retry = build_retry(table_in(table, "retry"));
  const Reader read(table, "route[]");
  read.text("strip_prefix", route.strip_prefix);
  read.text("rewrite", route.rewrite);
  read.text("auth", route.auth);
  read.flag("forward_authorization", route.forward_authorization);
  read.choice("expect_continue", route.expect_continue);
  read.list("upgrade", route.upgrade);
  read.duration("upgrade_idle_timeout", route.upgrade_idle_timeout);
  read.duration("upgrade_max_lifetime", route.upgrade_max_lifetime);
  read.duration("idle_timeout", route.idle_timeout);
  read.duration("response_timeout", route.response_timeout);
  return route;
}

Auth build_auth(const Entry& entry) {
  Auth auth;
  auth.name = entry.key;
  if (const Node* users = entry.value.value_of("users")) auth.users = parse_users(users->text).users;
  const Reader read(entry.value, "auth.*");
  read.choice("type", auth.type);
  read.choice("name", auth.certificate_name);
  read.text("realm", auth.realm);
  read.number("max_failures", auth.max_failures);
  read.duration("failure_interval", auth.failure_interval);
  read.duration("cache_timeout", auth.cache_timeout);
  return auth;
}

PrivateNetworks build_private_networks(const Node& values) {
  PrivateNetworks networks;
  for (const Node& value : values.values()) {
    if (const Parsed<Network> network = parse_network(value.text)) networks.networks.push_back(*network);
    if (value.text == "allow") networks.allow_all = true;
  }
  return networks;
}

std::vector<std::uint16_t> build_port_list(const Node& values) {
  std::vector<std::uint16_t> ports;
  for (const Node& value : values.values()) ports.push_back(static_cast<std::uint16_t>(*parse_integer(value.text)));
  return ports;
}

Parents build_parents(const Node& table) {
  Parents parents;
  for (const Node& value : table.value_of("parent")->values()) {
    if (const Parsed<Address> proxy = parse_parent(value.text)) parents.proxies.push_back(*proxy);
  }
  Reader(table, "tunnel.*").text("parent_auth", parents.auth);
  return parents;
}

TunnelRule build_tunnel_rule(const Node& table, std::size_t position) {
  TunnelRule rule;
  const Reader read(table, "tunnel.*.rule[]");
  rule.name = "rule " + std::to_string(position + 1);
  read.text("name", rule.name);
  rule.allow = table.find("allow") != nullptr;
  for (const Node& target : table.value_of(rule.allow ? "allow" : "deny")->values()) {
    rule.targets.push_back(*parse_tunnel_target(target.text));
  }
  read.list("users", rule.users);
  if (table.find("require_sni") != nullptr) read.flag("require_sni", rule.require_sni.emplace());
  if (const Node* clients = table.value_of("clients")) rule.clients = build_networks(*clients);
  if (const Node* value = table.value_of("private_networks")) rule.private_networks = build_private_networks(*value);
  if (table.find("parent") != nullptr) rule.parents = build_parents(table);
  return rule;
}

Tunnel build_tunnel(const Entry& entry) {
  Tunnel tunnel;
  const Node& table = entry.value;
  tunnel.name = entry.key;
  const Reader read(table, "tunnel.*");
  read.text("auth", tunnel.auth);
  read.file("learn", tunnel.learn);
  if (const Node* value = table.value_of("private_networks")) tunnel.private_networks = build_private_networks(*value);
  if (const Node* value = table.value_of("ports")) tunnel.ports = build_port_list(*value);
  if (const Node* value = table.value_of("http_ports")) tunnel.http_ports = build_port_list(*value);
  read.flag("require_sni", tunnel.require_sni);
  read.choice("encrypted_client_hello", tunnel.encrypted_client_hello);
  read.duration("hello_timeout", tunnel.hello_timeout);
  if (table.find("parent") != nullptr) tunnel.parents = build_parents(table);
  read.duration("parent_check_interval", tunnel.parent_check_interval);
  read.duration("connect_timeout", tunnel.connect_timeout);
  read.duration("idle_timeout", tunnel.idle_timeout);
  read.duration("max_lifetime", tunnel.max_lifetime);
  read.size("max_bytes", tunnel.max_bytes);
  read.size("bandwidth", tunnel.bandwidth);
  read.size("bandwidth_per_client", tunnel.bandwidth_per_client);
  read.size("max_bytes_per_client", tunnel.max_bytes_per_client);
  read.duration("max_bytes_per_client_interval", tunnel.max_bytes_per_client_interval);
  read.number("max_tunnels", tunnel.max_tunnels);
  read.number("max_tunnels_per_client", tunnel.max_tunnels_per_client);
  for (const Node* rule : tables_of(table, "rule")) tunnel.rules.push_back(build_tunnel_rule(*rule, tunnel.rules.size()));
  const Node* verdict = table.value_of("default");
  tunnel.default_allow = verdict == nullptr ? tunnel.rules.empty() : verdict->text == "allow";
  return tunnel;
}

// Texts have taken the places of files.
void build_pair(const Node& table, Tls& tls) {
  const Node& certificate = *table.value_of("certificate");
  const Node& key = *table.value_of("key");
  const Node* ocsp = table.value_of("ocsp");
  tls.certificates.push_back(
      {.certificate = certificate.text, .key = key.text, .ocsp = ocsp == nullptr ? std::string() : ocsp->text});
  tls.files.push_back({.certificate = certificate.read_from,
                       .key = key.read_from,
                       .ocsp = ocsp == nullptr ? std::string() : ocsp->read_from});
}

Tls build_tls(const Entry& entry) {
  Tls tls;
  tls.name = entry.key;
  const Node& certificate = *entry.value.value_of("certificate");
  if (certificate.kind != Node::Kind::list) build_pair(entry.value, tls);
  for (const Node& pair : certificate.items) build_pair(pair, tls);
  const auto says = [&](std::string_view key, std::string_view text) {
    const Node* value = entry.value.value_of(key);
    return value != nullptr && value->text == text;
  };
  tls.only_1_3 = says("min_version", "1.3") || says("profile", "modern");
  const Reader read(entry.value, "tls.*");
  read.list("alpn", tls.alpn);
  read.choice("unknown_server_name", tls.unknown_server_name);
  read.choice("misdirected_requests", tls.misdirected_requests);
  if (entry.value.find("client_ca") != nullptr) {
    ClientAuth& auth = tls.client_auth.emplace();
    read.text("client_ca", auth.authorities);
    read.text("client_crl", auth.revoked);
    auth.required = !says("client_auth", "optional");
  }
  read.duration("handshake_timeout", tls.handshake_timeout);
  read.flag("watch", tls.watch);
  return tls;
}

}  // namespace

Config build(const Node& root) {
  Config config;
  config.process = build_process(table_in(root, "process"));
  config.log = build_log(table_in(root, "log"));
  config.admin = build_admin(table_in(root, "admin"));
  config.limits = build_limits(table_in(root, "limits"));

  Server defaults;
  read_server(table_in(root, "server"), defaults);
  for (const Entry* listener : named_tables_of(root, "listener")) {
    config.listeners.push_back(build_listener(*listener, defaults));
  }
  for (const Entry* tunnel : named_tables_of(root, "tunnel")) config.tunnels[tunnel->key] = build_tunnel(*tunnel);
  const auto use = [&](const std::string& name) {
    if (name.empty() || config.upstreams.contains(name)) return;
    config.upstreams[name] =
        is_url(name) ? upstream_of_url(name) : build_upstream(name, *table_in(root, "upstream").value_of(name));
  };
  for (const Listener& listener : config.listeners) {
    use(listener.streams.upstream);
    for (const StreamsByName& by_name : listener.streams.sni) use(by_name.upstream);
  }
  for (const Node* route : tables_of(root, "route")) {
    config.routes.push_back(build_route(*route, config.routes.size()));
    if (const auto* to = std::get_if<ToUpstream>(&config.routes.back().action)) use(to->upstream);
  }
  for (const Entry* tls : named_tables_of(root, "tls")) config.tls.emplace(tls->key, build_tls(*tls));
  for (const Listener& listener : config.listeners) {
    if (listener.tls == self_signed) config.tls.try_emplace(listener.tls).first->second.name = self_signed;
  }
  for (const Entry* auth : named_tables_of(root, "auth")) config.auths.emplace(auth->key, build_auth(*auth));
  if (config.log.access) {
    config.log.access->with_users = !config.auths.empty();
    config.log.access->with_certificates =
        std::ranges::any_of(config.tls, [](const auto& each) { return each.second.client_auth.has_value(); });
    config.log.access->with_tunnels = !config.tunnels.empty();
  }
  return config;
}

}  // namespace culvert::config
