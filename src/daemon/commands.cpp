#include "daemon/commands.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <asio/version.hpp>
#include <iostream>
#include <map>
#include <string>

#include "base/log.hpp"
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

  if (level_option->count() > 0) run_options.log_level = log_level;
  const ExitCode code = Control(run_options).run();
  log::shut_down();
  return code;
}

int run_command(int argc, const char* const* argv) { return run_command(argc, argv, std::cout, std::cerr); }

}  // namespace culvert::daemon
