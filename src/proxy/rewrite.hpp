// What changes in a message on its way through: the fields of one connection are taken out, the proxy's own are added,
// and the route's changes are made. Everything else is passed on as it came, in its order and with its case.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "culvert/endpoint.hpp"
#include "culvert/headers.hpp"
#include "culvert/incoming_message.hpp"
#include "proxy/listener_policy.hpp"
#include "proxy/placeholders.hpp"

namespace culvert::proxy {

// What an exchange knows of its request when it rewrites it.
struct RewriteContext {
  Arena& arena;                       // for text that is made
  const ListenerPolicy& policy;
  const PlaceholderValues& values;
  const Endpoint& peer;               // who is connected
  std::string_view peer_text;         // its address in text
  bool peer_trusted = false;          // what it says of those before it is believed
  std::string_view host_field;        // Host as the client meant it
};

// The status whose content, if a server sends any, is not passed on (RFC 9110 15.3.6).
inline constexpr std::uint16_t reset_content = 205;

// Whether Max-Forwards means something for this method (RFC 9110 7.6.2).
inline bool counts_forwards(std::string_view method) { return method == "OPTIONS" || method == "TRACE"; }

// Whether `peer` may speak for others.
bool trusted(const config::Forwarded& settings, const Endpoint& peer);
// The client behind trusted proxies: the rightmost address of X-Forwarded-For that is not one of them.
Endpoint client_address(const config::Forwarded& settings, const HeaderList& headers, const Endpoint& peer);

// Both replace what `out` holds. `host` is the Host field to send. Trailer is left out where none can follow.
void request_lines(std::vector<Header>& out, const IncomingMessage& request, const RewriteContext& context,
                   std::string_view host, const config::HeaderChanges& changes, bool forward_expect,
                   bool forward_authorization, bool keep_alive);
// What of a CONNECT goes on to a parent proxy: whom it wants, and how it came.
void connect_lines(std::vector<Header>& out, const IncomingMessage& request, const ListenerPolicy& policy,
                   std::string_view authority);
// What of an answer goes on to the client, before the route's changes.
void response_lines(std::vector<Header>& out, const IncomingMessage& response, const ListenerPolicy& policy,
                    bool may_have_trailers);
// Whether its name has one.
bool has_underscore(const Header& line);
// Takes out the fields of a request that an upstream could take for one of culvert's own, or of the route's `changes`:
// there are programs that read "_", some any punctuation, as "-" (CGI, WSGI, PHP). And all with "_", where that is asked.
void drop_lookalikes(std::vector<Header>& lines, const RewriteContext& context, const config::HeaderChanges& changes);
// End-to-end fields of a 1xx answer, or of trailers.
void end_to_end_lines(std::vector<Header>& out, const HeaderList& lines);
// Strict-Transport-Security as the listener has it, in place of what is there.
void set_hsts(std::vector<Header>& lines, const ListenerPolicy& policy);
// Makes the route's changes to lines that culvert wrote itself.
void apply_changes(std::vector<Header>& lines, const config::HeaderChanges& changes, const RewriteContext& context);

// The target to ask the upstream for: `strip_prefix` and `rewrite` of the route, else path and query, which are not
// those of the request line where it `differs`.
std::string_view upstream_target(const config::Route& route, const IncomingMessage& request, bool differs,
                                 const PlaceholderValues& values, Arena& arena);

}  // namespace culvert::proxy
