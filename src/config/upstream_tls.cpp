#include "config/upstream_tls.hpp"

#include <algorithm>

#include "config/addresses.hpp"
#include "config/cross_check.hpp"

namespace culvert::config {

namespace {

bool says_true(const Node* value) { return value != nullptr && value->text == "true"; }

// What the key "tls" wants; none: it is not written.
std::optional<bool> wanted(const Node& upstream) {
  const Node* const tls = upstream.value_of("tls");
  if (tls == nullptr) return std::nullopt;
  return tls->kind == Node::Kind::table || says_true(tls);
}

bool speaks_tls(const Node& server, std::optional<bool> wanted) {
  return is_url(server.text) ? is_https(server.text) : wanted.value_or(false);
}

// A server of which nothing but a path is known has no name that a certificate could be for.
void check_server_name(const Entry& upstream, const Node& server, Diagnostics& diagnostics) {
  const Node* const tls = upstream.value.value_of("tls");
  const bool has_name = tls->value_of("server_name") != nullptr;
  const Node* const verify = tls->value_of("verify");
  const bool is_checked = verify == nullptr || verify->text != "false";
  if (has_name || !is_checked || !server.text.starts_with("unix:")) return;
  diagnostics.push_back(error_at(server.at, "no-server-name",
                                 "the certificate of a Unix socket's server can be for any name", "",
                                 "add tls.server_name to [upstream." + upstream.key + "]"));
}

}  // namespace

bool is_https(std::string_view server) { return server.starts_with("https://"); }

std::vector<const Node*> servers_of(const Node& upstream) {
  std::vector<const Node*> servers;
  if (const Node* const list = upstream.value_of("servers")) {
    for (const Node& value : list->values()) servers.push_back(&value);
  }
  for (const Node* const server : tables_of(upstream, "server")) {
    if (const Node* const address = server->value_of("address")) servers.push_back(address);
  }
  return servers;
}

void check_upstream_tls(const Entry& upstream, Diagnostics& diagnostics) {
  const std::optional<bool> by_key = wanted(upstream.value);
  std::vector<const Node*> servers = servers_of(upstream.value);
  std::erase_if(servers, [](const Node* each) { return !each->is_text() || !parse_server_address(each->text); });
  if (servers.empty()) return;
  const bool by_tls = by_key.value_or(speaks_tls(*servers.front(), by_key));
  for (const Node* const server : servers) {
    if (speaks_tls(*server, by_key) == by_tls) {
      if (by_key.value_or(false)) check_server_name(upstream, *server, diagnostics);
      continue;
    }
    const Node& other = by_key ? *upstream.value.value_of("tls") : *servers.front();
    diagnostics.push_back(error_at(server->at, "mixed-servers",
                                   "an upstream speaks TLS with all its servers or with none", by_tls ? "without TLS" : "by TLS")
                              .with_second(other.at, by_tls ? "by TLS" : "without TLS"));
    return;
  }
  const Node* const header = upstream.value.value_of("send_proxy_protocol");
  if (!by_tls || header == nullptr || header->text == "off") return;
  diagnostics.push_back(error_at(header->at, "proxy-protocol-by-tls",
                                 "a PROXY header cannot be sent to servers that are spoken to by TLS yet", "remove this"));
}

std::optional<UpstreamTls> build_upstream_tls(const Node& upstream) {
  const std::vector<const Node*> servers = servers_of(upstream);
  const bool by_url = std::ranges::any_of(servers, [](const Node* each) { return is_https(each->text); });
  if (!wanted(upstream).value_or(by_url)) return std::nullopt;
  UpstreamTls tls;
  const Node* const written = upstream.value_of("tls");
  if (written == nullptr) return tls;
  const auto take = [&](std::string_view key, std::string& to) {
    if (const Node* const value = written->value_of(key)) to = value->text;
  };
  take("server_name", tls.server_name);
  take("ca", tls.ca);
  take("certificate", tls.client.certificate);
  take("key", tls.client.key);
  const Node* const verify = written->value_of("verify");
  tls.verify = verify == nullptr || verify->text == "true";
  const Node* const version = written->value_of("min_version");
  tls.only_1_3 = version != nullptr && version->text == "1.3";
  return tls;
}

}  // namespace culvert::config
