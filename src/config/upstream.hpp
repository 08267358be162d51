// [upstream.N]: servers, how one of them is chosen and judged, and how connections to them are kept. Part of config.hpp.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/certificate.hpp"
#include "culvert/endpoint.hpp"

namespace culvert::config {

using std::chrono::milliseconds;

enum class Scheduling : std::uint8_t { lifo, fifo };
enum class HostHeader : std::uint8_t { client, upstream };
enum class SendProxyProtocol : std::uint8_t { none, v1, v2 };
enum class Balance : std::uint8_t { round_robin, least_connections, random_two, consistent_hash, first };

// How servers are spoken to by TLS. Texts of PEM files.
struct UpstreamTls {
  std::string server_name;  // that their certificates are for; empty: the host of each
  std::string ca;           // who signs them; empty: whom the system believes
  bool verify = true;
  PemPair client;           // shown to those that ask; empty: nothing
  bool only_1_3 = false;
  bool operator==(const UpstreamTls&) const = default;
};

struct UpstreamServer {
  UpstreamServer(Address where) : address(std::move(where)) {}  // NOLINT: most servers are an address and nothing else
  Address address;           // any kind
  std::uint32_t weight = 1;  // its share
  bool backup = false;       // asked when no other can be
  bool drain = false;        // asked for nothing new
  bool operator==(const UpstreamServer&) const = default;
};

// What a request is sent to always the same server by.
struct HashOn {
  enum class Kind : std::uint8_t { client, path, query, header, cookie };
  Kind kind = Kind::client;
  std::string name;  // of the parameter, field or cookie
  bool operator==(const HashOn&) const = default;
};

// Clients come back to the server that they were at, by a cookie.
struct Affinity {
  std::string cookie;
  milliseconds max_age{0};  // 0: until the browser is closed
  bool operator==(const Affinity&) const = default;
};

// From one status to another, both included.
struct StatusRange {
  std::uint16_t first = 200;
  std::uint16_t last = 299;
  bool contains(std::uint16_t status) const { return first <= status && status <= last; }
  bool operator==(const StatusRange&) const = default;
};

enum class HealthType : std::uint8_t { http, tcp };

// Servers are asked how they are.
struct HealthCheck {
  HealthType type = HealthType::http;
  std::string path = "/";
  std::string host;  // of the Host field; empty: the server's
  milliseconds interval{5'000};
  milliseconds timeout{2'000};
  std::uint32_t fall = 3;  // failures in a row until it is left out
  std::uint32_t rise = 2;  // successes in a row until it is back
  std::vector<StatusRange> expect_status{{}};
  std::string expect_body;  // somewhere in its first 64 KiB; empty: anything
  std::vector<std::pair<std::string, std::string>> expect_headers;  // "*": whatever its value
  bool operator==(const HealthCheck&) const = default;
};

// Servers are judged by what becomes of requests.
struct Outlier {
  std::uint32_t consecutive_failures = 5;  // 0: they are not counted
  std::vector<std::uint16_t> statuses{502, 503, 504};  // that are failures as well
  std::uint32_t error_percent = 0;  // of an interval's requests; 0: it does not matter
  std::uint32_t latency_factor = 0;  // so many times the median of all servers' means, in an interval; 0: it does not matter
  milliseconds interval{10'000};
  std::uint32_t min_requests = 50;  // in an interval, for the two above
  milliseconds eject_for{30'000};
  std::uint32_t max_ejected_percent = 50;
  bool operator==(const Outlier&) const = default;
};

// How many requests may be sent a second time that a server may have had once.
struct RetryBudget {
  std::uint32_t percent = 20;        // of the requests of the last ten seconds
  std::uint32_t min_per_second = 3;  // these besides
  bool operator==(const RetryBudget&) const = default;
};

// Requests wait while no server can be reached.
struct Hold {
  milliseconds timeout{0};  // 0: they do not
  std::uint32_t max_requests = 1000;
  bool operator==(const Hold&) const = default;
};

struct Upstream {
  std::string name;                     // a URL used in a route is an upstream named by that URL
  std::vector<UpstreamServer> servers;  // at least one
  std::optional<UpstreamTls> tls;       // none: without
  HostHeader host_header = HostHeader::client;
  SendProxyProtocol send_proxy_protocol = SendProxyProtocol::none;  // else no connection is kept
  // which server is asked
  Balance balance = Balance::round_robin;
  HashOn hash_on;
  std::optional<Affinity> affinity;
  milliseconds slow_start{0};          // how long the share of a server that is back grows; 0: it has all at once
  std::uint32_t panic_percent = 0;     // fewer than that can be used: then all are
  std::optional<HealthCheck> health;
  Outlier outlier;
  RetryBudget retry_budget;
  std::uint32_t max_requests = 0;      // under way, of all workers; 0: no limit
  Hold hold;
  // agent: named after Node's http.Agent
  bool keep_alive = true;
  milliseconds keep_alive_msecs{1000};
  std::uint32_t max_sockets = 0;        // 0: no limit
  std::uint32_t max_total_sockets = 0;  // 0: no limit
  std::uint32_t max_free_sockets = 256;
  Scheduling scheduling = Scheduling::lifo;
  milliseconds timeout{60'000};         // a free connection is closed after this
  bool self_tuning = true;
  milliseconds check_free_after{10};    // off: only for what cannot be repeated
  std::uint32_t max_pending = 0;        // 0: no limit
  milliseconds pending_timeout{0};      // 0: then connect_timeout is for the wait as well
  Endpoint local_address;               // Family::none: wherever
  int family = 0;                       // 4, 6; 0: both
  int hints = 0;                        // flags of getaddrinfo; 0: as the resolver likes
  std::string auth;                     // "user:password" for Authorization; empty: none
  bool no_delay = true;
  std::uint32_t max_header_size = 16 * 1024;
  std::uint32_t max_headers_count = 2000;
  bool insecure_http_parser = false;
  milliseconds connect_timeout{3'000};
  milliseconds response_timeout{60'000};
  std::optional<milliseconds> resolve;  // how often names are looked up, no_limit: once; none: as their records say
  // of parent proxies
  bool of_tunnel = false;               // `name` is that of a [tunnel.NAME]
  std::string proxy_auth;               // "user:password" for Proxy-Authorization; empty: none
  milliseconds check_interval{0};       // a server that cannot be reached is left out, and looked at so often; 0: it is not
  bool operator==(const Upstream&) const = default;
};

}  // namespace culvert::config
