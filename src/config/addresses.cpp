#include "config/addresses.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "config/diagnostic.hpp"

namespace culvert::config {
namespace {

constexpr std::string_view unix_prefix = "unix:";
constexpr std::string_view service_prefix = "srv:";
constexpr std::size_t unix_path_bytes_max = 107;  // of sockaddr_un::sun_path, with its terminating zero

struct HostPort {
  std::string_view host;  // without brackets
  std::string_view port;
  bool bracketed = false;
};

Wrong bad_address(std::string text, std::string label) {
  return {"bad-address", std::move(text), std::move(label), ""};
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_host_name(std::string_view text) {
  const auto belongs = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !text.empty() && text.size() <= 253 && !text.starts_with('.') && text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), belongs);
}

// Splits at the last colon; an address with colons of its own needs brackets.
std::optional<HostPort> split(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  HostPort parts{text.substr(0, colon), text.substr(colon + 1)};
  if (parts.host.starts_with('[') && parts.host.ends_with(']')) {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
    parts.bracketed = true;
  }
  if (!parts.bracketed && parts.host.find(':') != std::string_view::npos) return std::nullopt;
  return parts;
}

Parsed<std::uint16_t> parse_port(std::string_view text) {
  const std::string range = "ports go from 1 to 65535";
  if (!is_digits(text)) return Wrong{"bad-port", in_quotes(text) + " is not a port", range, ""};
  const Parsed<std::uint64_t> port = parse_integer(text);
  if (port && *port >= 1 && *port <= 65535) return static_cast<std::uint16_t>(*port);
  return Wrong{"bad-port", "port " + std::string(text) + " is out of range", range, ""};
}

// "443", "8000-8999", "*"
Parsed<PortRange> parse_ports(std::string_view text) {
  if (text == "*") return PortRange{};
  const std::size_t dash = std::min(text.find('-'), text.size());
  const Parsed<std::uint16_t> first = parse_port(text.substr(0, dash));
  if (!first) return *first.wrong();
  if (dash == text.size()) return PortRange{*first, *first};
  const Parsed<std::uint16_t> last = parse_port(text.substr(dash + 1));
  if (!last) return *last.wrong();
  if (*last < *first) {
    return Wrong{"bad-port", in_quotes(text) + " is no range of ports", "the lower one comes first", ""};
  }
  return PortRange{*first, *last};
}

Wrong no_port(std::string_view text, std::string_view example_port) {
  const std::string port(example_port);
  if (is_digits(text)) {
    return bad_address(in_quotes(text) + " is not an address", did_you_mean(std::string(":").append(text)));
  }
  const bool is_ipv6 = text.find(':') != std::string_view::npos;
  if (is_ipv6 && Endpoint::parse_ip(text)) {
    return bad_address(in_quotes(text) + " has no port",
                       "an IPv6 address is written " + in_quotes("[" + std::string(text) + "]:" + port));
  }
  const bool has_brackets = text.starts_with('[') && text.ends_with(']');
  if (is_ipv6 && !has_brackets) {
    return bad_address(in_quotes(text) + " is not an address", "for example \"127.0.0.1:" + port + "\"");
  }
  return bad_address(in_quotes(text) + " has no port", "for example " + in_quotes(std::string(text) + ":" + port));
}

Parsed<Address> parse_unix(std::string_view text) {
  Address address;
  address.kind = Address::Kind::unix_path;
  address.text = text.substr(unix_prefix.size());
  if (address.text.empty()) return bad_address("\"unix:\" has no path", "for example \"unix:/run/culvert/web.sock\"");
  if (address.text.size() > unix_path_bytes_max) {
    return bad_address("the path of a Unix socket has at most " + std::to_string(unix_path_bytes_max) + " bytes",
                       "this one has " + std::to_string(address.text.size()));
  }
  return address;
}

// "srv:80" is a host of that name.
bool is_service(std::string_view text) {
  return text.starts_with(service_prefix) && !is_digits(text.substr(service_prefix.size()));
}

// RFC 2782: "_SERVICE._PROTOCOL.NAME". Hosts and ports are in its records.
Parsed<Address> parse_service(std::string_view text) {
  const std::string_view name = text.substr(service_prefix.size());
  const std::string example = "for example \"srv:_http._tcp.example.com\"";
  if (name.empty()) return bad_address("\"srv:\" has no name", example);
  if (const std::size_t colon = name.find(':'); colon != std::string_view::npos) {
    return bad_address(in_quotes(text) + " has a port", "its records have them: " +
                                                            in_quotes(text.substr(0, service_prefix.size() + colon)));
  }
  const std::size_t service = name.find('.');
  const std::size_t protocol = service == std::string_view::npos ? service : name.find('.', service + 1);
  const auto is_label = [](std::string_view label) { return label.size() > 1 && label.starts_with('_'); };
  const bool is_named = protocol != std::string_view::npos && protocol + 1 < name.size() &&
                        is_label(name.substr(0, service)) && is_label(name.substr(service + 1, protocol - service - 1));
  if (!is_named || !is_host_name(name)) return bad_address(in_quotes(text) + " is not the name of a service", example);
  Address address;
  address.kind = Address::Kind::service;
  address.text = name;
  return address;
}

Address at_ip(Endpoint endpoint) {
  Address address;
  address.ip = endpoint;
  return address;
}

// "HOST:PORT"
Parsed<Address> parse_host_port(std::string_view text) {
  const auto parts = split(text);
  if (!parts) return no_port(text, "8000");
  const Parsed<std::uint16_t> port = parse_port(parts->port);
  if (!port) return *port.wrong();
  const auto endpoint = Endpoint::parse_ip(parts->host, *port);
  if (endpoint && (endpoint->family == Endpoint::Family::ipv6) == parts->bracketed) return at_ip(*endpoint);
  if (parts->bracketed || !is_host_name(parts->host)) {
    return bad_address(in_quotes(parts->host) + " is not a host", "for example \"127.0.0.1:8000\"");
  }
  Address address;
  address.kind = Address::Kind::name;
  address.text = parts->host;
  address.port = *port;
  return address;
}

}  // namespace

