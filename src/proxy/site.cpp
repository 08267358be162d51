#include "proxy/site.hpp"

namespace culvert::proxy {

Site::Site(const config::Config& config, const Site& previous, const MakeUpstream& make_upstream) {
  for (const auto& [name, written] : config.upstreams) {
    const auto old = previous.upstreams_.find(name);
    const bool same = old != previous.upstreams_.end() && old->second->settings == written;
    upstreams_.emplace(name, same ? old->second : make_upstream(written));
  }
  std::map<std::string_view, const Ref<Route>*> old_routes;
  for (const Ref<Route>& route : previous.routes_) old_routes.emplace(route->settings.name, &route);
  for (const config::Route& written : config.routes) {
    Ref<Upstream> target;
    if (const auto* to = std::get_if<config::ToUpstream>(&written.action)) target = upstreams_.at(to->upstream);
    const auto old = old_routes.find(written.name);
    const bool same = old != old_routes.end() && (*old->second)->settings == written && (*old->second)->upstream == target;
    routes_.push_back(same ? *old->second : make_ref<Route>(written, target));
  }
  for (const config::Listener& written : config.listeners) {
    const auto old = previous.listeners_.find(written.name);
    const bool same = old != previous.listeners_.end() && old->second->server == written.server;
    listeners_.emplace(written.name, same ? old->second : make_ref<ListenerPolicy>(written.name, written.server));
  }
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

}  // namespace culvert::proxy
