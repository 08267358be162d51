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

}  // namespace

Site::Site(const config::Config& config, const Site& previous, const MakeUpstream& make_upstream,
           const MakeAuthenticator& make_authenticator)
    : upstreams_(carry_over(config.upstreams, previous.upstreams_, make_upstream)),
      authenticators_(carry_over(config.auths, previous.authenticators_, make_authenticator)) {
  std::map<std::string_view, const Ref<Route>*> old_routes;
  for (const Ref<Route>& route : previous.routes_) old_routes.emplace(route->settings.name, &route);
  for (const config::Route& written : config.routes) {
    Ref<Upstream> target;
    if (const auto* to = std::get_if<config::ToUpstream>(&written.action)) target = upstreams_.at(to->upstream);
    const Ref<Authenticator> users = written.auth.empty() ? nullptr : authenticators_.at(written.auth);
    const auto old = old_routes.find(written.name);
    const bool same = old != old_routes.end() && (*old->second)->settings == written &&
                      (*old->second)->upstream == target && (*old->second)->authenticator == users;
    routes_.push_back(same ? *old->second : make_ref<Route>(written, target, users));
  }
  for (const config::Listener& written : config.listeners) {
    const auto old = previous.listeners_.find(written.name);
    const bool same = old != previous.listeners_.end() && old->second->server == written.server;
    listeners_.emplace(written.name, same ? old->second : make_ref<ListenerPolicy>(written.name, written.server));
  }
  for (const config::Listener& written : config.listeners) {
    if (written.mode == config::ListenerMode::tcp) streams_.emplace(written.name, make_streams(written));
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