Parsed<std::vector<Address>> parse_listen_address(std::string_view text) {
  if (text.starts_with(inherited_prefix)) {
    const std::string_view name = text.substr(inherited_prefix.size());
    if (name.empty()) return bad_address("\"fd:\" has no name", "for example \"fd:web\"");
    const bool printable = std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
    if (!printable) return bad_address(in_quotes(name) + " is no name of a socket", "letters and digits, without a colon");
    return std::vector<Address>{};
  }
  if (text.starts_with(unix_prefix)) {
    const Parsed<Address> address = parse_unix(text);
    if (!address) return *address.wrong();
    return std::vector<Address>{*address};
  }
  const std::string example = "listen on an address, for example \"127.0.0.1:8080\"";
  if (is_url(text)) return bad_address(in_quotes(text) + " is a URL", example);
  const auto parts = split(text);
  if (!parts) return no_port(text, "8080");
  const Parsed<std::uint16_t> port = parse_port(parts->port);
  if (!port) return *port.wrong();
  if (parts->host.empty() && !parts->bracketed) {
    return std::vector{at_ip(*Endpoint::parse_ip("0.0.0.0", *port)), at_ip(*Endpoint::parse_ip("::", *port))};
  }
  const auto endpoint = Endpoint::parse_ip(parts->host, *port);
  if (!endpoint || (endpoint->family == Endpoint::Family::ipv6) != parts->bracketed) {
    const bool needless_brackets = endpoint && parts->bracketed;
    const std::string meant = needless_brackets              ? endpoint->ip() + ":"
                              : parts->host == "*"           ? ":"
                              : parts->host == "localhost" ? "127.0.0.1:"
                                                             : "";
    return bad_address(in_quotes(needless_brackets ? text : parts->host) + " is not an IP address",
                       meant.empty() ? example : did_you_mean(meant + std::string(parts->port)));
  }
  return std::vector{at_ip(*endpoint)};
}

Parsed<Address> parse_server_address(std::string_view text) {
  if (text.starts_with(unix_prefix)) return parse_unix(text);
  if (is_url(text)) return parse_url(text);
  if (is_service(text)) return parse_service(text);
  return parse_host_port(text);
}

bool is_url(std::string_view text) { return text.find("://") != std::string_view::npos; }

