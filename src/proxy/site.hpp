// What a worker routes by: the routes in order, what they lead to, and how each listener treats its clients. Built
// anew from every configuration; whatever did not change is the same object as before.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ref.hpp"
#include "config/config.hpp"
#include "proxy/authenticator.hpp"
#include "proxy/listener_policy.hpp"
#include "proxy/route.hpp"
#include "proxy/stream_policy.hpp"
#include "proxy/upstream.hpp"

namespace culvert::proxy {

class Site {
 public:
  using MakeUpstream = std::function<Ref<Upstream>(const config::Upstream&)>;
  using MakeAuthenticator = std::function<Ref<Authenticator>(const config::Auth&)>;

  Site() = default;
  // Takes over from `previous` what is equal in `config`; makes the rest.
  Site(const config::Config& config, const Site& previous, Counts& counts, const MakeUpstream& make_upstream,
       const MakeAuthenticator& make_authenticator);

  // The first route that matches, or null.
  const Ref<Route>* find(const RequestView& request, Captures& captures) const;
  Ref<ListenerPolicy> listener(std::string_view name) const;  // null where there is none with that name
  Ref<StreamPolicy> streams_of(std::string_view listener) const;  // null where it has another mode, or is none
  const std::map<std::string, Ref<Upstream>, std::less<>>& upstreams() const { return upstreams_; }
  // Idle connections are closed from now on, and nobody is looked at.
  void drain();

 private:
  Ref<StreamPolicy> make_streams(const config::Listener& written) const;
  void add_tunnels(const config::Config& config, const Site& previous, Counts& counts, const MakeUpstream& make_upstream);
  void add_routes(const config::Config& config, const Site& previous, Counts& counts);
  void add_listeners(const config::Config& config, const Site& previous, Counts& counts, const MakeUpstream& make_upstream);

  std::vector<Ref<Route>> routes_;
  std::map<std::string, Ref<Upstream>, std::less<>> upstreams_;
  std::map<std::string, Ref<Authenticator>, std::less<>> authenticators_;
  std::map<std::string, Ref<AccessPolicy>, std::less<>> tunnels_;
  std::map<std::string, Ref<ListenerPolicy>, std::less<>> listeners_;
  std::map<std::string, Ref<StreamPolicy>, std::less<>> streams_;  // by listener
};

}  // namespace culvert::proxy
