#include "proxy/rewrite.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "base/ascii.hpp"
#include "base/digest.hpp"
#include "wire/header_names.hpp"
#include "wire/sixteen.hpp"

namespace culvert::proxy {

namespace {

// Copies `text`, which was put together in a passing string, to where it lives as long as the exchange.
std::string_view keep(Arena& arena, const std::string& text) { return arena.copy(text); }

// Connection may name further fields of this connection. Those that say who a request is for, who sends it or where it
// ends are not taken out however they are nominated: that would be an attack.
class Nominated {
 public:
  explicit Nominated(const HeaderList& headers) : headers_(headers) {
    if (!headers.may_have(HeaderId::connection)) return;
    for (const Header& line : headers) {
      if (line.id == HeaderId::connection && !usual(line.value)) any_ = true;
    }
  }
  bool has(const Header& line) const {
    if (!any_ || (wire::flags_of(line.id) & wire::protected_) != 0) return false;
    return headers_.has_token(HeaderId::connection, line.name);
  }

 private:
  static bool usual(std::string_view options) {
    return ascii::iequals(options, "keep-alive") || ascii::iequals(options, "close");
  }
  const HeaderList& headers_;
  bool any_ = false;
};

bool hop_by_hop(const Header& line) { return (wire::flags_of(line.id) & wire::hop_by_hop) != 0; }

// More depends on it than what its sender wants to say: no other field needs a second look.
bool concerns_relays(const Header& line) {
  return (wire::flags_of(line.id) & (wire::hop_by_hop | wire::protected_)) != 0;
}

// Then what Content-Length says is not true (a lenient listener takes both, RFC 9112 6.3), and trailers may follow.
bool chunked(const HeaderList& headers) { return headers.find(HeaderId::transfer_encoding) != nullptr; }

// Fields in which a proxy says who was before it: believed only from those that are trusted.
bool speaks_for_others(HeaderId id) {
  switch (id) {
    case HeaderId::forwarded:
    case HeaderId::x_forwarded_for:
    case HeaderId::x_forwarded_host:
    case HeaderId::x_forwarded_port:
    case HeaderId::x_forwarded_proto:
    case HeaderId::x_real_ip:
      return true;
    default:
      return false;
  }
}

// for=192.0.2.1;host="example.com";proto=http; IPv6 addresses are quoted and in brackets (RFC 7239 6).
std::string_view forwarded_element(const RewriteContext& context) {
  const std::string_view ip = context.peer_text;
  std::string out = "for=";
  if (context.peer.family == Endpoint::Family::ipv6) {
    out.append("\"[").append(ip).append("]\"");
  } else if (context.peer.family == Endpoint::Family::unix_socket) {
    out += "unknown";
  } else {
    out += ip;
  }
  if (!context.host_field.empty()) out.append(";host=\"").append(context.host_field).append("\"");
  out.append(";proto=").append(context.values.scheme);
  return keep(context.arena, out);
}

// `name` with `value` behind what the lines of `headers` with that id already say, where that is to be believed.
void push_appended(std::vector<Header>& out, HeaderId id, const HeaderList& headers, const RewriteContext& context,
                   std::string_view value) {
  std::string joined;
  if (context.peer_trusted) {
    for (const Header& line : headers) {
      if (line.id != id) continue;
      joined.append(line.value).append(", ");
    }
  }
  if (joined.empty()) {
    out.push_back({id, wire::spelling(id), value});
  } else {
    joined.append(value);
    out.push_back({id, wire::spelling(id), keep(context.arena, joined)});
  }
}

void push_unless_said(std::vector<Header>& out, HeaderId id, const HeaderList& headers, const RewriteContext& context,
                      std::string_view value) {
  if (context.peer_trusted) {
    if (const Header* said = headers.find(id)) return out.push_back(*said);
  }
  if (!value.empty()) out.push_back({id, wire::spelling(id), value});
}

void push_forwarding(std::vector<Header>& out, const HeaderList& headers, const RewriteContext& context) {
  const config::Forwarded& send = context.policy.server.forwarded;
  if (send.send_for) {
    push_appended(out, HeaderId::x_forwarded_for, headers, context, context.peer_text);
  }
  if (send.send_proto) push_unless_said(out, HeaderId::x_forwarded_proto, headers, context, context.values.scheme);
  if (send.send_host) push_unless_said(out, HeaderId::x_forwarded_host, headers, context, context.host_field);
  if (send.send_forwarded) {
    push_appended(out, HeaderId::forwarded, headers, context, forwarded_element(context));
  }
}

[[gnu::cold, gnu::noinline]] void push_no_length(std::vector<Header>& out) {
  out.push_back({HeaderId::content_length, wire::spelling(HeaderId::content_length), "0"});
}

// A byte sequence of RFC 8941 3.3.5.
std::string byte_sequence(Bytes bytes) { return ":" + encode_base64(bytes) + ":"; }

// RFC 9440. Destinations that a client of a forward proxy has chosen are not told who it is.
[[gnu::cold, gnu::noinline]] void push_certificate(std::vector<Header>& out, const PeerCertificate& shown,
                                                   const RewriteContext& context) {
  const config::Forwarded& send = context.policy.server.forwarded;
  if (context.policy.mode == config::ListenerMode::forward || !send.send_client_cert) return;
  const auto push = [&](HeaderId id, const std::string& value) {
    out.push_back({id, wire::spelling(id), keep(context.arena, value)});
  };
  push(HeaderId::client_cert, byte_sequence(shown.der));
  if (!send.send_client_cert_chain || shown.chain.empty()) return;
  std::string chain;
  for (const std::vector<std::byte>& der : shown.chain) {
    chain.append(chain.empty() ? "" : ", ").append(byte_sequence(der));
  }
  push(HeaderId::client_cert_chain, chain);
}

// Those of the forwarding fields that culvert writes itself; the others of a trusted peer pass through.
bool written_here(HeaderId id, const config::Forwarded& send) {
  switch (id) {
    case HeaderId::x_forwarded_for: return send.send_for;
    case HeaderId::x_forwarded_proto: return send.send_proto;
    case HeaderId::x_forwarded_host: return send.send_host;
    case HeaderId::forwarded: return send.send_forwarded;
    default: return false;
  }
}

[[gnu::cold, gnu::noinline]] void push_one_less(std::vector<Header>& out, const Header& line, Arena& arena) {
  const std::optional<std::uint64_t> number = ascii::parse_decimal(line.value);
  if (number && *number > 0) out.push_back({line.id, line.name, keep(arena, std::to_string(*number - 1))});
}

void push_via(std::vector<Header>& out, int minor_version, const ListenerPolicy& policy) {
  if (policy.server.via.empty()) return;
  out.push_back({HeaderId::via, wire::spelling(HeaderId::via), minor_version == 0 ? policy.via_1_0 : policy.via_1_1});
}

bool has_punctuation(std::string_view name) {
  return wire::find(name, wire::not_plain<wire::Sixteen>) != name.size() || name.find('.') != std::string_view::npos;
}

// `name` of a field with its punctuation read as "-".
std::string with_hyphens(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    if (!ascii::is_digit(c) && (ascii::to_lower(c) < 'a' || ascii::to_lower(c) > 'z')) c = '-';
  }
  return text;
}

bool looks_alike(std::string_view name, const RewriteContext& context, const config::HeaderChanges& changes) {
  if (!has_punctuation(name)) return false;
  const config::Server& settings = context.policy.server;
  const bool underscore = name.find('_') != std::string_view::npos;
  if (underscore && settings.underscores_in_headers != config::UnderscoresInHeaders::allow) return true;
  const std::string meant = with_hyphens(name);
  constexpr int ours = wire::protected_ | wire::hop_by_hop | wire::framing;
  const auto is_meant = [&](std::string_view other) {
    return ascii::iequals(with_hyphens(other), meant) && !ascii::iequals(other, name);
  };
  const auto names_it = [&](const auto& field) { return is_meant(field.first); };
  return (wire::flags_of(wire::header_id(meant)) & ours) != 0 || is_meant(settings.forwarded.request_id) ||
         std::ranges::any_of(changes.remove, is_meant) || std::ranges::any_of(changes.set, names_it) ||
         std::ranges::any_of(changes.add, names_it);
}

}  // namespace

