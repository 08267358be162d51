// One route as a worker uses it: compiled once, immutable, held by each exchange that runs under it, so that a reload
// which changes or removes it concerns nobody who is already on the way.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/ref.hpp"
#include "config/config.hpp"
#include "culvert/incoming_message.hpp"
#include "culvert/peer_certificate.hpp"
#include "proxy/counts.hpp"

namespace re2 {
class RE2;
}

namespace culvert::proxy {

struct AccessPolicy;
class Authenticator;
class Upstream;

// What is matched: parsed once for each request, views into it.
struct RequestView {
  std::string_view listener;
  std::string_view method;
  std::string_view host;   // lower case, without port, IPv6 in brackets; empty where there is none
  std::string_view path;   // before '?', starts with '/' (or "*")
  std::string_view query;  // behind '?', without it
  const HeaderList* headers = nullptr;
  Endpoint client;         // behind trusted proxies
  const PeerCertificate* certificate = nullptr;  // null where the client has shown none
};

// Groups of a path_regex: {1} .. {9}; {0} is the whole match.
struct Captures {
  std::array<std::string_view, 10> group{};
};

inline constexpr Captures no_captures{};

struct Route final : RefCounted {
  Route(const config::Route& written, Ref<RouteCounts> counted_in, Ref<Upstream> target, Ref<Authenticator> users,
        Ref<AccessPolicy> reach = {});
  ~Route();

  bool matches(const RequestView& request, Captures& captures) const;
  bool has_regex() const { return regex_ != nullptr; }
  // Whether the client's Authorization is for the upstream.
  bool forwards_authorization() const { return forwards_authorization_; }

  // Nothing but the next server in turn is asked for, and its answer passed on whatever it is.
  bool is_plain() const { return plain_; }

  const config::Route settings;
  const Ref<RouteCounts> counts;           // of all routes with that name, before and after a reload
  const Ref<Upstream> upstream;            // null where the route's action needs none
  const Ref<Authenticator> authenticator;  // null where everybody may ask
  const Ref<AccessPolicy> tunnel;          // null where the route's action is another

 private:
  std::unique_ptr<re2::RE2> regex_;
  const bool matches_all_;
  const bool plain_;
  const bool forwards_authorization_;
};

}  // namespace culvert::proxy
