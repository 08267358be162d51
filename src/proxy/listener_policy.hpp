// [listener.NAME] with what it takes from [server]: held by the exchanges that came in through it.
#pragma once
#include <chrono>
#include <string>

#include "base/ref.hpp"
#include "config/config.hpp"
#include "proxy/access_policy.hpp"
#include "proxy/route.hpp"

namespace culvert::proxy {

// What of the TLS handshake a request has to know.
struct HandshakeNews {
  bool client_certificate = false;  // clients are asked for one
  bool server_names = false;        // requests for hosts that the server's certificate is not for are refused
  bool any() const { return client_certificate || server_names; }
  bool operator==(const HandshakeNews&) const = default;
};

// Of answers over TLS. A forward proxy does not speak for the hosts of its clients' requests.
inline std::string hsts_of(const config::Server& server, config::ListenerMode mode) {
  if (server.hsts == config::off || mode != config::ListenerMode::reverse) return {};
  std::string value = "max-age=" + std::to_string(std::chrono::floor<std::chrono::seconds>(server.hsts).count());
  for (const std::string& option : server.hsts_options) {
    value += option == "include_subdomains" ? "; includeSubDomains" : "; preload";
  }
  return value;
}

struct ListenerPolicy final : RefCounted {
  ListenerPolicy(std::string listener, std::uint16_t its_number, const config::Server& written, config::ListenerMode what = {},
                 Ref<AccessPolicy> reach = {}, Ref<Route> there = {}, bool with_tls = false,
                 HandshakeNews of_handshakes = {})
      : name(std::move(listener)), number(its_number), server(written), mode(what), tls(with_tls), handshake_news(of_handshakes),
        tunnel(std::move(reach)), forward(std::move(there)), scheme(with_tls ? "https" : "http"),
        via_1_0("1.0 " + server.via), via_1_1("1.1 " + server.via), hsts(with_tls ? hsts_of(written, what) : "") {}

  const std::string name;
  const std::uint16_t number;      // by which its requests are counted
  const config::Server server;
  const config::ListenerMode mode;
  const bool tls;
  const HandshakeNews handshake_news;
  const Ref<AccessPolicy> tunnel;  // what CONNECT may reach; null: a route says
  const Ref<Route> forward;        // of a forward proxy: how its requests go to their destinations
  const std::string_view scheme;   // of its clients' URLs
  const std::string via_1_0;  // what Via says of a message that came in HTTP/1.0
  const std::string via_1_1;
  const std::string hsts;  // Strict-Transport-Security of its answers; empty: none
};

}  // namespace culvert::proxy