bool has_underscore(const Header& line) { return line.name.find('_') != std::string_view::npos; }

void drop_lookalikes(std::vector<Header>& lines, const RewriteContext& context, const config::HeaderChanges& changes) {
  std::erase_if(lines, [&](const Header& line) {
    return line.id == HeaderId::other && looks_alike(line.name, context, changes);
  });
}

bool trusted(const config::Forwarded& settings, const Endpoint& peer) {
  for (const config::Network& network : settings.trust) {
    if (network.contains(peer)) return true;
  }
  return false;
}

Endpoint client_address(const config::Forwarded& settings, const HeaderList& headers, const Endpoint& peer) {
  if (settings.trust.empty() || !trusted(settings, peer)) return peer;
  Endpoint client = peer;
  // From right to left: each address was written by the one after it, and is believed as long as that one is trusted.
  for (std::size_t i = headers.size(); i-- > 0;) {
    if (headers[i].id != HeaderId::x_forwarded_for || headers[i].value.empty()) continue;
    std::optional<std::string_view> rest = headers[i].value;
    while (rest) {
      const std::size_t comma = rest->rfind(',');
      const bool is_first = comma == std::string_view::npos;
      const std::string_view item = ascii::trim(is_first ? *rest : rest->substr(comma + 1));
      rest = is_first ? std::nullopt : std::optional(rest->substr(0, comma));
      const std::optional<Endpoint> address = Endpoint::parse_ip(item);
      if (!address) return client;
      client = *address;
      if (!trusted(settings, client)) return client;
    }
  }
  return client;
}

