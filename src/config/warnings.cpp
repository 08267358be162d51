#include "config/warnings.hpp"

#include <algorithm>

#include "base/uri_path.hpp"
#include "config/cross_check.hpp"
#include "config/suggest.hpp"
#include "config/values.hpp"

namespace culvert::config {
namespace {

bool covers(const HostPattern& earlier, const HostPattern& later) {
  if (!earlier.wildcard) return earlier == later;
  return later.text.ends_with(earlier.text) && (later.wildcard || later.text.size() > earlier.text.size());
}

bool covers(const PathPattern& earlier, const PathPattern& later) {
  if (!earlier.prefix) return earlier == later;
  return later.text == earlier.text || later.text.starts_with(earlier.text + "/");
}

bool covers(const Network& earlier, const Network& later) {
  return earlier.prefix <= later.prefix && earlier.contains(later.base);
}

bool covers(const FieldMatch& earlier, const FieldMatch& later) {
  return earlier.name == later.name && (earlier.any || earlier == later);
}

bool covers(const std::string& earlier, const std::string& later) { return earlier == later; }

// A list matches where one of its elements does; an empty one matches everything.
template <class T>
bool any_covers(const std::vector<T>& earlier, const std::vector<T>& later) {
  if (earlier.empty()) return true;
  return !later.empty() && std::all_of(later.begin(), later.end(), [&](const T& narrow) {
    return std::any_of(earlier.begin(), earlier.end(), [&](const T& wide) { return covers(wide, narrow); });
  });
}

// Every condition of the earlier route follows from one of the later.
bool all_follow(const std::vector<FieldMatch>& earlier, const std::vector<FieldMatch>& later) {
  return std::all_of(earlier.begin(), earlier.end(), [&](const FieldMatch& wide) {
    return std::any_of(later.begin(), later.end(), [&](const FieldMatch& narrow) { return covers(wide, narrow); });
  });
}

// Where the reader looks for what a route matches: its path, or its header.
const Span& condition_of(const Node& route) {
  const Node* path = route.value_of("path");
  if (path == nullptr) path = route.value_of("path_regex");
  return path == nullptr ? route.at : path->at;
}

void warn_of_shadowed_routes(const Node& root, const Config& config, Diagnostics& diagnostics) {
  const std::vector<const Node*> tables = tables_of(root, "route");
  for (std::size_t later = 1; later < config.routes.size(); ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      if (!covers(config.routes[earlier].match, config.routes[later].match)) continue;
      diagnostics.push_back(warning_at(condition_of(*tables[later]), "shadowed-route", "this route is never used", "",
                                       "routes are tried from top to bottom: put the narrower one first")
                                .with_second(condition_of(*tables[earlier]), "this one matches everything it would"));
      break;
    }
  }
}

void warn_of_listeners_without_routes(const Node& root, const Config& config, Diagnostics& diagnostics) {
  for (const Entry* listener : named_tables_of(root, "listener")) {
    const Node* mode = listener->value.value_of("mode");
    if (mode != nullptr && mode->text != "reverse") continue;
    const bool has_route = std::any_of(config.routes.begin(), config.routes.end(), [&](const Route& route) {
      const std::vector<std::string>& names = route.match.listeners;
      return names.empty() || std::find(names.begin(), names.end(), listener->key) != names.end();
    });
    if (has_route) continue;
    diagnostics.push_back(warning_at(listener->at, "no-route", "no route for listener " + in_quotes(listener->key),
                                     "it would answer 404 to everything"));
  }
}

// Nobody from outside can be connected to such an address, or has been let in on purpose.
bool is_inside(const Address& address) {
  static const std::vector<Network> networks = [] {
    std::vector<Network> out;
    for (const char* text : {"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
                             "::1/128", "fc00::/7", "fe80::/10"}) {
      out.push_back(*parse_network(text));
    }
    return out;
  }();
  return address.kind != Address::Kind::ip ||
         std::any_of(networks.begin(), networks.end(), [&](const Network& network) { return network.contains(address.ip); });
}

// Where a socket that is passed in lies is not known here.
bool is_inside(const Listener& listener) {
  return listener.inherited.empty() &&
         std::ranges::all_of(listener.addresses, [](const Address& address) { return is_inside(address); });
}

void warn_of_open_proxy_protocol(const Node& root, const Config& config, Diagnostics& diagnostics) {
  const std::vector<const Entry*> listeners = named_tables_of(root, "listener");
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    const Listener& listener = config.listeners[i];
    if (!listener.proxy_protocol || !listener.proxy_protocol_from.empty()) continue;
    if (is_inside(listener)) continue;
    diagnostics.push_back(warning_at(listeners[i]->value.find("proxy_protocol")->at, "proxy-protocol-open",
                                     "whoever reaches this listener may claim any address", "",
                                     "name the peers that send the header: proxy_protocol_from = [\"10.0.0.0/8\"]"));
  }
}

