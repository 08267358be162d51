#include "admin/metrics.hpp"

#include "admin/exposition.hpp"
#include "admin/own_process.hpp"

namespace culvert::admin {

namespace {

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }
double seconds(WallTime time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

void add_process(Exposition& out, const ProcessView& process) {
  out.gauge("culvert_build_info", "What runs: always 1.");
  out.line({{"version", process.version}}, 1);
  out.gauge("culvert_workers", "Threads that serve requests.");
  out.line({}, process.workers);
  out.gauge("culvert_config_revision", "Configurations that were taken since the start.");
  out.line({}, process.revision);
  out.gauge("culvert_config_last_reload_success", "Whether the last reload was taken.");
  out.line({}, process.reload_error ? 0 : 1);
  out.gauge("culvert_config_last_reload_timestamp_seconds", "When the configuration that runs was taken.");
  out.line({}, seconds(process.configured));
  const OwnProcess own = own_process();
  out.gauge("process_start_time_seconds", "When the process began.");
  out.line({}, seconds(process.started));
  out.counter("process_cpu_seconds_total", "User and system time of all threads.");
  out.line({}, own.cpu_seconds);
  out.gauge("process_resident_memory_bytes", "Memory that is not swapped out.");
  out.line({}, own.resident_bytes);
  out.gauge("process_open_fds", "Open descriptors.");
  out.line({}, own.open_files);
  out.gauge("process_max_fds", "How many there may be.");
  out.line({}, own.open_files_max);
}

void add_listeners(Exposition& out, const ProcessView& process, const Summary& summary) {
  out.gauge("culvert_connections_active", "Open connections of clients, idle ones included.");
  for (const ListenerSummary& each : process.listeners) out.line({{"listener", each.name}}, each.connections);
  out.counter("culvert_tls_handshakes_total", "Handshakes that have succeeded; failures are among culvert_failures_total.");
  for (const auto& [listener, count] : summary.handshakes) out.line({{"listener", listener}}, count);
  out.gauge("culvert_tls_certificate_not_after_seconds", "When a certificate ends.");
  for (const CertificateDates& each : process.certificates) {
    out.line({{"tls", each.tls}, {"file", each.file}}, seconds(each.not_after));
  }
}

void add_requests(Exposition& out, const Summary& summary) {
  out.counter("culvert_requests_total", "Requests that are over; code 0: there was no answer.");
  for (const auto& [key, count] : summary.requests) {
    const auto& [listener, route, method, status] = key;
    out.line({{"listener", listener}, {"route", route}, {"method", method}, {"code", std::to_string(status)}}, count);
  }
  out.gauge("culvert_requests_in_flight", "Requests under way.");
  out.line({}, summary.exchanges);
  out.histogram("culvert_request_duration_seconds", "From the request's head to the last byte of its answer.");
  for (const auto& [name, route] : summary.routes) {
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i + 1 < route.durations.size(); ++i) {
      so_far += route.durations[i];
      char bound[24];
      std::snprintf(bound, sizeof bound, "%g", static_cast<double>(std::uint64_t{1} << i) / 1000);
      out.line({{"route", name}, {"le", bound}}, so_far, "_bucket");
    }
    so_far += route.durations.back();
    out.line({{"route", name}, {"le", "+Inf"}}, so_far, "_bucket");
    out.line({{"route", name}}, seconds(route.whole_duration), "_sum");
    out.line({{"route", name}}, so_far, "_count");
  }
  out.counter("culvert_request_bytes_total", "Of requests' bodies.");
  for (const auto& [name, route] : summary.routes) out.line({{"route", name}}, route.request_bytes);
  out.counter("culvert_response_bytes_total", "Of answers' bodies.");
  for (const auto& [name, route] : summary.routes) out.line({{"route", name}}, route.response_bytes);
  out.counter("culvert_failures_total", "Requests, tunnels and connections that ended badly, by reason.");
  for (std::size_t i = 1; i < summary.failures.size(); ++i) {
    out.line({{"reason", row(static_cast<proxy::Reason>(i)).code}}, summary.failures[i]);
  }
  out.gauge("culvert_memory_bytes", "Of messages under way and of what waits to be sent.");
  out.line({}, summary.memory);
}

struct StreamNames {
  std::string_view active, active_help, total, total_help, bytes, bytes_help, label;
};

void add_streams(Exposition& out, const proxy::StreamRows& streams, const StreamNames& names) {
  out.gauge(names.active, names.active_help);
  for (const auto& [name, counts] : streams) out.line({{names.label, name}}, counts.standing());
  out.counter(names.total, names.total_help);
  for (const auto& [name, counts] : streams) out.line({{names.label, name}}, counts.begun);
  out.counter(names.bytes, names.bytes_help);
  for (const auto& [name, counts] : streams) {
    out.line({{names.label, name}, {"direction", "up"}}, counts.bytes_up);
    out.line({{names.label, name}, {"direction", "down"}}, counts.bytes_down);
  }
}

template <class Value>
void add_of_servers(Exposition& out, const Summary& summary, Value value) {
  for (const auto& [name, upstream] : summary.upstreams) {
    for (const proxy::ServerReport& server : upstream.servers) {
      out.line({{"upstream", name}, {"server", server.server}, {"address", server.address}}, value(server));
    }
  }
}

void add_servers(Exposition& out, const Summary& summary) {
  using Server = proxy::ServerReport;
  out.gauge("culvert_upstream_up", "Whether a server gets requests.");
  add_of_servers(out, summary, [](const Server& each) { return is_up(each) ? 1 : 0; });
  out.gauge("culvert_upstream_draining", "Whether a server has been taken out of use.");
  add_of_servers(out, summary, [](const Server& each) { return each.drains ? 1 : 0; });
  out.gauge("culvert_upstream_requests_in_flight", "Requests and tunnels that a server has.");
  add_of_servers(out, summary, [](const Server& each) { return each.under_way; });
  out.counter("culvert_upstream_requests_total", "Tries, the first ones and all others.");
  add_of_servers(out, summary, [](const Server& each) { return each.requests; });
  out.counter("culvert_upstream_failures_total", "Of them, those that failed.");
  add_of_servers(out, summary, [](const Server& each) { return each.failures; });
  out.gauge("culvert_upstream_requests_waiting", "Requests that wait for a connection.");
  add_of_servers(out, summary, [](const Server& each) { return each.waiting; });
  out.gauge("culvert_upstream_connections", "Open connections.");
  for (const auto& [name, upstream] : summary.upstreams) {
    for (const Server& each : upstream.servers) {
      const auto write = [&](std::string_view state, std::uint64_t count) {
        out.line({{"upstream", name}, {"server", each.server}, {"address", each.address}, {"state", state}}, count);
      };
      write("busy", each.connections_busy);
      write("free", each.connections_free);
    }
  }
}

void add_pools(Exposition& out, const Summary& summary) {
  const auto of_each = [&](auto write) {
    for (const auto& [name, upstream] : summary.upstreams) write(name, upstream);
  };
  using Name = const std::string&;
  using Upstream = const proxy::UpstreamReport&;
  out.counter("culvert_upstream_retries_total", "Tries after the first.");
  of_each([&](Name name, Upstream each) { out.line({{"upstream", name}}, each.retries); });
  out.gauge("culvert_upstream_requests_held", "Requests that wait for a server to be reached.");
  of_each([&](Name name, Upstream each) { out.line({{"upstream", name}}, each.held); });
  out.counter("culvert_upstream_connections_opened_total", "Connections that were made.");
  of_each([&](Name name, Upstream each) { out.line({{"upstream", name}}, each.pool.opened); });
  out.counter("culvert_upstream_connections_reused_total", "Requests on a connection that had served before.");
  of_each([&](Name name, Upstream each) { out.line({{"upstream", name}}, each.pool.reused); });
  out.counter("culvert_upstream_stale_connections_total",
              "Idle connections that the server had closed: seen at once (idle), before a request was sent (check), or after (use).");
  of_each([&](Name name, Upstream each) {
    out.line({{"upstream", name}, {"seen", "idle"}}, each.pool.closed_by_origin - each.pool.stale_at_check);
    out.line({{"upstream", name}, {"seen", "check"}}, each.pool.stale_at_check);
    out.line({{"upstream", name}, {"seen", "use"}}, each.pool.stale_at_use);
  });
  out.counter("culvert_upstream_connections_closed_early_total",
              "Idle connections closed before the server would: as it had promised, or as was learned of it.");
  of_each([&](Name name, Upstream each) {
    out.line({{"upstream", name}, {"by", "promise"}}, each.pool.closed_promised);
    out.line({{"upstream", name}, {"by", "learning"}}, each.pool.closed_learned);
  });
}

}  // namespace

std::string metrics(const ProcessView& process, const Summary& summary) {
  Exposition out;
  add_process(out, process);
  add_listeners(out, process, summary);
  add_requests(out, summary);
  add_streams(out, summary.tunnels,
              {"culvert_tunnels_active", "Tunnels by CONNECT that stand.", "culvert_tunnels_total", "Tunnels that were made.",
               "culvert_tunnel_bytes_total", "Through tunnels; up: from the client.", "tunnel"});
  add_streams(out, summary.upgrades,
              {"culvert_upgrades_active", "Upgraded connections (WebSocket) that stand.", "culvert_upgrades_total",
               "Requests that were upgraded.", "culvert_upgrade_bytes_total", "Through upgraded connections; up: from the client.",
               "route"});
  add_streams(out, summary.streams,
              {"culvert_streams_active", "Connections of listeners with mode = \"tcp\".", "culvert_streams_total",
               "Connections that were carried.", "culvert_stream_bytes_total", "Through them; up: from the client.", "listener"});
  add_servers(out, summary);
  add_pools(out, summary);
  return out.take();
}

}  // namespace culvert::admin