void request_lines(std::vector<Header>& out, const IncomingMessage& request, const RewriteContext& context,
                   std::string_view host, const config::HeaderChanges& changes, bool forward_expect,
                   bool forward_authorization, bool keep_alive) {
  out.clear();
  const HeaderList& headers = request.raw_headers();
  const Nominated nominated(headers);
  const config::Forwarded& send = context.policy.server.forwarded;
  const bool numbers_requests = !send.request_id.empty();
  bool wants_trailers = false;
  if (!host.empty()) out.push_back({HeaderId::host, wire::spelling(HeaderId::host), host});
  const auto relays = [&](const Header& line) {
    switch (line.id) {
      case HeaderId::te: wants_trailers = wants_trailers || ascii::list_contains(line.value, "trailers"); return false;
      case HeaderId::host: return false;
      case HeaderId::content_length: return !chunked(headers);
      case HeaderId::trailer: return chunked(headers);
      case HeaderId::expect: return forward_expect;
      case HeaderId::authorization: return forward_authorization;
      case HeaderId::max_forwards:
        if (!counts_forwards(request.method())) return true;
        push_one_less(out, line, context.arena);
        return false;
      default:
        if (speaks_for_others(line.id)) return context.peer_trusted && !written_here(line.id, send);
        return !hop_by_hop(line);
    }
  };
  for (const Header& line : headers) {
    if (concerns_relays(line) ? !relays(line) : nominated.has(line)) continue;
    if (numbers_requests && ascii::iequals(line.name, send.request_id)) continue;
    if (line.id == HeaderId::other && looks_alike(line.name, context, changes)) continue;
    out.push_back(line);
  }
  push_forwarding(out, headers, context);
  if (numbers_requests) out.push_back({HeaderId::other, send.request_id, context.values.request_id});
  if (const PeerCertificate* const shown = context.values.request.certificate) [[unlikely]] {
    push_certificate(out, *shown, context);
  }
  push_via(out, request.http_version_minor(), context.policy);
  if (wants_trailers) {
    out.push_back({HeaderId::te, wire::spelling(HeaderId::te), "trailers"});
    out.push_back({HeaderId::connection, wire::spelling(HeaderId::connection), keep_alive ? "keep-alive, TE" : "close, TE"});
  }
  if (!changes.empty()) apply_changes(out, changes, context);
}

