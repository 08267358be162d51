// If this fails, culvert does something else than its configuration says.
#include "config/load.hpp"

#include "config/temporary_folder.hpp"

namespace culvert::config {
namespace {

using namespace std::chrono_literals;

class Load : public TemporaryFolder {
 protected:
  Config load_text(std::string_view text) {
    const Loaded loaded = load(write("culvert.toml", text));
    EXPECT_EQ(to_text(loaded.diagnostics), "");
    return loaded.config ? *loaded.config : Config{};
  }
};

Address address(std::string_view ip, std::uint16_t port) {
  Address out;
  out.ip = *Endpoint::parse_ip(ip, port);
  return out;
}

constexpr std::string_view minimal = R"(
[listener.web]
address = "127.0.0.1:8080"
[[route]]
path = "/*"
upstream = "http://127.0.0.1:3000"
)";

TEST_F(Load, LeavesEverythingElseAtItsDefault) {
  Config expected;
  expected.listeners.push_back({"web", {address("127.0.0.1", 8080)}, {}, 0, {}});
  Route route;
  route.name = "route 1";
  route.match.paths = {{"", true}};
  route.action = ToUpstream{"http://127.0.0.1:3000"};
  expected.routes.push_back(route);
  Upstream upstream;
  upstream.name = "http://127.0.0.1:3000";
  upstream.servers = {address("127.0.0.1", 3000)};
  expected.upstreams[upstream.name] = upstream;
  EXPECT_EQ(load_text(minimal), expected);
}

TEST_F(Load, ReadsTheProcessSections) {
  const Config config = load_text(std::string(minimal) + R"(
[process]
threads = 3
shutdown_timeout = "1m"
reuse_port = false
watchdog = false
[log]
level = "debug"
format = "json"
target = "culvert.log"
[log.access]
file = "/var/log/access.log"
format = "combined"
fields = ["time", "route"]
redact = []
[limits]
max_connections = 50_000
max_connections_per_client = 100
)");
  EXPECT_EQ(config.process, (Process{.threads = 3, .shutdown_timeout = 60s, .reuse_port = false, .watchdog = false}));
  const AccessLog access{"/var/log/access.log", AccessFormat::combined, {"time", "route"}, {}};
  EXPECT_EQ(config.log, (Log{LogLevel::debug, LogFormat::json, path("culvert.log"), access}));
  EXPECT_EQ(config.limits, (Limits{50'000, 100}));
}

TEST_F(Load, ListenersInheritFromServer) {
  const Config config = load_text(R"(
[server]
headers_timeout = "10s"
request_timeout = "off"
timeout = "2m"
max_requests_per_socket = 7
max_header_size = "8KiB"
max_headers_count = 100
max_body_size = "10MB"
require_host_header = false
no_delay = false
expect_continue = "answer"
upgrade = []
upgrade_idle_timeout = "1h"
upgrade_max_lifetime = "1d"
server_header = "off"
hsts = "365d"
hsts_options = ["include_subdomains"]
[server.forwarded]
trust = ["127.0.0.0/8"]
send = ["forwarded"]
request_id = "x-request-id"
[listener.web]
address = [":80", "unix:web.sock", "unix:/run/web.sock"]
max_connections = 5
keep_alive_timeout = "75s"
no_delay = true
via = "edge"
hsts = "off"
upgrade = ["irc/6.9", "tcp"]
forwarded = { trust = [] }
[listener.plain]
address = "[::1]:81"
[[route]]
echo = true
)");
  ASSERT_EQ(config.listeners.size(), 2u);
  Server server;
  server.headers_timeout = 10s;
  server.request_timeout = off;
  server.timeout = 2min;
  server.max_requests_per_socket = 7;
  server.max_header_size = 8192;
  server.max_headers_count = 100;
  server.max_body_size = 10'000'000;
  server.require_host_header = false;
  server.no_delay = false;
  server.expect_continue = ExpectContinue::answer;
  server.upgrade = {};
  server.upgrade_idle_timeout = 1h;
  server.upgrade_max_lifetime = 24h;
  server.server_header = "";
  server.hsts = std::chrono::hours(24 * 365);
  server.hsts_options = {"include_subdomains"};
  server.forwarded = {{{*Endpoint::parse_ip("127.0.0.0"), 8}}, false, false, false, true, false, false, "x-request-id"};
  EXPECT_EQ(config.listeners[1], (Listener{"plain", {address("::1", 81)}, {}, 0, server}));

  server.keep_alive_timeout = 75s;
  server.no_delay = true;
  server.via = "edge";
  server.hsts = off;
  server.upgrade = {"irc/6.9", "tcp"};
  server.forwarded.trust.clear();
  const Address relative{Address::Kind::unix_path, {}, path("web.sock"), 0};
  const Address absolute{Address::Kind::unix_path, {}, "/run/web.sock", 0};
  EXPECT_EQ(config.listeners[0],
            (Listener{"web", {address("0.0.0.0", 80), address("::", 80), relative, absolute}, {}, 5, server}));
}

TEST_F(Load, ReadsEveryCondition) {
  const Config config = load_text(R"(
[listener.web]
address = "127.0.0.1:80"
[[route]]
name = "narrow"
listener = "web"
host = ["Example.com", "*.example.com"]
path = ["/a", "/b/*"]
method = "GET"
header = { X-Beta = "1", X-Any = "*" }
query = { preview = "*" }
client = ["10.0.0.0/8", "::1"]
echo = true
[[route]]
path_regex = "^/(.*)$"
echo = true
)");
  ASSERT_EQ(config.routes.size(), 2u);
  const Match expected{{"web"},
                       {{"example.com", false}, {".example.com", true}},
                       {{"/a", false}, {"/b", true}},
                       "",
                       {"GET"},
                       {{"X-Beta", "1", false}, {"X-Any", "", true}},
                       {{"preview", "", true}},
                       {{*Endpoint::parse_ip("10.0.0.0"), 8}, {*Endpoint::parse_ip("::1"), 128}}};
  EXPECT_EQ(config.routes[0].name, "narrow");
  EXPECT_EQ(config.routes[0].match, expected);
  EXPECT_EQ(config.routes[1].name, "route 2");
  EXPECT_EQ(config.routes[1].match.path_regex, "^/(.*)$");
}

TEST_F(Load, ReadsEveryAction) {
  const Config config = load_text(R"(
[listener.web]
address = "127.0.0.1:80"
[[route]]
path = "/1"
upstream = "api"
[[route]]
path = "/2"
redirect = { to = "https://{host}{uri}", status = 301 }
[[route]]
path = "/3"
redirect = { to = "/" }
[[route]]
path = "/4"
respond = { status = 503, body = "later\n", content_type = "text/html" }
[[route]]
path = "/5"
respond = {}
[[route]]
path = "/6"
echo = true
[upstream.api]
servers = "127.0.0.1:80"
)");
  ASSERT_EQ(config.routes.size(), 6u);
  EXPECT_EQ(std::get<ToUpstream>(config.routes[0].action).upstream, "api");
  EXPECT_EQ(std::get<Redirect>(config.routes[1].action), (Redirect{"https://{host}{uri}", 301}));
  EXPECT_EQ(std::get<Redirect>(config.routes[2].action), (Redirect{"/", 308}));
  EXPECT_EQ(std::get<Respond>(config.routes[3].action), (Respond{503, "later\n", "text/html"}));
  EXPECT_EQ(std::get<Respond>(config.routes[4].action), (Respond{200, "", "text/plain"}));
  EXPECT_TRUE(std::holds_alternative<Echo>(config.routes[5].action));
}

TEST_F(Load, ReadsWhatARouteChanges) {
  const Config config = load_text(R"(
[listener.web]
address = "127.0.0.1:80"
[[route]]
path_regex = "^/v1/(.*)$"
echo = true
strip_prefix = "/v1"
rewrite = "/v2/{1}"
expect_continue = "reject"
retry = { attempts = 4, on = ["connect-failure"] }
buffering = false
idle_timeout = "1h"
response_timeout = "off"
request_headers = { set = { X-B = "1", X-A = "2" }, remove = ["X-Debug"] }
response_headers.add = { Strict-Transport-Security = "max-age=1" }
[[route]]
echo = true
)");
  ASSERT_EQ(config.routes.size(), 2u);
  const Route& route = config.routes[0];
  EXPECT_EQ(route.strip_prefix, "/v1");
  EXPECT_EQ(route.rewrite, "/v2/{1}");
  EXPECT_EQ(route.expect_continue, ExpectContinue::reject);
  EXPECT_EQ(route.retry, (Retry{4, true, false}));
  EXPECT_EQ(route.idle_timeout, milliseconds(1h));
  EXPECT_EQ(route.response_timeout, off);
  EXPECT_EQ(route.request_headers, (HeaderChanges{{"X-Debug"}, {{"X-B", "1"}, {"X-A", "2"}}, {}}));
  EXPECT_EQ(route.response_headers, (HeaderChanges{{}, {}, {{"Strict-Transport-Security", "max-age=1"}}}));
  EXPECT_EQ(config.routes[1].idle_timeout, std::nullopt);
  EXPECT_EQ(config.routes[1].response_timeout, std::nullopt);
  EXPECT_EQ(config.routes[1].expect_continue, std::nullopt);
}

TEST_F(Load, ReadsUpstreamsThatARouteUses) {
  const Config config = load_text(R"(
[listener.web]
address = "127.0.0.1:80"
[[route]]
path = "/a"
upstream = "api"
[[route]]
path = "/b"
upstream = "list"
[upstream.api]
servers = ["10.0.0.11:8000", "api.internal:8000", "unix:api.sock", "http://[::1]"]
balance = "round_robin"
keep_alive = false
keep_alive_msecs = 2000
max_sockets = 1
max_total_sockets = 20
max_free_sockets = 3
scheduling = "fifo"
timeout = "4s"
connect_timeout = "5s"
response_timeout = "6s"
host_header = "upstream"
resolve = "7s"
[[upstream.list.server]]
address = "127.0.0.1:1"
[[upstream.list.server]]
address = "127.0.0.1:2"
weight = 1
backup = false
[upstream.unused]
servers = ["127.0.0.1:3"]
)");
  Upstream api;
  api.name = "api";
  api.servers = {address("10.0.0.11", 8000),
                 Address{Address::Kind::name, {}, "api.internal", 8000},
                 Address{Address::Kind::unix_path, {}, path("api.sock"), 0},
                 address("::1", 80)};
  api.host_header = HostHeader::upstream;
  api.keep_alive = false;
  api.keep_alive_msecs = 2s;
  api.max_sockets = 1;
  api.max_total_sockets = 20;
  api.max_free_sockets = 3;
  api.scheduling = Scheduling::fifo;
  api.timeout = 4s;
  api.connect_timeout = 5s;
  api.response_timeout = 6s;
  api.resolve = 7s;
  ASSERT_EQ(config.upstreams.size(), 2u);
  EXPECT_EQ(config.upstreams.at("api"), api);
  EXPECT_EQ(config.upstreams.at("list").servers, (std::vector<UpstreamServer>{address("127.0.0.1", 1), address("127.0.0.1", 2)}));
}

TEST_F(Load, ReadsHowServersAreChosenAndJudged) {
  const Config config = load_text(R"(
[listener.web]
address = "127.0.0.1:8080"
[[route]]
upstream = "api"
retry = { attempts = 4, on = ["reset", "response-timeout"], on_status = [500, 503], try_timeout = "1s", timeout = "2s", hedge_after = "50ms", max_body_size = "1KiB" }
[upstream.api]
balance = "consistent_hash"
hash_on = "cookie:sid"
affinity = { cookie = "home", max_age = "2h" }
slow_start = "3s"
panic_percent = 40
max_requests = 5
hold = { timeout = "6s", max_requests = 7 }
retry_budget = { percent = 8, min_per_second = 9 }
self_tuning = false
check_free_after = "off"
max_pending = 10
pending_timeout = "11s"
[upstream.api.outlier]
consecutive_failures = 1
statuses = [500]
error_percent = 2
latency_factor = 3
interval = "4s"
min_requests = 5
eject_for = "6s"
max_ejected_percent = 7
[upstream.api.health]
path = "/up"
host = "a.test"
interval = "1s"
timeout = "2s"
fall = 4
rise = 5
expect_status = ["204", "300-399"]
expect_body = "well"
expect_header = { X-A = "*" }
[[upstream.api.server]]
address = "127.0.0.1:1"
weight = 12
[[upstream.api.server]]
address = "127.0.0.1:2"
backup = true
drain = true
)");
  Retry retry;
  retry.attempts = 4;
  retry.on_connect_failure = false;
  retry.on_reused_connection_closed = false;
  retry.on_reset = true;
  retry.on_response_timeout = true;
  retry.on_status = {500, 503};
  retry.try_timeout = 1s;
  retry.timeout = 2s;
  retry.hedge_after = 50ms;
  retry.max_body_size = 1024;
  EXPECT_EQ(config.routes.at(0).retry, retry);
  Upstream api;
  api.name = "api";
  api.servers = {address("127.0.0.1", 1), address("127.0.0.1", 2)};
  api.servers[0].weight = 12;
  api.servers[1].backup = true;
  api.servers[1].drain = true;
  api.balance = Balance::consistent_hash;
  api.hash_on = {HashOn::Kind::cookie, "sid"};
  api.affinity = Affinity{"home", 2h};
  api.slow_start = 3s;
  api.panic_percent = 40;
  api.max_requests = 5;
  api.hold = {6s, 7};
  api.retry_budget = {8, 9};
  api.self_tuning = false;
  api.check_free_after = milliseconds{0};
  api.max_pending = 10;
  api.pending_timeout = 11s;
  api.outlier = {1, {500}, 2, 3, 4s, 5, 6s, 7};
  api.health = HealthCheck{HealthType::http, "/up", "a.test", 1s, 2s, 4, 5, {{204, 204}, {300, 399}}, "well", {{"X-A", "*"}}};
  EXPECT_EQ(config.upstreams.at("api"), api);
}

TEST_F(Load, SaysThatAFileCannotBeRead) {
  for (const std::string& file : {path("none.toml"), path("")}) {
    const Loaded loaded = load(file);
    EXPECT_EQ(loaded.config, nullptr);
    ASSERT_EQ(loaded.diagnostics.size(), 1u);
    EXPECT_EQ(loaded.diagnostics[0].code, "unreadable");
  }
}

// A use of what does not work yet is refused, but only once the rest is right: one thing at a time.
TEST_F(Load, RefusesWhatDoesNotWorkYet) {
  const std::string unsupported = std::string(minimal) + "[[route]]\nrespond = {}\nrate_limit = { requests = 5 }\n";
  const Loaded refused = load(write("a.toml", unsupported));
  EXPECT_EQ(refused.config, nullptr);
  ASSERT_EQ(refused.diagnostics.size(), 1u);
  EXPECT_EQ(refused.diagnostics[0].text, "\"route.rate_limit\" is not supported by this version of culvert");
  EXPECT_EQ(refused.diagnostics[0].code, "unsupported");

  const Loaded wrong = load(write("b.toml", unsupported + "pat = 1\n"));
  ASSERT_EQ(wrong.diagnostics.size(), 1u);
  EXPECT_EQ(wrong.diagnostics[0].code, "unknown-key");
}

}  // namespace
}  // namespace culvert::config
