// What a seed decides of how upstreams choose among their servers, judge them, try again and hold requests; and what a
// ledger has to know of it.
#pragma once
#include <string>
#include <vector>

#include "config/config.hpp"
#include "culvert/loop.hpp"

namespace culvert::simulation {

struct Plan;
struct RequestPlan;

// What origins are asked by a health check, and by nobody else.
inline constexpr const char* health_path = "/health";
inline constexpr const char* affinity_name = "at";

// Adds all this to what the seed means already. Most seeds mean nothing of it.
void add_care(Plan& plan);

// What holds for the requests that lead to an upstream.
struct CareRules {
  config::Retry retry;
  config::Upstream upstream;

  bool has_budget() const { return upstream.retry_budget.percent > 0 || upstream.retry_budget.min_per_second > 0; }
  bool holds() const { return upstream.hold.timeout != config::off; }
};

// The upstream that a request leads to; empty where its client asks a forward proxy.
std::string upstream_of(const RequestPlan& request);
CareRules care_rules(const config::Config& config, const std::string& upstream);

// When a server cannot be connected to: from the first to the second.
struct Outage {
  Duration begins{};
  Duration ends{};
  bool happens() const { return begins < ends; }
};
// When none of the servers of an upstream can.
Outage outage_of(const Plan& plan, const std::string& upstream);

}  // namespace culvert::simulation
