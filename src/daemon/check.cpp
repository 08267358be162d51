#include "daemon/check.hpp"

#include <ostream>
#include <vector>

#include "config/load.hpp"
#include "daemon/capacity.hpp"
#include "daemon/config_changes.hpp"

namespace culvert::daemon {

namespace {

std::string in_mebibytes(std::uint64_t bytes) { return std::to_string(bytes / (1024 * 1024)) + "MiB"; }

// What a limit of the process comes to here, where run would be started as check was.
void tell_effective(std::vector<config::LimitInForce>& limits, const config::Config& config) {
  const std::size_t workers = worker_count(config.process);
  raise_open_files();
  const std::uint64_t files = open_files();
  const std::uint64_t fit = connections_that_fit(files, workers);
  const std::uint64_t wanted = config.limits.max_connections;
  const bool must_fit = files != 0 && (wanted == 0 || wanted > fit);
  const std::uint64_t most = must_fit ? fit : wanted;
  for (config::LimitInForce& limit : limits) {
    if (limit.section != "[limits]") continue;
    if (limit.name == "max_connections" && must_fit) {
      limit.value = std::to_string(fit);
      limit.note = "what the limit of open files, " + std::to_string(files) + ", lets be";
    }
    if (limit.name == "max_connections_per_client") {
      if (!config.limits.max_connections_per_client) {
        limit.value = most == 0 ? "off" : std::to_string(connections_of_one_client(most));
        limit.note = "all but a tenth of max_connections";
      } else if (*config.limits.max_connections_per_client == 0) {
        limit.note = "max_connections bounds all clients together";
      }
    }
    if (limit.name == "memory" && config.limits.memory != 0) {
      const std::string share = in_mebibytes(memory_share(config.limits.memory, workers));
      limit.note = share + " for each of " + counted(workers, "worker");
    }
  }
}

}  // namespace

ExitCode check(const CheckOptions& options, std::ostream& out, std::ostream& err) {
  auto [config, diagnostics, limits] = config::load(options.config_path);
  if (options.json) {
    out << config::to_json(diagnostics) << '\n';
  } else {
    err << config::to_text(diagnostics);
  }
  if (!config || (options.strict && !diagnostics.empty())) return exit_configuration;
  if (!options.json && !options.quiet) {
    out << options.config_path << ": ok: " << counted(config->listeners.size(), "listener") << ", "
        << counted(config->routes.size(), "route") << ", " << counted(config->upstreams.size(), "upstream") << '\n';
  }
  if (options.limits) {
    tell_effective(limits, *config);
    out << config::to_text(limits);
  }
  return exit_fine;
}

}  // namespace culvert::daemon
