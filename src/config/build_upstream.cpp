#include "config/build_upstream.hpp"

#include <netdb.h>

#include "config/addresses.hpp"
#include "config/cross_check.hpp"
#include "config/table_reader.hpp"
#include "config/upstream_tls.hpp"

namespace culvert::config {
namespace {

std::vector<UpstreamServer> build_servers(const Node& upstream) {
  std::vector<UpstreamServer> servers;
  const auto add = [&](const Node& address) -> UpstreamServer& {
    return servers.emplace_back(resolved(*parse_server_address(address.text), address));
  };
  if (const Node* list = upstream.value_of("servers")) {
    for (const Node& address : list->values()) add(address);
  }
  for (const Node* table : tables_of(upstream, "server")) {
    UpstreamServer& server = add(*table->value_of("address"));
    const Reader read(*table, "upstream.*.server[]");
    read.number("weight", server.weight);
    read.flag("backup", server.backup);
    read.flag("drain", server.drain);
  }
  return servers;
}

Affinity build_affinity(const Node& table) {
  Affinity affinity;
  const Reader read(table, "upstream.*.affinity");
  read.text("cookie", affinity.cookie);
  read.duration("max_age", affinity.max_age);
  return affinity;
}

HealthCheck build_health(const Node& table) {
  HealthCheck health;
  const Reader read(table, "upstream.*.health");
  read.choice("type", health.type);
  read.text("path", health.path);
  read.text("host", health.host);
  read.duration("interval", health.interval);
  read.duration("timeout", health.timeout);
  read.number("fall", health.fall);
  read.number("rise", health.rise);
  if (const Node* ranges = table.value_of("expect_status")) {
    health.expect_status.clear();
    for (const Node& range : ranges->values()) health.expect_status.push_back(*parse_status_range(range.text));
  }
  read.text("expect_body", health.expect_body);
  for (const Entry& entry : table_in(table, "expect_header").entries) {
    health.expect_headers.emplace_back(entry.key, entry.value.text);
  }
  return health;
}

Outlier build_outlier(const Node& table) {
  Outlier outlier;
  const Reader read(table, "upstream.*.outlier");
  read.number("consecutive_failures", outlier.consecutive_failures);
  read.numbers("statuses", outlier.statuses);
  read.number("error_percent", outlier.error_percent);
  read.number("latency_factor", outlier.latency_factor);
  read.duration("interval", outlier.interval);
  read.number("min_requests", outlier.min_requests);
  read.duration("eject_for", outlier.eject_for);
  read.number("max_ejected_percent", outlier.max_ejected_percent);
  return outlier;
}

// How one of the servers is chosen, and who is not.
void build_choice(const Node& table, Upstream& upstream) {
  const Reader read(table, "upstream.*");
  read.choice("balance", upstream.balance);
  if (const Node* value = table.value_of("hash_on")) upstream.hash_on = *parse_hash_on(value->text);
  if (const Node* value = table.value_of("affinity")) upstream.affinity = build_affinity(*value);
  read.duration("slow_start", upstream.slow_start);
  read.number("panic_percent", upstream.panic_percent);
  if (const Node* value = table.value_of("health")) upstream.health = build_health(*value);
  upstream.outlier = build_outlier(table_in(table, "outlier"));
  const Reader read_budget(table_in(table, "retry_budget"), "upstream.*.retry_budget");
  read_budget.number("percent", upstream.retry_budget.percent);
  read_budget.number("min_per_second", upstream.retry_budget.min_per_second);
  read.number("max_requests", upstream.max_requests);
  const Reader read_hold(table_in(table, "hold"), "upstream.*.hold");
  read_hold.duration("timeout", upstream.hold.timeout);
  read_hold.number("max_requests", upstream.hold.max_requests);
}

// As getaddrinfo has them.
int build_hints(const Node& values) {
  int hints = 0;
  for (const Node& value : values.values()) {
    hints |= value.text == "addrconfig" ? AI_ADDRCONFIG : value.text == "v4mapped" ? AI_V4MAPPED : AI_ALL;
  }
  return hints;
}

}  // namespace

Upstream build_upstream(const std::string& name, const Node& table) {
  Upstream upstream;
  upstream.name = name;
  upstream.servers = build_servers(table);
  upstream.tls = build_upstream_tls(table);
  build_choice(table, upstream);
  const Reader read(table, "upstream.*");
  read.choice("host_header", upstream.host_header);
  read.flag("keep_alive", upstream.keep_alive);
  read.choice("send_proxy_protocol", upstream.send_proxy_protocol);
  if (upstream.send_proxy_protocol != SendProxyProtocol::none) upstream.keep_alive = false;
  if (const Node* value = table.value_of("keep_alive_msecs")) {
    upstream.keep_alive_msecs = milliseconds(*parse_integer(value->text));
  }
  read.number("max_sockets", upstream.max_sockets);
  read.number("max_total_sockets", upstream.max_total_sockets);
  read.number("max_free_sockets", upstream.max_free_sockets);
  read.choice("scheduling", upstream.scheduling);
  read.duration("timeout", upstream.timeout);
  read.flag("self_tuning", upstream.self_tuning);
  read.duration("check_free_after", upstream.check_free_after);
  read.number("max_pending", upstream.max_pending);
  read.duration("pending_timeout", upstream.pending_timeout);
  if (const Node* value = table.value_of("local_address")) upstream.local_address = *Endpoint::parse_ip(value->text);
  read.number("family", upstream.family);
  if (const Node* value = table.value_of("hints")) upstream.hints = build_hints(*value);
  if (const Node* value = table.value_of("auth")) upstream.auth = value->text;
  read.flag("no_delay", upstream.no_delay);
  read.size("max_header_size", upstream.max_header_size);
  read.number("max_headers_count", upstream.max_headers_count);
  read.flag("insecure_http_parser", upstream.insecure_http_parser);
  read.duration("connect_timeout", upstream.connect_timeout);
  read.duration("response_timeout", upstream.response_timeout);
  const Node* const resolve = table.value_of("resolve");
  if (resolve != nullptr && resolve->text != "ttl") read.duration("resolve", upstream.resolve);
  return upstream;
}

Upstream upstream_of_url(const std::string& url) {
  Upstream upstream;
  upstream.name = url;
  upstream.servers = {*parse_url(url)};
  if (is_https(url)) upstream.tls.emplace();
  return upstream;
}

}  // namespace culvert::config
