// What would break: curves drawn from figures that are wrong, or a file that Prometheus does not read.
#include "admin/metrics.hpp"

#include <gmock/gmock.h>

#include "admin/exposition.hpp"

namespace culvert::admin {
namespace {

using testing::HasSubstr;

proxy::SharedName name(const std::string& text) { return std::make_shared<const std::string>(text); }

WorkerReport one_worker() {
  WorkerReport report;
  proxy::GatewayReport& gateway = report.gateway;
  gateway.requests.push_back({name("web"), name("api"), "GET", 200, 3});
  proxy::RouteReport route{.route = name("api"), .whole_duration = std::chrono::milliseconds(1500), .request_bytes = 5};
  route.durations[0] = 2;
  route.durations[2] = 1;
  gateway.routes.push_back(route);
  gateway.failures[static_cast<std::size_t>(proxy::Reason::client_aborted)] = 1;
  gateway.tunnels["egress"] = {.begun = 4, .ended = 1, .bytes_up = 10, .bytes_down = 20};
  proxy::UpstreamReport upstream{.name = "api", .retries = 2};
  upstream.pool.opened = 7;
  upstream.pool.closed_by_origin = 3;
  upstream.pool.stale_at_check = 1;
  upstream.servers.push_back({.server = "a:80", .address = "10.0.0.1:80", .under_way = 1, .requests = 9});
  gateway.upstreams.push_back(upstream);
  report.handshakes["web"] = 6;
  gateway.exchanges = 1;
  return report;
}

TEST(Metrics, AddUpWhatWorkersHaveCounted) {
  Summary summary;
  summary.add(one_worker());
  summary.add(one_worker());
  const std::string text = metrics({.version = "1.2"}, summary);
  EXPECT_THAT(text, HasSubstr("culvert_requests_total{listener=\"web\",route=\"api\",method=\"GET\",code=\"200\"} 6\n"));
  EXPECT_THAT(text, HasSubstr("culvert_requests_in_flight 2\n"));
  EXPECT_THAT(text, HasSubstr("culvert_request_bytes_total{route=\"api\"} 10\n"));
  EXPECT_THAT(text, HasSubstr("culvert_failures_total{reason=\"client_aborted\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("culvert_tunnels_active{tunnel=\"egress\"} 6\n"));
  EXPECT_THAT(text, HasSubstr("culvert_tunnel_bytes_total{tunnel=\"egress\",direction=\"down\"} 40\n"));
  EXPECT_THAT(text, HasSubstr("culvert_upstream_retries_total{upstream=\"api\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("culvert_upstream_requests_total{upstream=\"api\",server=\"a:80\",address=\"10.0.0.1:80\"} 18\n"));
  EXPECT_THAT(text, HasSubstr("culvert_upstream_stale_connections_total{upstream=\"api\",seen=\"idle\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("culvert_tls_handshakes_total{listener=\"web\"} 12\n"));
}

TEST(Metrics, BucketsHaveWhatIsBelowThem) {
  Summary summary;
  summary.add(one_worker());
  const std::string text = metrics({}, summary);
  EXPECT_THAT(text, HasSubstr("culvert_request_duration_seconds_bucket{route=\"api\",le=\"0.001\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("culvert_request_duration_seconds_bucket{route=\"api\",le=\"0.002\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("culvert_request_duration_seconds_bucket{route=\"api\",le=\"0.004\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("culvert_request_duration_seconds_bucket{route=\"api\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("culvert_request_duration_seconds_sum{route=\"api\"} 1.5\n"));
  EXPECT_THAT(text, HasSubstr("culvert_request_duration_seconds_count{route=\"api\"} 3\n"));
}

TEST(Metrics, AServerIsUpAsLongAsItGetsRequests) {
  const auto up = [](const proxy::ServerReport& server) { return proxy::is_up(server); };
  EXPECT_TRUE(up({.address = "10.0.0.1:80"}));
  EXPECT_FALSE(up({.address = ""}));
  EXPECT_FALSE(up({.address = "10.0.0.1:80", .drains = true}));
  EXPECT_FALSE(up({.address = "10.0.0.1:80", .failing = true}));
  EXPECT_FALSE(up({.address = "10.0.0.1:80", .ejected_for = std::chrono::milliseconds(1)}));
  EXPECT_FALSE(up({.address = "10.0.0.1:80", .set_aside = true}));
}

TEST(Exposition, ValuesOfLabelsAreEscaped) {
  Exposition out;
  out.gauge("a", "b");
  out.line({{"x", "quote \" slash \\ line \n end"}}, 1);
  EXPECT_EQ(out.take(), "# HELP a b\n# TYPE a gauge\na{x=\"quote \\\" slash \\\\ line \\n end\"} 1\n");
}

TEST(Exposition, TimesKeepTheirSeconds) {
  Exposition out;
  out.gauge("a", "b");
  out.line({}, 1795828887.5);
  EXPECT_THAT(out.take(), HasSubstr("a 1795828887.5\n"));
}

}  // namespace
}  // namespace culvert::admin