void connect_lines(std::vector<Header>& out, const IncomingMessage& request, const ListenerPolicy& policy,
                   std::string_view authority) {
  out.clear();
  out.push_back({HeaderId::host, wire::spelling(HeaderId::host), authority});
  for (const Header& line : request.raw_headers()) {
    if (line.id == HeaderId::via) out.push_back(line);
  }
  push_via(out, request.http_version_minor(), policy);
}

void response_lines(std::vector<Header>& out, const IncomingMessage& response, const ListenerPolicy& policy,
                    bool may_have_trailers) {
  out.clear();
  const HeaderList& headers = response.raw_headers();
  const Nominated nominated(headers);
  const bool no_content = response.status_code() == reset_content;
  if (no_content) push_no_length(out);
  const auto relays = [&](const Header& line) {
    switch (line.id) {
      case HeaderId::content_length: return !no_content && !chunked(headers);
      case HeaderId::trailer: return may_have_trailers && chunked(headers);
      default: return !hop_by_hop(line);
    }
  };
  for (const Header& line : headers) {
    if (concerns_relays(line) ? relays(line) : !nominated.has(line)) out.push_back(line);
  }
  push_via(out, response.http_version_minor(), policy);
  if (!policy.hsts.empty()) [[unlikely]] set_hsts(out, policy);
}

void end_to_end_lines(std::vector<Header>& out, const HeaderList& lines) {
  out.clear();
  if (lines.empty()) return;
  const Nominated nominated(lines);
  for (const Header& line : lines) {
    if (!hop_by_hop(line) && !nominated.has(line)) out.push_back(line);
  }
}

[[gnu::cold, gnu::noinline]] void set_hsts(std::vector<Header>& lines, const ListenerPolicy& policy) {
  std::erase_if(lines, [](const Header& line) { return line.id == HeaderId::strict_transport_security; });
  lines.push_back({HeaderId::strict_transport_security, wire::spelling(HeaderId::strict_transport_security), policy.hsts});
}

void apply_changes(std::vector<Header>& lines, const config::HeaderChanges& changes, const RewriteContext& context) {
  const auto remove = [&](std::string_view name) {
    std::erase_if(lines, [&](const Header& line) { return ascii::iequals(line.name, name); });
  };
  const auto push = [&](const std::pair<std::string, std::string>& field) {
    std::string_view value = field.second;
    if (has_placeholders(value)) {
      std::string text;
      expand(text, value, context.values);
      value = keep(context.arena, text);
    }
    lines.push_back({wire::header_id(field.first), field.first, value});
  };
  for (const std::string& name : changes.remove) remove(name);
  for (const auto& field : changes.set) {
    remove(field.first);
    push(field);
  }
  for (const auto& field : changes.add) push(field);
}

std::string_view upstream_target(const config::Route& route, const IncomingMessage& request, bool differs,
                                 const PlaceholderValues& values, Arena& arena) {
  if (!differs && route.strip_prefix.empty() && route.rewrite.empty()) return request.url();
  const RequestView& view = values.request;
  std::string target;
  if (!route.rewrite.empty()) {
    expand(target, route.rewrite, values);
  } else {
    std::string_view path = view.path;
    const std::string& prefix = route.strip_prefix;
    const bool has_prefix = !prefix.empty() && path.starts_with(prefix) &&
                            (path.size() == prefix.size() || prefix.back() == '/' || path[prefix.size()] == '/');
    if (has_prefix) path.remove_prefix(prefix.back() == '/' ? prefix.size() - 1 : prefix.size());
    if (path.empty()) target = "/";
    target += path;
  }
  if (!view.query.empty() && target.find('?') == std::string::npos) target.append("?").append(view.query);
  return keep(arena, target);
}

}  // namespace culvert::proxy
