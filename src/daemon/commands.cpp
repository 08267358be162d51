#include "daemon/commands.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <asio/version.hpp>
#include <iostream>
#include <map>
#include <string>

#include "base/log.hpp"
#include "daemon/admin_commands.hpp"
#include "daemon/check.hpp"
#include "daemon/control.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/hash_password.hpp"
#include "daemon/password_hash.hpp"
#include "daemon/version.hpp"

namespace culvert::daemon {

namespace {

constexpr const char* default_config = "/etc/culvert/culvert.toml";

const std::map<std::string, config::LogLevel> log_levels{
    {"trace", config::LogLevel::trace}, {"debug", config::LogLevel::debug}, {"info", config::LogLevel::info},
    {"warn", config::LogLevel::warn},   {"error", config::LogLevel::error}, {"off", config::LogLevel::off}};

std::string version_line() {
  return "culvert " + std::string(version) + " (asio " + std::to_string(ASIO_VERSION / 100'000) + "." +
         std::to_string(ASIO_VERSION / 100 % 1000) + "." + std::to_string(ASIO_VERSION % 100) + ", llhttp " +
         std::string(llhttp_version) + ")";
}

CLI::Option* add_config_option(CLI::App& command, const std::string& names, std::string& path) {
  return command.add_option(names, path, "The configuration, TOML or YAML by its extension")
      ->envname("CULVERT_CONFIG")
      ->capture_default_str();
}

// The commands for a running culvert, each as its own verb.
class AdminVerbs {
 public:
  explicit AdminVerbs(CLI::App& app) : app_(app) {
    using What = AdminCommand::What;
    add("status", What::status, "Say what runs, since when, and how much of it");
    add("upstreams", What::upstreams, "Say how the servers are");
    CLI::App* tunnels = add("tunnels", What::tunnels, "List the tunnels that stand");
    CLI::App* close = tunnels->add_subcommand("close", "End one");
    close->add_option("ID", command_.subject, "As the list has it")->required();
    close->fallthrough();
    close->callback([this] { command_.what = AdminCommand::What::close_tunnel; });
    add("metrics", What::metrics, "Print the figures for Prometheus");
    add("healthcheck", What::healthcheck, "Succeed if the daemon serves");
    add("plan", What::plan, "Say what a reload would change");
    add("reload", What::reload, "Take the configuration as the files have it");
    CLI::App* drain = add("drain", What::drain, "Take a server, or a whole upstream, out of use");
    add_server(*drain);
    drain->add_option("--wait", command_.wait, "Until nothing is under way there, at most for this time");
    add_server(*add("undrain", What::undrain, "Put it into use again"));
    add("log-level", What::log_level, "Log from this level on")->add_option("LEVEL", command_.subject, "")->required();
    add("stop", What::stop, "Stop, as SIGTERM does");
  }
  const AdminCommand* asked() const { return asked_ ? &command_ : nullptr; }

 private:
  CLI::App* add(const std::string& name, AdminCommand::What what, const std::string& about) {
    CLI::App* verb = app_.add_subcommand(name, about);
    add_config_option(*verb, "-c,--config", command_.config_path);
    verb->add_option("--admin", command_.address, "Where to ask, in place of what the configuration says")->envname("CULVERT_ADMIN");
    verb->add_option("--user", command_.user, "NAME:PASSWORD, where it is asked for")->envname("CULVERT_ADMIN_USER");
    verb->add_flag("--json", command_.json, "Print the answer as it is");
    verb->preparse_callback([this, what](std::size_t) {
      asked_ = true;
      command_.what = what;
    });
    return verb;
  }
  void add_server(CLI::App& verb) {
    verb.add_option("UPSTREAM", command_.subject, "The NAME of an [upstream.NAME]")->required();
    verb.add_option("SERVER", command_.server, "As it is written there, or an address of it; all of them otherwise");
  }

  CLI::App& app_;
  AdminCommand command_{.config_path = default_config};
  bool asked_ = false;
};

}  // namespace

int run_command(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  CLI::App app("culvert: an HTTP reverse proxy and tunnelling daemon", "culvert");
  app.require_subcommand(1);
  app.set_version_flag("--version", version_line(), "Print the version and exit");

  RunOptions run_options{default_config, {}};
  config::LogLevel log_level = config::LogLevel::info;
  CLI::App* run = app.add_subcommand("run", "Serve, in the foreground, until SIGTERM");
  add_config_option(*run, "-c,--config", run_options.config_path);
  CLI::Option* level_option = run->add_option("--log-level", log_level, "Instead of what the configuration says")
                                  ->envname("CULVERT_LOG_LEVEL")
                                  ->transform(CLI::CheckedTransformer(log_levels, CLI::ignore_case));

  CheckOptions check_options{default_config};
  CLI::App* check_command = app.add_subcommand("check", "Say whether a configuration is right");
  add_config_option(*check_command, "-c,--config,FILE", check_options.config_path);
  check_command->add_flag("--json", check_options.json, "Print what is wrong as JSON");
  check_command->add_flag("--quiet", check_options.quiet, "Print nothing where all is well");
  check_command->add_flag("--limits", check_options.limits, "List every limit and timeout, and where it comes from")
      ->excludes("--json");
  check_command->add_flag("--strict", check_options.strict, "Warnings are errors");

  HashPasswordOptions hash_options;
  CLI::App* hash_command = app.add_subcommand("hash-password", "Make a line for the users of an [auth.NAME]");
  hash_command->add_option("--user", hash_options.user, "Whose password it is: NAME:HASH, not the hash alone");
  hash_command->add_option("--cost", hash_options.cost, "Of yescrypt: each step takes twice the time and memory")
      ->check(CLI::Range(1u, cost_max));

  const AdminVerbs admin_verbs(app);

  const CLI::App* version_command = app.add_subcommand("version", "Print the version");
  const CLI::App* help_command = app.add_subcommand("help", "Print this");

  const std::string help = app.help();  // afterwards it would be that of the command

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? exit_fine : exit_usage;  // help and version are told as errors, too
  }
  if (version_command->parsed()) {
    out << version_line() << '\n';
    return exit_fine;
  }
  if (help_command->parsed()) {
    out << help;
    return exit_fine;
  }
  if (check_command->parsed()) return check(check_options, out, err);
  if (hash_command->parsed()) return hash_password(hash_options, out, err);
  if (const AdminCommand* command = admin_verbs.asked()) return run_admin_command(*command, out, err);

  if (level_option->count() > 0) run_options.log_level = log_level;
  const ExitCode code = Control(run_options).run();
  log::shut_down();
  return code;
}

int run_command(int argc, const char* const* argv) { return run_command(argc, argv, std::cout, std::cerr); }

}  // namespace culvert::daemon