// Whether somebody of whom nothing is known may pass.
bool lets_strangers_pass(const Tunnel& tunnel) {
  if (!tunnel.auth.empty()) return false;
  return tunnel.default_allow || !tunnel.learn.empty() || std::any_of(tunnel.rules.begin(), tunnel.rules.end(), [](const TunnelRule& rule) {
    return rule.allow && rule.clients.empty();
  });
}

void warn_of_open_proxies(const Node& root, const Config& config, Diagnostics& diagnostics) {
  const std::vector<const Entry*> listeners = named_tables_of(root, "listener");
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    const Listener& listener = config.listeners[i];
    if (listener.tunnel.empty() || !lets_strangers_pass(config.tunnels.at(listener.tunnel))) continue;
    if (is_inside(listener)) continue;
    diagnostics.push_back(warning_at(listeners[i]->value.find("tunnel")->at, "open-proxy",
                                     "whoever reaches this listener may go elsewhere through it", "",
                                     "ask who they are (auth), or name the networks they come from (clients)"));
  }
}

// `table` is [server] or a [listener.NAME]; `server` is what holds there in the end.
void warn_of_crossed_timeouts(const Node& table, const Server& server, Diagnostics& diagnostics) {
  const Node* headers = table.value_of("headers_timeout");
  const Node* request = table.value_of("request_timeout");
  const bool both_end = server.headers_timeout != no_limit && server.request_timeout != no_limit;
  if (headers == nullptr || !both_end || server.headers_timeout <= server.request_timeout) return;
  Diagnostic warning = warning_at(headers->at, "timeouts-cross", "headers_timeout is longer than request_timeout",
                                  "never reached");
  if (request != nullptr) {
    warning.with_second(request->at, "ends first");
  } else {
    warning.help = "request_timeout is " + std::to_string(server.request_timeout.count() / 1000) + "s here";
  }
  diagnostics.push_back(std::move(warning));
}

void warn_of_timeouts(const Node& root, const Config& config, Diagnostics& diagnostics) {
  const std::vector<const Entry*> listeners = named_tables_of(root, "listener");
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    warn_of_crossed_timeouts(listeners[i]->value, config.listeners[i].server, diagnostics);
  }
  // [server] holds where a listener says nothing itself; one such listener is enough to tell.
  const Node* server = root.value_of("server");
  if (server == nullptr) return;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    const Node& listener = listeners[i]->value;
    if (listener.find("headers_timeout") != nullptr || listener.find("request_timeout") != nullptr) continue;
    return warn_of_crossed_timeouts(*server, config.listeners[i].server, diagnostics);
  }
}

void warn_of_pools(const Node& root, const Config& config, Diagnostics& diagnostics) {
  for (const Entry* entry : named_tables_of(root, "upstream")) {
    const auto upstream = config.upstreams.find(entry->key);
    const Node* free = entry->value.value_of("max_free_sockets");
    const Node* total = entry->value.value_of("max_total_sockets");
    if (upstream == config.upstreams.end() || free == nullptr || total == nullptr) continue;
    const std::uint32_t total_max = upstream->second.max_total_sockets;
    if (total_max == 0 || upstream->second.max_free_sockets <= total_max) continue;
    diagnostics.push_back(warning_at(free->at, "pool-cross", "max_free_sockets is above max_total_sockets",
                                     "never reached")
                              .with_second(total->at, "ends first"));
  }
}

