#include "daemon/check.hpp"

#include <ostream>

#include "config/load.hpp"
#include "daemon/config_changes.hpp"

namespace culvert::daemon {

ExitCode check(const CheckOptions& options, std::ostream& out, std::ostream& err) {
  const auto [config, diagnostics, limits] = config::load(options.config_path);
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
  if (options.limits) out << config::to_text(limits);
  return exit_fine;
}

}  // namespace culvert::daemon
