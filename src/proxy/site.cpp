#include "proxy/site.hpp"

namespace culvert::proxy {

namespace {

// What is named in the configuration, each as it was in `previous` where it is the same.
template <class Map, class Written, class Make>
Map carry_over(const Written& written, const Map& previous, const Make& make) {
  Map map;
  for (const auto& [name, settings] : written) {
    const auto old = previous.find(name);
    const bool same = old != previous.end() && old->second->settings == settings;
    map.emplace(name, same ? old->second : make(settings));
  }
  return map;
}

// How requests go to destinations of their own choice: by a route that nobody has written, to an upstream without servers.
// Few of its idle connections will meet another request for the same place.
Ref<Route> forward_route(const config::Tunnel& tunnel, Counts& counts, const Site::MakeUpstream& make_upstream) {
  config::Upstream upstream;
  upstream.name = tunnel.name;
  upstream.of_tunnel = true;
  upstream.connect_timeout = tunnel.connect_timeout;
  upstream.max_free_sockets = 8;
  upstream.timeout = std::chrono::seconds(15);
  config::Route route;
  route.name = tunnel.name;
  route.action = config::ToUpstream{tunnel.name};
  return make_ref<Route>(route, counts.route(route.name), make_upstream(upstream), nullptr);
}

// How they go there through parent proxies: the same, with these for servers.
Ref<Route> parent_route(const config::Tunnel& tunnel, const config::Parents& parents, Counts& counts,
                        const Site::MakeUpstream& make_upstream) {
  if (parents.proxies.empty()) return {};
  config::Upstream upstream;
  upstream.name = tunnel.name;
  upstream.of_tunnel = true;
  upstream.servers.assign(parents.proxies.begin(), parents.proxies.end());
  upstream.balance = config::Balance::first;
  upstream.outlier.consecutive_failures = 0;  // check_interval does that
  upstream.proxy_auth = parents.auth;
  upstream.check_interval = tunnel.parent_check_interval;
  upstream.connect_timeout = tunnel.connect_timeout;
  config::Route route;
  route.name = tunnel.name;
  route.action = config::ToUpstream{tunnel.name};
  return make_ref<Route>(route, counts.route(route.name), make_upstream(upstream), nullptr);
}

// See AccessPolicy.
std::vector<Ref<Route>> parent_routes(const config::Tunnel& tunnel, Counts& counts,
                                     const Site::MakeUpstream& make_upstream) {
  const Ref<Route> standard = parent_route(tunnel, tunnel.parents, counts, make_upstream);
  std::vector<Ref<Route>> ways;
  ways.reserve(tunnel.rules.size() + 1);
  for (const config::TunnelRule& rule : tunnel.rules) {
    ways.push_back(rule.parents ? parent_route(tunnel, *rule.parents, counts, make_upstream) : standard);
  }
  ways.push_back(standard);
  return ways;
}

HandshakeNews news_of(const config::Tls& tls) {
  return {.client_certificate = tls.client_auth.has_value(),
          .server_names = tls.misdirected_requests == config::MisdirectedRequests::refuse};
}

// Where culvert itself listens, for clients and for its operators.
std::vector<Endpoint> own_addresses(const config::Config& config) {
  std::vector<Endpoint> own;
  const auto add = [&](const std::vector<Address>& addresses) {
    for (const Address& address : addresses) {
      if (address.kind == Address::Kind::ip) own.push_back(address.ip);
    }
  };
  for (const config::Listener& listener : config.listeners) add(listener.addresses);
  if (config.admin.addresses) add(*config.admin.addresses);
  add(config.admin.probe_addresses);
  return own;
}

}  // namespace

Site::Site(const config::Config& config, const Site& previous, Counts& counts, const MakeUpstream& make_upstream,
           const MakeAuthenticator& make_authenticator)
    : upstreams_(carry_over(config.upstreams, previous.upstreams_, make_upstream)),
      authenticators_(carry_over(config.auths, previous.authenticators_, make_authenticator)) {
  add_tunnels(config, previous, counts, make_upstream);
  add_routes(config, previous, counts);
  add_listeners(config, previous, counts, make_upstream);
  for (const auto& [name, old] : previous.upstreams_) {
    const auto now = upstreams_.find(name);
    if (now == upstreams_.end() || !(now->second == old)) old->drain();  // those under way go on
  }
  for (const auto& [name, old] : previous.tunnels_) {
    const auto now = tunnels_.find(name);
    if (now == tunnels_.end() || !(now->second == old)) old->drain();  // tunnels that stand still hold it
  }
}

void Site::drain() {
  for (const auto& [name, upstream] : upstreams_) upstream->drain();
  for (const auto& [name, tunnel] : tunnels_) tunnel->drain();
  for (const auto& [name, listener] : listeners_) {
    if (listener->forward) listener->forward->upstream->drain();
  }
}

void Site::add_tunnels(const config::Config& config, const Site& previous, Counts& counts, const MakeUpstream& make_upstream) {
  const std::vector<Endpoint> own = own_addresses(config);
  for (const auto& [name, written] : config.tunnels) {
    const auto old = previous.tunnels_.find(name);
    const Ref<Authenticator> users = written.auth.empty() ? nullptr : authenticators_.at(written.auth);
    const bool same = old != previous.tunnels_.end() && old->second->settings == written && old->second->own == own &&
                      old->second->authenticator == users;
    tunnels_.emplace(name, same ? old->second
                                : make_ref<AccessPolicy>(written, own, users,
                                                       parent_routes(written, counts, make_upstream)));
  }
}

void Site::add_routes(const config::Config& config, const Site& previous, Counts& counts) {
  std::map<std::string_view, const Ref<Route>*> old_routes;
  for (const Ref<Route>& route : previous.routes_) old_routes.emplace(route->settings.name, &route);
  for (const config::Route& written : config.routes) {
    Ref<Upstream> target;
    Ref<AccessPolicy> reach;
    if (const auto* to = std::get_if<config::ToUpstream>(&written.action)) target = upstreams_.at(to->upstream);
    if (const auto* to = std::get_if<config::ToTunnel>(&written.action)) reach = tunnels_.at(to->tunnel);
    const Ref<Authenticator> users = written.auth.empty() ? nullptr : authenticators_.at(written.auth);
    const auto found = old_routes.find(written.name);
    const Ref<Route>* old = found == old_routes.end() ? nullptr : found->second;
    const bool same = old != nullptr && (*old)->settings == written && (*old)->upstream == target &&
                      (*old)->authenticator == users && (*old)->tunnel == reach;
    routes_.push_back(same ? *old : make_ref<Route>(written, counts.route(written.name), target, users, reach));
  }
}

void Site::add_listeners(const config::Config& config, const Site& previous, Counts& counts, const MakeUpstream& make_upstream) {
  for (const config::Listener& written : config.listeners) {
    if (written.mode == config::ListenerMode::tcp) streams_.emplace(written.name, make_streams(written));
    Ref<AccessPolicy> reach;
    if (!written.tunnel.empty()) reach = tunnels_.at(written.tunnel);
    const Ref<ListenerPolicy> old = previous.listener(written.name);
    const bool tls = !written.tls.empty();
    HandshakeNews news;
    if (tls) news = news_of(config.tls.at(written.tls));
    if (old && old->server == written.server && old->mode == written.mode && old->tls == tls &&
        old->handshake_news == news && old->tunnel == reach) {
      listeners_.emplace(written.name, old);
      continue;
    }
    Ref<Route> forward;
    if (written.mode == config::ListenerMode::forward) forward = forward_route(reach->settings, counts, make_upstream);
    listeners_.emplace(written.name,
                       make_ref<ListenerPolicy>(written.name, counts.listener(written.name), written.server, written.mode,
                                                reach, forward, tls, news));
  }
}

Ref<StreamPolicy> Site::make_streams(const config::Listener& written) const {
  Ref<StreamPolicy> policy = make_ref<StreamPolicy>();
  policy->name = written.name;
  policy->server = written.server;
  policy->idle_timeout = written.streams.idle_timeout;
  for (const config::StreamsByName& row : written.streams.sni) {
    policy->by_name.push_back({row.server_names, upstreams_.at(row.upstream)});
  }
  if (!written.streams.upstream.empty()) policy->rest = upstreams_.at(written.streams.upstream);
  return policy;
}

const Ref<Route>* Site::find(const RequestView& request, Captures& captures) const {
  for (const Ref<Route>& route : routes_) {
    if (route->matches(request, captures)) return &route;
  }
  return nullptr;
}

Ref<ListenerPolicy> Site::listener(std::string_view name) const {
  const auto at = listeners_.find(name);
  return at == listeners_.end() ? Ref<ListenerPolicy>() : at->second;
}

Ref<StreamPolicy> Site::streams_of(std::string_view listener) const {
  const auto at = streams_.find(listener);
  return at == streams_.end() ? Ref<StreamPolicy>() : at->second;
}

}  // namespace culvert::proxy
