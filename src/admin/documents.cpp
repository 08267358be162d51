#include "admin/documents.hpp"

#include <nlohmann/json.hpp>

#include "base/http_date.hpp"

namespace culvert::admin::documents {

namespace {

using Json = nlohmann::ordered_json;

// What clients have sent is in it as it came; what is no UTF-8 is shown as such.
std::string text_of(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string iso(WallTime time) {
  std::string text(iso_time_chars, '\0');
  format_iso_time(text.data(), time);
  return text;
}

double seconds(std::chrono::milliseconds time) { return std::chrono::duration<double>(time).count(); }

Json listener(const ListenerSummary& each) {
  return {{"name", each.name}, {"addresses", each.addresses}, {"connections", each.connections}};
}

Json certificate(const CertificateDates& each, WallTime now) {
  return {{"tls", each.tls},
          {"file", each.file},
          {"not_after", iso(each.not_after)},
          {"days_left", std::chrono::floor<std::chrono::days>(each.not_after - now).count()}};
}

// In one word why it gets no requests; "up" where it does.
std::string_view state_of(const proxy::ServerReport& each) {
  if (each.address.empty()) return "unresolved";
  if (each.drains) return each.under_way > 0 ? "draining" : "drained";
  if (each.failing) return "failing";
  if (each.set_aside) return "unreachable";
  return each.ejected_for.count() > 0 ? "ejected" : "up";
}

Json server(const proxy::ServerReport& each) {
  Json json = {{"server", each.server}, {"address", each.address}, {"state", state_of(each)}};
  if (!each.error.empty()) json["error"] = each.error;
  if (each.ejected_for.count() > 0) json["ejected_for"] = seconds(each.ejected_for);
  json["weight"] = each.weight;
  json["backup"] = each.backup;
  json["under_way"] = each.under_way;
  json["requests"] = each.requests;
  json["failures"] = each.failures;
  json["connections"] = {{"busy", each.connections_busy}, {"free", each.connections_free}};
  json["waiting"] = each.waiting;
  return json;
}

Json upstream(const proxy::UpstreamReport& each) {
  Json servers = Json::array();
  for (const proxy::ServerReport& one : each.servers) servers.push_back(server(one));
  return {{"name", each.name},
          {"drained", each.drained},
          {"retries", each.retries},
          {"held", each.held},
          {"pool",
           {{"opened", each.pool.opened},
            {"reused", each.pool.reused},
            {"closed_promised", each.pool.closed_promised},
            {"closed_learned", each.pool.closed_learned},
            {"closed_by_origin", each.pool.closed_by_origin},
            {"stale_at_check", each.pool.stale_at_check},
            {"stale_at_use", each.pool.stale_at_use}}},
          {"servers", std::move(servers)}};
}

Json tunnel(const proxy::TunnelReport& each) {
  return {{"id", std::to_string(each.worker) + "-" + std::to_string(each.id)},
          {"client", each.client.to_string()},
          {"user", each.user},
          {"target", each.target},
          {"server", each.server},
          {"parent", each.parent},
          {"tunnel", each.tunnel},
          {"route", each.route},
          {"rule", each.rule},
          {"bytes_up", each.bytes_up},
          {"bytes_down", each.bytes_down},
          {"age", seconds(each.age)},
          {"idle", seconds(each.idle)}};
}

std::uint64_t standing(const proxy::StreamRows& streams) {
  std::uint64_t sum = 0;
  for (const auto& [name, counts] : streams) sum += counts.standing();
  return sum;
}

}  // namespace

std::string status(const ProcessView& process, const Summary& summary, WallTime now) {
  Json listeners = Json::array();
  for (const ListenerSummary& each : process.listeners) listeners.push_back(listener(each));
  Json certificates = Json::array();
  for (const CertificateDates& each : process.certificates) certificates.push_back(certificate(each, now));
  std::uint64_t requests = 0;
  for (const auto& [key, count] : summary.requests) requests += count;
  Json config = {{"file", process.config_path}, {"revision", process.revision}, {"since", iso(process.configured)}};
  config["reload_error"] = process.reload_error ? Json(*process.reload_error) : Json(nullptr);
  return text_of({{"version", process.version},
                  {"pid", process.pid},
                  {"state", process.state},
                  {"started", iso(process.started)},
                  {"config", std::move(config)},
                  {"log_level", process.log_level},
                  {"workers", process.workers},
                  {"connections", process.connections},
                  {"requests", requests},
                  {"requests_in_flight", summary.exchanges},
                  {"tunnels", standing(summary.tunnels)},
                  {"upgrades", standing(summary.upgrades)},
                  {"streams", standing(summary.streams)},
                  {"listeners", std::move(listeners)},
                  {"certificates", std::move(certificates)}});
}

std::string upstreams(const Summary& summary) {
  Json all = Json::array();
  for (const auto& [name, each] : summary.upstreams) all.push_back(upstream(each));
  return text_of({{"upstreams", std::move(all)}});
}

std::string tunnels(const Summary& summary) {
  Json all = Json::array();
  for (const proxy::TunnelReport& each : summary.standing) all.push_back(tunnel(each));
  return text_of({{"tunnels", std::move(all)}});
}

std::string reload(const ReloadOutcome& outcome) {
  return text_of({{"reloaded", outcome.done},
                  {"revision", outcome.revision},
                  {"text", outcome.text},
                  {"diagnostics", outcome.diagnostics}});
}

std::string plan(const Plan& plan) {
  return text_of({{"valid", plan.valid},
                  {"changes", plan.changes},
                  {"effects", plan.effects},
                  {"restart", plan.restart},
                  {"diagnostics", plan.diagnostics}});
}

std::string drained(std::uint64_t under_way) {
  return text_of({{"empty", under_way == 0}, {"under_way", under_way}});
}

std::string error(std::string_view text) { return text_of({{"error", text}}); }

}  // namespace culvert::admin::documents
