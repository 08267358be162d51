#include "simulation/care_plan.hpp"

#include <algorithm>
#include <array>

#include "simulation/plan.hpp"

namespace culvert::simulation {

namespace {

using namespace std::chrono_literals;
using config::milliseconds;

milliseconds some_ms(Random& random, std::uint64_t least, std::uint64_t most) {
  return milliseconds(random.between(least, most));
}

void choose_balance(Random& random, config::Upstream& upstream) {
  upstream.balance = static_cast<config::Balance>(random.below(5));
  upstream.hash_on = {static_cast<config::HashOn::Kind>(random.below(5)), affinity_name};
  if (random.one_in(3)) upstream.affinity = config::Affinity{affinity_name, random.one_in(2) ? 0ms : 60'000ms};
  if (random.one_in(4)) upstream.slow_start = some_ms(random, 1, 2'000);
  if (random.one_in(4)) upstream.panic_percent = 50;
  if (random.one_in(4)) upstream.max_requests = static_cast<std::uint32_t>(random.between(1, 3));
  for (config::UpstreamServer& server : upstream.servers) {
    server = config::UpstreamServer(server.address);
    server.weight = static_cast<std::uint32_t>(random.between(1, 4));
  }
  if (upstream.servers.size() == 1) return;
  upstream.servers[random.below(2)].backup = random.one_in(4);
  upstream.servers[random.below(2)].drain = random.one_in(6);
}

void choose_judges(Random& random, config::Upstream& upstream) {
  config::Outlier& outlier = upstream.outlier;
  outlier.consecutive_failures = static_cast<std::uint32_t>(random.below(6));
  outlier.eject_for = some_ms(random, 10, 2'000);
  outlier.max_ejected_percent = random.one_in(2) ? 100 : 50;
  outlier.interval = some_ms(random, 50, 1'000);
  outlier.min_requests = 1;
  if (random.one_in(4)) outlier.error_percent = 30;
  if (random.one_in(4)) outlier.latency_factor = 2;
  upstream.health.reset();
  if (!random.one_in(4)) return;
  config::HealthCheck& health = upstream.health.emplace();
  // A look is not on behalf of anybody, and so has no PROXY header.
  const bool speaks_http = upstream.send_proxy_protocol == config::SendProxyProtocol::none;
  health.type = speaks_http && random.one_in(2) ? config::HealthType::http : config::HealthType::tcp;
  health.path = health_path;
  health.interval = some_ms(random, 50, 1'000);
  health.timeout = some_ms(random, 10, 2'000);
  health.fall = static_cast<std::uint32_t>(random.between(1, 3));
  health.rise = static_cast<std::uint32_t>(random.between(1, 3));
  if (random.one_in(3)) health.expect_body = "well";
}

// Nothing of a calm world may be lost by a limit of tries or of their time.
void choose_retries(const Plan& plan, Random& random, config::Upstream& upstream, config::Retry& retry) {
  static constexpr std::array<std::uint32_t, 3> kept{0, 100, 64 * 1024};
  retry = {};
  retry.max_body_size = kept[random.below(kept.size())];
  retry.on_reset = random.one_in(2);
  retry.on_response_timeout = random.one_in(2);
  if (random.one_in(2)) retry.on_status = {503, 404};
  Random of_hedges = random.fork(1);
  if (of_hedges.one_in(2)) retry.hedge_after = some_ms(of_hedges, 1, 500);
  upstream.retry_budget = {};
  if (random.one_in(3)) upstream.retry_budget = {static_cast<std::uint32_t>(random.below(2) * 100), 0};
  if (plan.calm) return;
  retry.attempts = random.one_in(2) ? 0 : static_cast<std::uint32_t>(random.between(1, 4));
  retry.on_connect_failure = !random.one_in(6);
  retry.on_reused_connection_closed = !random.one_in(6);
  if (random.one_in(2)) retry.try_timeout = some_ms(random, 20, 1'000);
  if (random.one_in(3)) retry.timeout = some_ms(random, 20, 3'000);
}

void care_for(const Plan& plan, Random& random, config::Config& config, const std::string& name) {
  config::Upstream& upstream = config.upstreams[name];
  choose_balance(random, upstream);
  choose_judges(random, upstream);
  for (config::Route& route : config.routes) {
    const auto* to = std::get_if<config::ToUpstream>(&route.action);
    if (to != nullptr && to->upstream == name) choose_retries(plan, random, upstream, route.retry);
  }
  upstream.hold = {};
  if (!random.one_in(2)) return;
  upstream.hold.timeout = some_ms(random, 50, random.one_in(2) ? 1'000 : 8'000);
  if (random.one_in(3)) upstream.hold.max_requests = static_cast<std::uint32_t>(random.between(1, 2));
}

// Servers cannot be connected to for a while: one of an upstream, or all.
void choose_outages(Plan& plan, Random& random) {
  for (std::size_t first = 0; first < hosts_max; first += 2) {
    if (!random.one_in(2)) continue;
    const Outage outage{.begins = random.one_in(2) ? 0ms : up_to(random, 500ms), .ends = up_to(random, 8s)};
    const bool all = !random.one_in(3);
    for (std::size_t i = first; i < first + (all ? 2U : 1U); ++i) plan.hosts[i].outage = outage;
  }
}

void note_swift(const Plan& plan, ClientPlan& client) {
  if (client.pipeline > 1 || plan.clients_weather.window == 1) return;
  for (RequestPlan& request : client.requests) {
    request.is_swift = request.framing == Framing::none && request.piece > 1'000 && !request.upgrades;
  }
}

}  // namespace

void add_care(Plan& plan) {
  Random random = Random(plan.seed).fork(11);
  if (plan.clients.empty() || !random.one_in(3)) return;
  // Those that are asked by a forward proxy's clients are other machines, which play the same hosts.
  if (plan.tunnels.clients.empty() && random.one_in(2)) choose_outages(plan, random);
  for (HostPlan& host : plan.hosts) host.fails_looks = random.one_in(3);
  const auto with_care = [&](std::shared_ptr<const config::Config>& before, Random choices) {
    config::Config config = *before;
    for (const char* const name : {"u0", "u1"}) care_for(plan, choices, config, name);
    before = std::make_shared<const config::Config>(config);
  };
  const Random first = random.fork(1);
  with_care(plan.config, first);
  for (std::size_t i = 0; i < plan.changes.size(); ++i) {
    with_care(plan.changes[i].config, random.one_in(2) ? first : random.fork(2 + i));  // as it was, or all anew
  }
  for (ClientPlan& client : plan.clients) note_swift(plan, client);
}

std::string upstream_of(const RequestPlan& request) {
  return request.destination != nullptr ? std::string() : request.target.substr(1, request.target.rfind('/') - 1);
}

CareRules care_rules(const config::Config& config, const std::string& upstream) {
  CareRules rules;
  const auto found = config.upstreams.find(upstream);
  if (found != config.upstreams.end()) rules.upstream = found->second;
  for (const config::Route& route : config.routes) {
    const auto* to = std::get_if<config::ToUpstream>(&route.action);
    if (to != nullptr && to->upstream == upstream) rules.retry = route.retry;
  }
  return rules;
}

Outage outage_of(const Plan& plan, const std::string& upstream) {
  if (upstream.empty()) return {};
  const std::size_t first = upstream == "u0" ? 0 : 2;
  const Outage& one = plan.hosts[first].outage;
  const Outage& other = plan.hosts[first + 1].outage;
  return {std::max(one.begins, other.begins), std::min(one.ends, other.ends)};
}

}  // namespace culvert::simulation
