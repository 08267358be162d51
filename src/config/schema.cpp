#include "config/schema.hpp"

#include <algorithm>

#include "config/access_fields.hpp"

namespace culvert::config {
namespace {

constexpr bool one = false;
constexpr bool many = true;

constexpr Key rows[] = {
    // section, name, type, many, standard, choices, works, about
    {"", "version", Type::integer, one, "1", "", all_works, "version of this format"},
    {"", "include", Type::text, many, "", "", all_works, "files to read as well: patterns, relative to this file"},
    {"", "process", Type::table, one, "", "", all_works, "the process as a whole"},
    {"", "log", Type::table, one, "", "", all_works, "operational messages"},
    {"", "admin", Type::table, one, "", "", not_yet, "where operators ask"},
    {"", "limits", Type::table, one, "", "", all_works, "limits of the whole process"},
    {"", "server", Type::table, one, "", "", all_works, "defaults for every listener"},
    {"", "listener", Type::named_tables, one, "", "", all_works, "where culvert listens"},
    {"", "tls", Type::named_tables, one, "", "", all_works, "certificates"},
    {"", "route", Type::tables, one, "", "", all_works, "what is done with a request; the first that matches is used"},
    {"", "upstream", Type::named_tables, one, "", "", all_works, "servers that requests are passed to"},
    {"", "tunnel", Type::named_tables, one, "", "", all_works, "what CONNECT may reach"},
    {"", "auth", Type::named_tables, one, "", "", all_works, "who may pass"},
    {"", "cluster", Type::table, one, "", "", not_yet, "several culverts with one configuration"},

    {"process", "threads", Type::threads, one, "auto", "1-1024", all_works, "workers; \"auto\" is one a core"},
    {"process", "shutdown_timeout", Type::duration, one, "30s", "", all_works, "how long a stop waits for requests"},
    {"process", "reuse_port", Type::boolean, one, "true", "", all_works, "a listening socket for each worker"},
    {"process", "max_idle_http_parsers", Type::integer, one, "1000", "1-1000000", all_works,
     "messages' memory that a worker keeps for reuse, of clients and of upstreams each"},
    {"process", "watchdog", Type::boolean, one, "true", "", "false", "restart a worker that hangs"},

    {"log", "level", Type::choice, one, "info", "trace debug info warn error off", all_works, "from which level on"},
    {"log", "format", Type::choice, one, "text", "text json", all_works, "how a message is written"},
    {"log", "target", Type::file, one, "stderr", "stderr", all_works, "\"stderr\" or a file"},
    {"log", "access", Type::table, one, "", "", all_works, "one record for each request"},
    {"log.access", "file", Type::file, one, required, "-", all_works, "a file; \"-\" is standard output"},
    {"log.access", "format", Type::choice, one, "json", "json combined", all_works, "how a record is written"},
    {"log.access", "fields", Type::access_field, many, "", access_field_words, all_works, "what a JSON record holds"},
    {"log.access", "redact", Type::header_name, many, "authorization proxy-authorization cookie", "", all_works,
     "header fields whose values are never written"},

    {"admin", "address", Type::listen_address, many, required, "", all_works, "where operators ask"},
    {"admin", "metrics_path", Type::path_prefix, one, "/metrics", "", all_works, "where Prometheus asks"},
    {"admin", "auth", Type::reference, one, "", "auth", all_works, "who may ask"},

    {"limits", "max_connections", Type::integer, one, "0", "", all_works,
     "connections at a time; 0: as many as the limit of open files lets be"},
    {"limits", "max_connections_per_client", Type::integer, one, "", "", all_works,
     "of one address, of IPv6 a /64; 0: no limit; not written: all but a tenth of max_connections"},
    {"limits", "memory", Type::size, one, "2GiB", "", all_works,
     "for messages under way and what waits to be sent; beyond it new requests get 503"},

    {"server", "headers_timeout", Type::duration, one, "60s", "", all_works, "for a request's head to arrive"},
    {"server", "request_timeout", Type::duration, one, "5m", "", all_works, "for a whole request to arrive"},
    {"server", "min_body_rate", Type::size, one, "240B", "", all_works, "of a request's body in a second; less is a 408"},
    {"server", "min_body_rate_interval", Type::duration, one, "10s", "", all_works, "over which that is measured"},
    {"server", "send_timeout", Type::duration, one, "60s", "", all_works, "a client takes nothing of its answer"},
    {"server", "connections_checking_interval", Type::duration, one, "off", "", all_works,
     "a 408 may be so much late; \"off\": never"},
    {"server", "keep_alive_timeout", Type::duration, one, "5s", "", all_works, "then an idle one is closed"},
    {"server", "timeout", Type::duration, one, "off", "", all_works, "nothing moves on a connection"},
    {"server", "max_requests_per_socket", Type::integer, one, "0", "", all_works, "then it is closed; 0: no limit"},
    {"server", "max_header_size", Type::size, one, "16KiB", "1KiB-64MiB", all_works, "bytes of a request's head"},
    {"server", "max_headers_count", Type::integer, one, "2000", "1-65535", all_works, "lines of a request's head"},
    {"server", "max_body_size", Type::size, one, "off", "", all_works, "bytes of a request's body"},
    {"server", "require_host_header", Type::boolean, one, "true", "", all_works, "HTTP/1.1 without Host gets 400"},
    {"server", "no_delay", Type::boolean, one, "true", "", all_works, "TCP_NODELAY"},
    {"server", "keep_alive", Type::boolean, one, "false", "", all_works, "TCP keep-alive probes of quiet clients"},
    {"server", "keep_alive_initial_delay", Type::duration, one, "off", "", all_works, "before the first; \"off\": the system's"},
    {"server", "high_water_mark", Type::size, one, "64KiB", "1KiB-16MiB", all_works, "what may wait for a slow client"},
    {"server", "allow_half_open", Type::boolean, one, "true", "", all_works,
     "a client that has shut its sending side still gets its answer"},
    {"server", "insecure_http_parser", Type::boolean, one, "false", "", all_works,
     "lenient with old clients: smuggling becomes possible"},
    {"server", "normalize_path", Type::boolean, one, "true", "", all_works, "one form of a path is matched and passed on"},
    {"server", "merge_slashes", Type::boolean, one, "true", "", all_works, "and in it \"//\" is \"/\""},
    {"server", "escaped_slashes", Type::choice, one, "reject", "reject keep", all_works, "and %2F, %5C and \\ in it"},
    {"server", "underscores_in_headers", Type::choice, one, "allow", "allow drop reject", all_works,
     "fields with \"_\" in their names"},
    {"server", "expect_continue", Type::choice, one, "forward", "forward answer reject", all_works,
     "who answers Expect: 100-continue"},
    {"server", "upgrade", Type::protocol, many, "websocket", "", all_works,
     "protocols that a client may change to (Upgrade); []: none"},
    {"server", "upgrade_idle_timeout", Type::duration, one, "10m", "", all_works,
     "nothing moves in an upgraded stream, in either direction"},
    {"server", "upgrade_max_lifetime", Type::duration, one, "off", "", all_works, "then an upgraded stream is closed"},
    {"server", "server_header", Type::header_value, one, "culvert", "", all_works, "Server of culvert's own answers"},
    {"server", "via", Type::header_value, one, "culvert", "", all_works, "name in the Via field; \"off\": none"},
    {"server", "forwarded", Type::table, one, "", "", all_works, "forwarding fields"},
    {"server.forwarded", "trust", Type::network, many, "", "", all_works, "peers whose forwarding fields are believed"},
    {"server.forwarded", "send", Type::choice, many, "x-forwarded-for x-forwarded-proto x-forwarded-host",
     "x-forwarded-for x-forwarded-proto x-forwarded-host forwarded", all_works, "forwarding fields to send"},
    {"server.forwarded", "request_id", Type::header_name, one, "", "", all_works, "field for a request's number"},

    {"listener.*", "address", Type::listen_address, many, required, "", all_works, "where to listen"},
    {"listener.*", "mode", Type::choice, one, "reverse", "reverse forward tcp", all_works,
     "what comes in: requests for servers behind it; for any server; raw streams"},
    {"listener.*", "upstream", Type::upstream, one, "", "", all_works, "mode tcp: where streams go"},
    {"listener.*", "sni", Type::tables, one, "", "", all_works, "mode tcp: where TLS clients go, by the server they want"},
    {"listener.*", "idle_timeout", Type::duration, one, "10m", "", all_works,
     "mode tcp: nothing moves in either direction"},
    {"listener.*", "tunnel", Type::reference, one, "", "tunnel", all_works, "rules for CONNECT; a forward proxy needs them"},
    {"listener.*", "tls", Type::reference, one, "", "tls self-signed", all_works,
     "speak TLS: a [tls.NAME], or \"self-signed\" for development"},
    {"listener.*", "http2", Type::boolean, one, "false", "", "false", "offer HTTP/2"},
    {"listener.*", "proxy_protocol", Type::boolean, one, "false", "", all_works,
     "every connection begins with a PROXY header (version 1 or 2)"},
    {"listener.*", "proxy_protocol_from", Type::network, many, "", "", all_works, "peers that may send it; empty: any"},
    {"listener.*", "max_connections", Type::integer, one, "0", "", all_works, "connections at a time; 0: no limit"},

    {"listener.*.sni[]", "server_name", Type::host, many, required, "", all_works,
     "the client wants this server; \"*.example.com\" for all below"},
    {"listener.*.sni[]", "upstream", Type::upstream, one, required, "", all_works, "where its stream goes"},

    {"tls.*", "certificate", Type::file_or_tables, one, "", "", all_works, "PEM file, or [[tls.NAME.certificate]]"},
    {"tls.*", "key", Type::secret, one, "", "", all_works, "PEM file of the private key"},
    {"tls.*", "min_version", Type::choice, one, "1.2", "1.2 1.3", all_works, "lowest TLS version"},
    {"tls.*", "alpn", Type::text, many, "http/1.1", "", not_yet, "protocols to offer"},
    {"tls.*", "handshake_timeout", Type::duration, one, "10s", "", all_works, "for the handshake to end"},
    {"tls.*", "watch", Type::boolean, one, "true", "", all_works, "read the files again when they change"},
    {"tls.*", "client_ca", Type::file, one, "", "", not_yet, "who signs clients' certificates"},
    {"tls.*", "client_auth", Type::choice, one, "off", "off optional required", "off", "ask clients to identify"},
    {"tls.*.certificate[]", "certificate", Type::file, one, required, "", all_works, "PEM file"},
    {"tls.*.certificate[]", "key", Type::secret, one, required, "", all_works, "PEM file of the private key"},

    {"route[]", "name", Type::text, one, "", "", all_works, "for logs; \"route N\" where none is given"},
    {"route[]", "listener", Type::reference, many, "", "listener", all_works, "came in there"},
    {"route[]", "host", Type::host, many, "", "", all_works, "asked for this host; \"*.example.com\" for all below"},
    {"route[]", "path", Type::path, many, "", "", all_works, "asked for this path; \"/api/*\" for all below"},
    {"route[]", "path_regex", Type::regex, one, "", "", all_works, "the path matches (RE2)"},
    {"route[]", "method", Type::method, many, "", "", all_works, "request method"},
    {"route[]", "header", Type::header_fields, one, "", "", all_works, "has this field; \"*\" for any value"},
    {"route[]", "query", Type::fields, one, "", "", all_works, "has this query parameter; \"*\" for any value"},
    {"route[]", "client", Type::network, many, "", "", all_works, "came from there"},
    {"route[]", "upstream", Type::upstream, one, "", "", all_works, "action: pass on; a name or \"http://HOST:PORT\""},
    {"route[]", "redirect", Type::table, one, "", "", all_works, "action: send elsewhere"},
    {"route[]", "respond", Type::table, one, "", "", all_works, "action: answer"},
    {"route[]", "tunnel", Type::reference, one, "", "tunnel", all_works, "serve CONNECT by these rules"},
    {"route[]", "echo", Type::boolean, one, "false", "", all_works, "action: show the request, for trying out"},
    {"route[]", "static", Type::file, one, "", "", not_yet, "action: files of a folder"},
    {"route[]", "strip_prefix", Type::path_prefix, one, "", "", all_works, "take this off the path"},
    {"route[]", "rewrite", Type::template_text, one, "", "path query", all_works, "the path to ask for instead"},
    {"route[]", "request_headers", Type::table, one, "", "", all_works, "changes on the way up"},
    {"route[]", "response_headers", Type::table, one, "", "", all_works, "changes on the way back"},
    {"route[]", "auth", Type::reference, one, "", "auth", all_works, "who may pass"},
    {"route[]", "forward_authorization", Type::boolean, one, "false", "", all_works,
     "with auth: pass on the credentials as well"},
    {"route[]", "upgrade", Type::protocol, many, "", "", all_works, "as in [server]"},
    {"route[]", "upgrade_idle_timeout", Type::duration, one, "", "", all_works,
     "as in [server]; where it is not written, idle_timeout of this route"},
    {"route[]", "upgrade_max_lifetime", Type::duration, one, "", "", all_works, "as in [server]"},
    {"route[]", "expect_continue", Type::choice, one, "", "forward answer reject", all_works, "as in [server]"},
    {"route[]", "retry", Type::table, one, "", "", all_works, "when to try again"},
    {"route[]", "rate_limit", Type::table, one, "", "", not_yet, "how often a client may ask"},
    {"route[]", "mirror", Type::table, one, "", "", not_yet, "send a copy elsewhere"},
    {"route[]", "buffering", Type::boolean, one, "false", "", "false", "take the whole body before passing it on"},
    {"route[]", "idle_timeout", Type::duration, one, "", "", all_works, "nothing moves in either direction"},
    {"route[]", "response_timeout", Type::duration, one, "", "", all_works, "as in [upstream]"},
    {"route[].redirect", "to", Type::template_text, one, required, "host uri path query", all_works, "where to"},
    {"route[].redirect", "status", Type::integer, one, "308", "301 302 303 307 308", all_works, "status code"},
    {"route[].respond", "status", Type::integer, one, "200", "200-599", all_works, "status code"},
    {"route[].respond", "body", Type::text, one, "", "", all_works, "the answer"},
    {"route[].respond", "content_type", Type::header_value, one, "text/plain", "", all_works, "what the body is"},
    {"route[].request_headers", "set", Type::header_fields, one, "", "", all_works, "replace, or add where missing"},
    {"route[].request_headers", "add", Type::header_fields, one, "", "", all_works, "one more line each"},
    {"route[].request_headers", "remove", Type::header_name, many, "", "", all_works, "all lines of these names"},
    {"route[].response_headers", "set", Type::header_fields, one, "", "", all_works, "replace, or add where missing"},
    {"route[].response_headers", "add", Type::header_fields, one, "", "", all_works, "one more line each"},
    {"route[].response_headers", "remove", Type::header_name, many, "", "", all_works, "all lines of these names"},
    {"route[].retry", "attempts", Type::integer, one, "0", "0-10", all_works, "tries in all; 0: one a server, at least two, and more where kept connections were stale"},
    {"route[].retry", "on", Type::choice, many, "connect-failure reused-connection-closed",
     "connect-failure reused-connection-closed", all_works, "what may be tried again"},
    {"route[].rate_limit", "requests", Type::integer, one, required, "", all_works, "so many"},
    {"route[].rate_limit", "per", Type::duration, one, "1s", "", all_works, "in this time"},
    {"route[].rate_limit", "burst", Type::integer, one, "", "", all_works, "at once"},
    {"route[].rate_limit", "by", Type::text, one, "client", "", all_works, "counted for each"},
    {"route[].mirror", "upstream", Type::upstream, one, required, "", all_works, "where to"},
    {"route[].mirror", "percent", Type::integer, one, "100", "0-100", all_works, "of the requests"},

    {"upstream.*", "servers", Type::server_address, many, "", "", all_works, "\"HOST:PORT\" or \"unix:/PATH\""},
    {"upstream.*", "server", Type::tables, one, "", "", all_works, "a server with its own settings"},
    {"upstream.*", "balance", Type::choice, one, "round_robin",
     "round_robin least_connections random_two consistent_hash first", "round_robin", "which server is next"},
    {"upstream.*", "hash_on", Type::text, one, "", "", not_yet, "for consistent_hash"},
    {"upstream.*", "keep_alive", Type::boolean, one, "true", "", all_works, "connections are used again"},
    {"upstream.*", "keep_alive_msecs", Type::integer, one, "1000", "", all_works, "TCP keep-alive starts after this"},
    {"upstream.*", "max_sockets", Type::integer, one, "0", "", all_works, "to one server; 0: no limit"},
    {"upstream.*", "max_total_sockets", Type::integer, one, "0", "", all_works, "to all servers; 0: no limit"},
    {"upstream.*", "max_free_sockets", Type::integer, one, "256", "", all_works, "that wait to be used again"},
    {"upstream.*", "scheduling", Type::choice, one, "lifo", "lifo fifo", all_works, "which free one is used"},
    {"upstream.*", "timeout", Type::duration, one, "60s", "", all_works, "a free connection is closed after this"},
    {"upstream.*", "local_address", Type::ip_address, one, "", "", all_works, "connect from this address"},
    {"upstream.*", "family", Type::integer, one, "0", "0 4 6", all_works, "4, 6: only such addresses of a name; 0: both"},
    {"upstream.*", "hints", Type::choice, many, "", "addrconfig v4mapped all", all_works, "how names are looked up (getaddrinfo)"},
    {"upstream.*", "auth", Type::secret, one, "", "", all_works, "USER:PASSWORD, sent where a client sends no Authorization"},
    {"upstream.*", "no_delay", Type::boolean, one, "true", "", all_works, "TCP_NODELAY"},
    {"upstream.*", "max_header_size", Type::size, one, "16KiB", "1KiB-64MiB", all_works, "bytes of an answer's head"},
    {"upstream.*", "max_headers_count", Type::integer, one, "2000", "1-65535", all_works, "lines of an answer's head"},
    {"upstream.*", "insecure_http_parser", Type::boolean, one, "false", "", all_works, "lenient with old servers"},
    {"upstream.*", "connect_timeout", Type::duration, one, "3s", "", all_works, "for a connection to be made"},
    {"upstream.*", "response_timeout", Type::duration, one, "60s", "", all_works, "for an answer to begin"},
    {"upstream.*", "host_header", Type::choice, one, "client", "client upstream", all_works, "whose Host is sent"},
    {"upstream.*", "send_proxy_protocol", Type::choice, one, "off", "off v1 v2", all_works,
     "connections begin with the client's address, and are used once"},
    {"upstream.*", "resolve", Type::duration, one, "30s", "", all_works, "how long a name's addresses are used"},
    {"upstream.*", "retry_budget", Type::table, one, "", "", not_yet, "how much may be tried again"},
    {"upstream.*", "outlier", Type::table, one, "", "", not_yet, "leave out servers that fail"},
    {"upstream.*", "tls", Type::table, one, "", "", not_yet, "TLS to the servers"},
    {"upstream.*", "health", Type::table, one, "", "", not_yet, "ask servers how they are"},
    {"upstream.*.server[]", "address", Type::server_address, one, required, "", all_works, "\"HOST:PORT\""},
    {"upstream.*.server[]", "weight", Type::integer, one, "1", "1-1000", "1", "its share"},
    {"upstream.*.server[]", "backup", Type::boolean, one, "false", "", "false", "only when no other is left"},
    {"upstream.*.retry_budget", "percent", Type::integer, one, "20", "0-100", all_works, "of the requests"},
    {"upstream.*.retry_budget", "min_per_second", Type::integer, one, "3", "", all_works, "always allowed"},
    {"upstream.*.outlier", "consecutive_failures", Type::integer, one, "5", "1-1000", all_works, "then it is left out"},
    {"upstream.*.outlier", "eject_for", Type::duration, one, "30s", "", all_works, "for so long"},
    {"upstream.*.outlier", "max_ejected_percent", Type::integer, one, "50", "0-100", all_works, "at most"},
    {"upstream.*.tls", "server_name", Type::host, one, "", "", all_works, "name in the certificate"},
    {"upstream.*.tls", "ca", Type::file, one, "", "", all_works, "who signs it"},
    {"upstream.*.tls", "verify", Type::boolean, one, "true", "", all_works, "check it"},
    {"upstream.*.health", "path", Type::path_prefix, one, "/", "", all_works, "what to ask for"},
    {"upstream.*.health", "interval", Type::duration, one, "5s", "", all_works, "how often"},
    {"upstream.*.health", "timeout", Type::duration, one, "2s", "", all_works, "for the answer"},
    {"upstream.*.health", "fall", Type::integer, one, "3", "1-1000", all_works, "failures until it is left out"},
    {"upstream.*.health", "rise", Type::integer, one, "2", "1-1000", all_works, "successes until it is back"},
    {"upstream.*.health", "expect_status", Type::text, one, "200-299", "", all_works, "what is a success"},

    {"tunnel.*", "auth", Type::reference, one, "", "auth", all_works, "who may pass"},
    {"tunnel.*", "default", Type::choice, one, "", "deny allow", all_works,
     "where no rule matches; not written it is deny, and allow where there are no rules at all"},
    {"tunnel.*", "learn", Type::file, one, "", "", all_works,
     "what the rules deny passes while this is here, and is written to this file as rules"},
    {"tunnel.*", "private_networks", Type::networks_or_choice, many, "deny", "deny allow", all_works,
     "destinations that are not public, judged by the resolved address; metadata services only where they are listed"},
    {"tunnel.*", "ports", Type::integer, many, "443", "1-65535", all_works, "for CONNECT, where no rule decides"},
    {"tunnel.*", "http_ports", Type::integer, many, "80", "1-65535", all_works,
     "for requests with an http:// target, where no rule decides"},
    {"tunnel.*", "require_sni", Type::boolean, one, "false", "", all_works,
     "only TLS whose ClientHello names the host that CONNECT names"},
    {"tunnel.*", "encrypted_client_hello", Type::choice, one, "allow", "allow deny", all_works,
     "with require_sni: a ClientHello that may have another, encrypted name"},
    {"tunnel.*", "hello_timeout", Type::duration, one, "10s", "", all_works, "with require_sni: for the ClientHello to arrive"},
    {"tunnel.*", "parent", Type::parent_proxy, many, "", "", all_works,
     "proxies to go through: the first in the list that can be reached"},
    {"tunnel.*", "parent_auth", Type::secret, one, "", "", all_works, "USER:PASSWORD for these proxies"},
    {"tunnel.*", "parent_check_interval", Type::duration, one, "5s", "", all_works,
     "a proxy that cannot be reached is left out until it can be, looked at so often; off: each request tries it"},
    {"tunnel.*", "connect_timeout", Type::duration, one, "10s", "", all_works,
     "for the destination, or for each parent that is tried: name lookup, connection, a parent's answer"},
    {"tunnel.*", "idle_timeout", Type::duration, one, "5m", "", all_works, "nothing moves in either direction"},
    {"tunnel.*", "max_lifetime", Type::duration, one, "off", "", all_works, "then it is closed"},
    {"tunnel.*", "max_bytes", Type::size, one, "off", "", all_works, "of a tunnel, both directions together"},
    {"tunnel.*", "bandwidth", Type::size, one, "off", "", all_works, "of a tunnel, in a second and each direction"},
    {"tunnel.*", "bandwidth_per_client", Type::size, one, "off", "", all_works,
     "of all tunnels of a user, or else of an address, in a second and each direction"},
    {"tunnel.*", "max_bytes_per_client", Type::size, one, "off", "", all_works,
     "of all tunnels and forwarded bodies of a user, or else of an address, both directions, in an interval"},
    {"tunnel.*", "max_bytes_per_client_interval", Type::duration, one, "1d", "", all_works,
     "which begins with its first byte; \"off\": it has no end"},
    {"tunnel.*", "max_tunnels", Type::integer, one, "0", "", all_works, "at a time; 0: no limit"},
    {"tunnel.*", "max_tunnels_per_client", Type::integer, one, "0", "", all_works, "of one client; 0: no limit"},
    {"tunnel.*", "rule", Type::tables, one, "", "", all_works, "the first that matches decides"},
    {"tunnel.*.rule[]", "name", Type::text, one, "", "", all_works, "for logs"},
    {"tunnel.*.rule[]", "allow", Type::tunnel_rule, many, "", "", all_works, "targets HOST:PORT"},
    {"tunnel.*.rule[]", "deny", Type::tunnel_rule, many, "", "", all_works, "targets HOST:PORT"},
    {"tunnel.*.rule[]", "users", Type::text, many, "", "", all_works, "only for these"},
    {"tunnel.*.rule[]", "clients", Type::network, many, "", "", all_works, "only from there"},
    {"tunnel.*.rule[]", "require_sni", Type::boolean, one, "", "", all_works, "as in [tunnel.NAME]"},
    {"tunnel.*.rule[]", "private_networks", Type::networks_or_choice, many, "", "deny allow", all_works,
     "as in [tunnel.NAME]"},
    {"tunnel.*.rule[]", "parent", Type::parent_proxy, many, "", "direct", all_works,
     "in place of those of [tunnel.NAME]; direct: no proxy"},
    {"tunnel.*.rule[]", "parent_auth", Type::secret, one, "", "", all_works,
     "USER:PASSWORD for this rule's own proxies"},

    {"auth.*", "type", Type::choice, one, "basic", "basic", all_works, "how users identify"},
    {"auth.*", "realm", Type::header_value, one, "culvert", "", all_works, "what users are told they enter"},
    {"auth.*", "users", Type::secret, one, required, "", all_works, "lines of USER:HASH (culvert hash-password)"},
    {"auth.*", "max_failures", Type::integer, one, "10", "0-10000", all_works,
     "wrong passwords of a client, and for a user, before they have to wait; 0: no limit"},
    {"auth.*", "failure_interval", Type::duration, one, "6s", "", all_works, "then one in this time"},
    {"auth.*", "cache_timeout", Type::duration, one, "5m", "", all_works,
     "a right password that is not used is hashed again after this"},
};

}  // namespace

std::span<const Key> schema() { return rows; }

const Key* find_key(std::string_view section, std::string_view name) {
  const auto found = std::find_if(std::begin(rows), std::end(rows),
                                  [&](const Key& key) { return key.section == section && key.name == name; });
  if (found != std::end(rows)) return &*found;
  return section == "listener.*" ? find_key("server", name) : nullptr;
}

std::vector<std::string_view> names_in(std::string_view section) {
  std::vector<std::string_view> names;
  for (const Key& key : rows) {
    const bool belongs = key.section == section || (section == "listener.*" && key.section == "server");
    if (belongs) names.push_back(key.name);
  }
  return names;
}

std::string section_of(const Key& key) {
  std::string section(key.section);
  if (!section.empty()) section += '.';
  section += key.name;
  if (key.type == Type::named_tables) section += ".*";
  if (key.type == Type::tables || key.type == Type::file_or_tables) section += "[]";
  return section;
}

std::vector<std::string_view> words_of(std::string_view choices) {
  std::vector<std::string_view> words;
  while (!choices.empty()) {
    const std::size_t end = std::min(choices.find(' '), choices.size());
    words.push_back(choices.substr(0, end));
    choices.remove_prefix(std::min(end + 1, choices.size()));
  }
  return words;
}

}  // namespace culvert::config