void warn_of_learning(const Node& root, Diagnostics& diagnostics) {
  for (const Entry* tunnel : named_tables_of(root, "tunnel")) {
    const Entry* learn = tunnel->value.find("learn");
    if (learn == nullptr) continue;
    diagnostics.push_back(warning_at(learn->at, "learning", "[tunnel." + tunnel->key + "] does not enforce its rules while it learns",
                                     "what they deny passes", "take this out once the rules are complete"));
  }
}

void warn_of_users_that_nobody_is(const Node& root, const Config& config, Diagnostics& diagnostics) {
  for (const Entry* tunnel : named_tables_of(root, "tunnel")) {
    const auto auth = config.auths.find(config.tunnels.at(tunnel->key).auth);
    if (auth == config.auths.end() || auth->second.type != AuthType::basic) continue;
    std::vector<std::string_view> names;
    for (const auto& [name, hash] : auth->second.users) names.push_back(name);
    for (const Node* rule : tables_of(tunnel->value, "rule")) {
      const Node* users = rule->value_of("users");
      if (users == nullptr) continue;
      for (const Node& user : users->values()) {
        if (auth->second.users.contains(user.text)) continue;
        const std::string_view meant = nearest(user.text, names);
        diagnostics.push_back(warning_at(user.at, "unknown-user",
                                         "[auth." + auth->first + "] has no user " + in_quotes(user.text),
                                         meant.empty() ? "" : did_you_mean(meant)));
      }
    }
  }
}

// A condition is compared with paths in their normal form: in another one it holds for none of them.
void warn_of_paths_that_never_come(const Node& root, const Config& config, Diagnostics& diagnostics) {
  const auto normalizes = [](const Listener& listener) { return listener.server.normalize_path; };
  if (!std::all_of(config.listeners.begin(), config.listeners.end(), normalizes)) return;
  BlockPool pool;
  for (const Node* route : tables_of(root, "route")) {
    const Node* paths = route->value_of("path");
    if (paths == nullptr) continue;
    for (const Node& path : paths->values()) {
      Arena arena(pool);
      const auto normal = uri::normal_path(path.text, {.merge_slashes = false, .keep_escaped_slashes = true}, arena);
      if (normal == path.text) continue;
      diagnostics.push_back(warning_at(path.at, "path-form", in_quotes(path.text) + " is never asked for in this form",
                                       normal ? did_you_mean(*normal) : "",
                                       "paths are normalized before they are compared (normalize_path)"));
    }
  }
}

}  // namespace

bool covers(const Match& earlier, const Match& later) {
  const bool paths = earlier.path_regex.empty() ? any_covers(earlier.paths, later.paths)
                                                : earlier.path_regex == later.path_regex;
  return paths && any_covers(earlier.listeners, later.listeners) && any_covers(earlier.hosts, later.hosts) &&
         any_covers(earlier.methods, later.methods) && any_covers(earlier.clients, later.clients) &&
         (!earlier.certificate || earlier.certificate == later.certificate) &&
         all_follow(earlier.headers, later.headers) && all_follow(earlier.query, later.query);
}

void add_warnings(const Node& root, const Config& config, Diagnostics& diagnostics) {
  warn_of_shadowed_routes(root, config, diagnostics);
  warn_of_listeners_without_routes(root, config, diagnostics);
  warn_of_open_proxy_protocol(root, config, diagnostics);
  warn_of_timeouts(root, config, diagnostics);
  warn_of_pools(root, config, diagnostics);
  warn_of_paths_that_never_come(root, config, diagnostics);
  warn_of_users_that_nobody_is(root, config, diagnostics);
  warn_of_open_proxies(root, config, diagnostics);
  warn_of_learning(root, diagnostics);
}

}  // namespace culvert::config