Parsed<Address> parse_url(std::string_view text) {
  const std::size_t end = text.find("://");
  const std::string_view scheme = text.substr(0, end);
  const std::string_view authority = text.substr(end + 3);
  const auto bad_url = [&](std::string label) {
    return Wrong{"bad-url", in_quotes(text) + " is not the URL of a server", std::move(label), ""};
  };
  if (scheme != "http" && scheme != "https") return bad_url("for example \"http://127.0.0.1:3000\"");
  const std::size_t path = authority.find_first_of("/?#");
  if (path != std::string_view::npos) {
    return bad_url("without a path: " + in_quotes(text.substr(0, end + 3 + path)));
  }
  if (is_service(authority)) return bad_url("a service has no scheme: " + in_quotes(authority));
  const std::size_t at_sign = authority.find('@');
  if (at_sign != std::string_view::npos) {
    const std::string without(authority.substr(at_sign + 1));
    return bad_url("without a user: " + in_quotes(std::string(scheme) + "://" + without));
  }
  const bool has_port = split(authority).has_value() && !authority.ends_with(']');
  const std::string with_port = std::string(authority) + (has_port ? "" : scheme == "http" ? ":80" : ":443");
  if (authority.empty() || authority.starts_with(':')) return bad_url("for example \"http://127.0.0.1:3000\"");
  return parse_host_port(with_port);
}

// The port is never guessed: proxies listen on 3128, 8080, 8888 and, by the URL, on 80.
Parsed<Address> parse_parent(std::string_view text) {
  const auto bad_parent = [&](std::string label, std::string help = "") {
    return Wrong{"bad-parent", in_quotes(text) + " is not the URL of a proxy", std::move(label), std::move(help)};
  };
  constexpr std::string_view scheme = "http://";
  const std::string example = "for example \"http://proxy.example.com:3128\"";
  if (text.starts_with("https://")) return bad_parent("write http://", "TLS to a parent proxy is not supported yet");
  if (!is_url(text)) {
    const Parsed<Address> meant = parse_server_address(text);
    const bool reads = meant && (meant->kind == Address::Kind::ip || meant->kind == Address::Kind::name);
    return bad_parent(reads ? did_you_mean(std::string(scheme).append(text)) : example);
  }
  if (!text.starts_with(scheme)) return bad_parent(example);
  const std::string_view authority = text.substr(scheme.size());
  if (authority.find('@') != std::string_view::npos) {
    return bad_parent("without a user", "user name and password have a key of their own, parent_auth");
  }
  const std::size_t path = authority.find_first_of("/?#");
  if (path != std::string_view::npos) {
    return bad_parent("without a path: " + in_quotes(text.substr(0, scheme.size() + path)));
  }
  if (authority.empty()) return bad_parent(example);
  if (!split(authority) || authority.ends_with(']')) {
    return bad_parent("it has no port: " + in_quotes(std::string(text) + ":3128") + "?");
  }
  return parse_host_port(authority);
}

Parsed<TunnelTarget> parse_tunnel_target(std::string_view text) {
  const auto bad_rule = [&](std::string label) {
    return Wrong{"bad-rule", in_quotes(text) + " is not HOST:PORT", std::move(label),
                 "\"*.example.com:443\", \"10.30.0.15:5432\", \"[2001:db8::1]:22\", \"*:443\""};
  };
  if (is_url(text)) {
    const std::string_view rest = text.substr(text.find("://") + 3);
    const std::string authority(rest.substr(0, rest.find_first_of("/?#")));
    const std::string port = text.starts_with("http://") ? ":80" : ":443";
    return bad_rule("a rule is HOST:PORT: " + in_quotes(split(authority) ? authority : authority + port) + "?");
  }
  const auto parts = split(text);
  if (!parts) {
    const bool is_ipv6 = Endpoint::parse_ip(text).has_value() && text.find(':') != std::string_view::npos;
    return bad_rule(did_you_mean(is_ipv6 ? "[" + std::string(text) + "]:443" : std::string(text) + ":443"));
  }
  TunnelTarget target;
  const Parsed<PortRange> ports = parse_ports(parts->port);
  if (!ports) return *ports.wrong();
  target.ports = *ports;
  const bool is_network = parts->bracketed || Endpoint::parse_ip(parts->host.substr(0, parts->host.find('/')));
  if (is_network) {
    const Parsed<Network> network = parse_network(parts->host);
    if (!network) return *network.wrong();
    if ((network->base.family == Endpoint::Family::ipv6) != parts->bracketed) {
      return bad_rule("no IPv6 address in the brackets");
    }
    target.network = *network;
    return target;
  }
  std::string_view host = parts->host;
  target.host.wildcard = host == "*" || host.starts_with("*.");
  if (target.host.wildcard) host.remove_prefix(1);
  if (!host.empty() || !target.host.wildcard) {
    if (!is_host_name(target.host.wildcard ? host.substr(1) : host)) {
      return bad_rule("\"*\" stands alone, or first in \"*.NAME\"");
    }
  }
  target.host.text = ascii::lower(host);
  return target;
}

}  // namespace culvert::config
