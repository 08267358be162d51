// What the operator wrote, as plain checked structs: every default filled in, every name resolved, every address
// parsed. Immutable once made; crosses threads as shared_ptr<const Config>. Equal structs mean "did not change".
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/certificate.hpp"
#include "base/client_auth.hpp"
#include "config/host_pattern.hpp"
#include "config/network.hpp"
#include "config/text_pattern.hpp"
#include "config/tunnel.hpp"
#include "config/upstream.hpp"
#include "culvert/endpoint.hpp"

namespace culvert::config {

using std::chrono::milliseconds;
inline constexpr milliseconds no_limit = milliseconds::zero();  // a duration written "off" or 0

struct Process {
  std::uint32_t threads = 0;  // 0: one a core
  milliseconds shutdown_timeout{30'000};
  bool reuse_port = true;
  std::uint32_t max_idle_http_parsers = 1000;  // of a worker
  bool watchdog = true;
  bool operator==(const Process&) const = default;
};

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error, off };
enum class LogFormat : std::uint8_t { text, json };
enum class AccessFormat : std::uint8_t { json, combined };

struct AccessLog {
  std::string file;  // "-": standard output
  AccessFormat format = AccessFormat::json;
  std::vector<std::string> fields;  // empty: the default set; names as in access_fields.hpp
  std::vector<std::string> redact{"authorization", "proxy-authorization", "cookie"};
  bool with_users = false;    // the default set has what there is to say of them
  bool with_certificates = false;
  bool with_tunnels = false;
  bool operator==(const AccessLog&) const = default;
};

struct Log {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  std::string target = "stderr";  // "stderr" or a path
  std::optional<AccessLog> access;
  bool operator==(const Log&) const = default;
};

// [admin]: where operators ask.
struct Admin {
  // kind ip or unix_path. None: unix:/run/culvert/admin.sock, where that folder is there.
  std::optional<std::vector<Address>> addresses;
  std::vector<Address> probe_addresses;  // where health and metrics alone are told, to everybody
  std::string metrics_path = "/metrics";
  std::string auth;                      // a key of Config::auths; empty: whoever can connect may ask
  bool operator==(const Admin&) const = default;
};

struct Limits {
  std::uint64_t max_connections = 0;             // 0: what the limit of open files lets be
  std::optional<std::uint64_t> max_connections_per_client;  // none: all but a tenth of all; 0: no limit
  std::uint64_t max_handshakes = 1000;           // of TLS, of a worker; 0: no limit
  std::uint64_t memory = 2'147'483'648;          // bytes; 0: no limit
  bool operator==(const Limits&) const = default;
};

inline constexpr milliseconds off = milliseconds::zero();  // a duration written "off" or 0: no limit

enum class ExpectContinue : std::uint8_t { forward, answer, reject };
enum class EscapedSlashes : std::uint8_t { reject, keep };
enum class UnderscoresInHeaders : std::uint8_t { allow, drop, reject };

struct Forwarded {
  std::vector<Network> trust;  // peers whose forwarding fields are believed
  bool send_for = true;        // X-Forwarded-For
  bool send_proto = true;      // X-Forwarded-Proto
  bool send_host = true;       // X-Forwarded-Host
  bool send_forwarded = false; // Forwarded (RFC 7239)
  bool send_client_cert = true;         // Client-Cert (RFC 9440), of clients that have shown one
  bool send_client_cert_chain = false;  // and Client-Cert-Chain
  std::string request_id;      // field name; empty: none
  bool operator==(const Forwarded&) const = default;
};

// [server], and what a [listener.N] says differently.
struct Server {
  milliseconds headers_timeout{60'000};
  milliseconds request_timeout{300'000};
  std::uint64_t min_body_rate = 240;  // bytes a second; 0: none
  milliseconds min_body_rate_interval{10'000};
  milliseconds send_timeout{60'000};
  milliseconds keep_alive_timeout{5'000};
  milliseconds timeout = no_limit;
  std::uint32_t max_requests_per_socket = 0;
  std::uint32_t max_header_size = 16 * 1024;
  std::uint32_t max_headers_count = 2000;
  std::uint64_t max_body_size = 0;  // 0: no limit
  bool require_host_header = true;
  milliseconds connections_checking_interval{0};  // 0: a 408 is never late
  bool no_delay = true;
  bool keep_alive = false;                        // TCP's probes
  milliseconds keep_alive_initial_delay{0};       // 0: the system's choice
  std::uint32_t high_water_mark = 64 * 1024;
  bool allow_half_open = true;
  bool insecure_http_parser = false;
  bool normalize_path = true;
  bool merge_slashes = true;
  EscapedSlashes escaped_slashes = EscapedSlashes::reject;
  UnderscoresInHeaders underscores_in_headers = UnderscoresInHeaders::allow;
  ExpectContinue expect_continue = ExpectContinue::forward;
  std::vector<std::string> upgrade{"websocket"};  // protocols; empty: no Upgrade is passed on
  milliseconds upgrade_idle_timeout{600'000};
  milliseconds upgrade_max_lifetime = no_limit;
  std::string server_header = "culvert";  // of answers that culvert makes itself; empty: none
  std::string via = "culvert";            // empty: no Via
  milliseconds hsts = off;                // max-age of Strict-Transport-Security; off: none is sent
  std::vector<std::string> hsts_options;  // "include_subdomains", "preload"
  Forwarded forwarded;
  bool operator==(const Server&) const = default;
};

// [[listener.NAME.sni]]: TLS clients that want one of these servers.
struct StreamsByName {
  std::vector<HostPattern> server_names;
  std::string upstream;  // a key of Config::upstreams
  bool operator==(const StreamsByName&) const = default;
};

// What a [listener.NAME] with mode = "tcp" does with its streams.
struct Streams {
  std::vector<StreamsByName> sni;  // in order; empty: the ClientHello is not read
  std::string upstream;            // of all others; empty: they are refused
  milliseconds idle_timeout{600'000};
  bool operator==(const Streams&) const = default;
};

// In place of the name of a [tls.NAME]: for development, with a certificate that nobody vouches for.
inline constexpr std::string_view self_signed = "self-signed";

// The paths of a certificate, its key and a response about it.
struct PemFiles {
  std::string certificate;
  std::string key;   // empty: it is in no file
  std::string ocsp;  // empty: there is none
  bool operator==(const PemFiles&) const = default;
};

// A client that wants a server for which there is no certificate, or names none.
enum class UnknownServerName : std::uint8_t { serve, refuse };
// A request for a host that the certificate of its connection is not for.
enum class MisdirectedRequests : std::uint8_t { serve, refuse };

// [tls.NAME]: what a listener presents, and accepts.
struct Tls {
  std::string name;
  std::vector<PemPair> certificates;  // in order; the first is also for names that none is for. Empty: self-signed
  std::vector<PemFiles> files;        // that each was read from
  bool watch = true;                  // read them again when they change
  bool only_1_3 = false;
  std::vector<std::string> alpn{"http/1.1"};
  UnknownServerName unknown_server_name = UnknownServerName::serve;
  MisdirectedRequests misdirected_requests = MisdirectedRequests::serve;
  std::optional<ClientAuth> client_auth;  // none: clients are not asked for certificates
  milliseconds handshake_timeout{10'000};
  bool operator==(const Tls&) const = default;
};

// What a listener's clients ask for: resources of its own routes, destinations anywhere, or nothing: raw streams.
enum class ListenerMode : std::uint8_t { reverse, forward, tcp };

struct Listener {
  std::string name;
  std::vector<Address> addresses;     // kind ip or unix_path
  std::vector<std::string> inherited; // names of sockets that are passed in, whose addresses the process knows
  std::uint64_t max_connections = 0;  // 0: no limit
  Server server;
  bool proxy_protocol = false;                // every connection begins with a PROXY header
  std::vector<Network> proxy_protocol_from;  // peers that may send it; empty: any. Unix peers may in any case
  ListenerMode mode = ListenerMode::reverse;
  Streams streams;  // mode tcp
  std::string tunnel;                 // a key of Config::tunnels, for CONNECT; empty: none
  std::string tls;                    // a key of Config::tls; empty: none
  bool operator==(const Listener&) const = default;
};

// What to do with a header list, in this order: remove, set, add. Values may hold {placeholders}.
struct HeaderChanges {
  std::vector<std::string> remove;
  std::vector<std::pair<std::string, std::string>> set;
  std::vector<std::pair<std::string, std::string>> add;
  bool empty() const { return remove.empty() && set.empty() && add.empty(); }
  bool operator==(const HeaderChanges&) const = default;
};

struct PathPattern {
  std::string text;     // for "/api/*" it is "/api"; for "/*" it is empty
  bool prefix = false;  // ends in /*: matches text itself and everything below it at a segment border
  bool operator==(const PathPattern&) const = default;
};

// A header or query condition; "*" means: is there, with any value.
struct FieldMatch {
  std::string name;
  std::string value;
  bool any = false;
  bool operator==(const FieldMatch&) const = default;
};

// Of a client's certificate. Each list that is not empty has to match.
struct CertificateMatch {
  std::vector<TextPattern> subjects;
  std::vector<TextPattern> names;         // the first alternative name
  std::vector<std::string> fingerprints;  // SHA-256, 64 capital hex digits
  bool operator==(const CertificateMatch&) const = default;
};

struct Match {
  std::vector<std::string> listeners;  // empty lists match everything
  std::vector<HostPattern> hosts;
  std::vector<PathPattern> paths;
  std::string path_regex;              // RE2; empty: none
  std::vector<std::string> methods;
  std::vector<FieldMatch> headers;
  std::vector<FieldMatch> query;
  std::vector<Network> clients;
  std::optional<CertificateMatch> certificate;  // none: with or without one
  bool operator==(const Match&) const = default;
};

struct ToUpstream {
  std::string upstream;  // a key of Config::upstreams
  bool operator==(const ToUpstream&) const = default;
};
struct Redirect {
  std::string to;  // with {host} {uri} {path} {query} {1}..{9}
  std::uint16_t status = 308;
  bool operator==(const Redirect&) const = default;
};
struct Respond {
  std::uint16_t status = 200;
  std::string body;
  std::string content_type = "text/plain";
  bool operator==(const Respond&) const = default;
};
struct ToTunnel {
  std::string tunnel;  // a key of Config::tunnels
  bool operator==(const ToTunnel&) const = default;
};
struct Echo {  // the built-in demonstration upstream
  bool operator==(const Echo&) const = default;
};

struct Retry {
  std::uint32_t attempts = 0;  // tries in all; 0: one a server, and at least two
  bool on_connect_failure = true;
  bool on_reused_connection_closed = true;
  bool on_reset = false;             // the connection ended before an answer
  bool on_response_timeout = false;  // no answer within try_timeout, or the upstream's response_timeout
  std::vector<std::uint16_t> on_status;
  milliseconds try_timeout = no_limit;  // for an answer to each try; no_limit: the route's response_timeout alone
  milliseconds timeout = no_limit;      // from the first try on; no try begins after it
  milliseconds hedge_after = off;       // without an answer another server is asked as well; off: none is
  std::uint32_t max_body_size = 64 * 1024;  // of a request that can be tried again: so much is kept for that
  bool operator==(const Retry&) const = default;
};

struct Route {
  std::string name;  // "route 3" where the file gives none; unique
  Match match;
  std::variant<ToUpstream, Redirect, Respond, ToTunnel, Echo> action;
  std::string strip_prefix;  // empty: none
  std::string rewrite;       // with {path} {query} {1}..{9}; empty: none
  HeaderChanges request_headers;
  HeaderChanges response_headers;
  std::string auth;                    // a key of Config::auths; empty: everybody may ask
  bool forward_authorization = false;  // where there is `auth`: otherwise it is always passed on
  std::optional<ExpectContinue> expect_continue;
  std::optional<std::vector<std::string>> upgrade;
  std::optional<milliseconds> upgrade_idle_timeout;
  std::optional<milliseconds> upgrade_max_lifetime;
  std::optional<milliseconds> idle_timeout;
  std::optional<milliseconds> response_timeout;
  Retry retry;
  bool operator==(const Route&) const = default;
};

using Users = std::map<std::string, std::string, std::less<>>;  // their names, and the hashes of their passwords

// By a password, or by the certificate that the listener's TLS has asked for.
enum class AuthType : std::uint8_t { basic, certificate };
// What of a certificate is the name of its user: the first alternative name, the common name ...
enum class CertificateName : std::uint8_t { san, cn, subject, fingerprint };

// [auth.N]: who may pass.
struct Auth {
  std::string name;
  AuthType type = AuthType::basic;
  CertificateName certificate_name = CertificateName::san;
  std::string realm = "culvert";
  Users users;
  std::uint32_t max_failures = 10;            // of a client, and for a user, before they have to wait; 0: no limit
  milliseconds failure_interval{6'000};       // then one in this time
  milliseconds cache_timeout{300'000};        // an accepted password that is not used is forgotten after this
  bool operator==(const Auth&) const = default;
};

struct Config {
  Process process;
  Log log;
  Admin admin;
  Limits limits;
  std::vector<Listener> listeners;
  std::vector<Route> routes;               // in order; the first that matches is used
  std::map<std::string, Upstream, std::less<>> upstreams;  // only those that a route or a listener uses
  std::map<std::string, Tls, std::less<>> tls;
  std::map<std::string, Auth, std::less<>> auths;
  std::map<std::string, Tunnel, std::less<>> tunnels;
  bool operator==(const Config&) const = default;
};

}  // namespace culvert::config
