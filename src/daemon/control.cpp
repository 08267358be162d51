#include "daemon/control.hpp"

#include <asio/post.hpp>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <utility>

#include "base/log.hpp"
#include "config/certificates.hpp"
#include "daemon/capacity.hpp"
#include "daemon/config_changes.hpp"
#include "daemon/version.hpp"

namespace culvert::daemon {

namespace {

log::Level level_of(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::trace: return log::Level::trace;
    case config::LogLevel::debug: return log::Level::debug;
    case config::LogLevel::info: return log::Level::info;
    case config::LogLevel::warn: return log::Level::warn;
    case config::LogLevel::error: return log::Level::error;
    case config::LogLevel::off: return log::Level::off;
  }
  return log::Level::info;
}

std::uint64_t connections_max(std::uint64_t wanted, std::size_t workers) {
  const std::uint64_t files = open_files();
  const std::uint64_t fit = connections_that_fit(files, workers);
  if (files == 0 || (wanted != 0 && wanted <= fit)) return wanted;
  if (wanted > fit) {
    log::warn("limits.max_connections is {}: the limit of open files, {}, lets {} be", wanted, files, fit);
  }
  return fit;
}

std::string text_of(config::milliseconds duration) {
  if (duration == config::off) return "none";
  return duration.count() % 1000 == 0 ? std::to_string(duration.count() / 1000) + "s"
                                      : std::to_string(duration.count()) + "ms";
}

// Of certificates and keys that are to be read again when they change.
std::vector<std::string> watched_files(const config::Config& config) {
  std::vector<std::string> files;
  for (const auto& [name, tls] : config.tls) {
    if (!tls.watch) continue;
    for (const config::PemFiles& pair : tls.files) {
      files.push_back(pair.certificate);
      if (!pair.key.empty()) files.push_back(pair.key);
      if (!pair.ocsp.empty()) files.push_back(pair.ocsp);
    }
  }
  return files;
}

std::size_t count_errors(const config::Diagnostics& diagnostics) {
  const auto count = std::ranges::count(diagnostics, config::Severity::error, &config::Diagnostic::severity);
  return static_cast<std::size_t>(count);
}

// Whole, for people.
void print(const config::Diagnostics& diagnostics) {
  if (!log::stderr_is_journal()) {
    std::cerr << config::to_text(diagnostics) << std::flush;
    return;
  }
  for (const config::Diagnostic& diagnostic : diagnostics) {
    const log::Level level = diagnostic.severity == config::Severity::error ? log::Level::error : log::Level::warn;
    std::cerr << log::with_priority(level, config::to_text({diagnostic}));
  }
  std::cerr << std::flush;
}

}  // namespace

Control::Control(RunOptions options)
    : options_(std::move(options)),
      learner_([this] { asio::post(io_, [this] { write_learned_soon(); }); }),
      log_writer_([](const std::string& text) { log::warn("{}", text); }),
      limits_{ConnectionLimit([this] { seek_room(); }), ClientLimit([](std::uint64_t refused) {
                log::warn("{} refused: limits.max_connections_per_client", counted(refused, "connection"));
              })},
      certificate_dates_(io_, [](const std::string& text) { log::warn("{}", text); }),
      certificate_watch_(
          io_, [this] { renew_certificates(); },
          [](std::error_code error) {
            log::warn("inotify cannot watch certificates: {}; they are looked at every 10 s instead", error);
          },
          FileWatch::Times{}) {}

Control::~Control() = default;

ExitCode Control::run() {
  if (const ExitCode code = start(); code != exit_fine) return code;
  mask_.let_through();
  io_.run();
  for (const auto& worker : workers_) worker->stop();
  for (const auto& worker : workers_) worker->join();
  learner_.write_all();
  log::info("stopped");
  return exit_fine;
}

// ---- the beginning ------------------------------------------------------------------------------------------------

ExitCode Control::start() {
  config::Loaded loaded = config::load(options_.config_path);
  print(loaded.diagnostics);
  if (!loaded.config) {
    return cannot_start(exit_configuration, counted(count_errors(loaded.diagnostics), "error") + " in the configuration");
  }
  config_ = std::move(loaded.config);
  if (const std::error_code error = open_log(config_->log)) {
    std::cerr << "culvert: cannot write the log " << config_->log.target << ": " << error.message() << '\n';
    return cannot_start(exit_failure, "no log");
  }
  if (!bind_inherited(config_)) return cannot_start(exit_configuration, "its sockets were not passed in");
  std::signal(SIGPIPE, SIG_IGN);
  raise_open_files();
  if (!open_access_log(*config_) || !open_learned(*config_)) return cannot_start(exit_failure, "a log cannot be written");

  const std::size_t workers = worker_count(config_->process);
  sockets_.emplace(workers, config_->process.reuse_port, &inherited_);
  ListenSockets::Opened opened = sockets_->open_new(*config_);
  std::ranges::move(admin_.open_new(*config_), std::back_inserter(opened.errors));
  for (const std::string& error : opened.errors) log::error("{}", error);
  if (!opened.errors.empty()) return cannot_start(exit_cannot_listen, opened.errors.front());

  fleets_.emplace(static_cast<unsigned>(workers));
  for (unsigned number = 0; number < workers; ++number) {
    workers_.push_back(std::make_unique<Worker>(proxy::FleetSeat{*fleets_, number}, limits_, resolver_, passwords_, log_writer_, learner_));
  }
  for (const int number : handled_signals) signals_.add(number);
  wait_for_signal();
  deliver(std::move(opened));
  return exit_fine;
}

ExitCode Control::cannot_start(ExitCode code, const std::string& why) const {
  manager_.failed(why);
  return code;
}

// Gives listeners the addresses of what was passed in for them; false where there is no such socket.
bool Control::bind_inherited(std::shared_ptr<const config::Config>& config) const {
  InheritedSockets::Bound bound = inherited_.bind(config);
  for (const std::string& error : bound.errors) log::error("{}", error);
  config = std::move(bound.config);
  return bound.errors.empty();
}

void Control::warn_of_unused_sockets() const {
  for (const std::string& socket : inherited_.unused(*config_)) {
    log::warn("the socket {} was passed in, and no listener accepts what comes there", socket);
  }
}

std::error_code Control::open_log(const config::Log& settings) const {
  return log::set_up(level_of(level_of_operator_.value_or(options_.log_level.value_or(settings.level))),
                     settings.format == config::LogFormat::json ? log::Format::json : log::Format::text,
                     settings.target);
}

bool Control::open_access_log(const config::Config& config) {
  if (!config.log.access) return true;
  const std::error_code error = log_writer_.open(config.log.access->file);
  if (error) log::error("cannot write the access log {}: {}", config.log.access->file, error);
  return !error;
}

bool Control::open_learned(const config::Config& config) {
  const std::optional<Learner::Failure> failure = learner_.open(config);
  if (failure) log::error("cannot learn into {}: {}", failure->file, failure->why);
  return !failure;
}

// What comes within a second is written together.
void Control::write_learned_soon() {
  next_writing_.expires_after(std::chrono::seconds(1));
  next_writing_.async_wait([this](std::error_code error) {
    if (!error) learner_.write();
  });
}

// Gives config_ to every worker; on_applied() follows from each.
void Control::deliver(ListenSockets::Opened opened) {
  const std::uint64_t most = connections_max(config_->limits.max_connections, workers_.size());
  // First that of each client: who waits for room is judged by it as soon as there is some.
  limits_.clients.set_limit(config_->limits.max_connections_per_client.value_or(connections_of_one_client(most)));
  limits_.process.set_limit(most);
  tls_contexts_.apply(*config_);
  certificate_dates_.apply(*config_);
  certificate_watch_.watch(watched_files(*config_));
  std::vector<ConnectionLimit*> limits;
  std::vector<Service::Tls> tls;
  for (const config::Listener& listener : config_->listeners) {
    const auto entry = listener_limits_.try_emplace(listener.name, [this] { seek_room(); }).first;
    entry->second.set_limit(listener.max_connections);
    limits.push_back(&entry->second);
    tls.push_back(tls_contexts_.find(listener.tls));
  }
  const std::uint64_t memory_max = memory_share(config_->limits.memory, workers_.size());
  configured_ = WallTime::clock::now();
  unanswered_ = workers_.size();
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    workers_[i]->apply({config_, limits, tls, memory_max, std::move(opened.of_worker[i])},
                       [this] { asio::post(io_, [this] { on_applied(); }); });
  }
  sockets_->keep_only(*config_);
  admin_.keep_only(*config_);
}

void Control::on_applied() {
  if (phase_ != Phase::starting && phase_ != Phase::reloading) return;
  if (--unanswered_ > 0) return;
  if (phase_ == Phase::starting) {
    log::info("culvert {} ready: {}, {}, pid {}", version, counted(config_->listeners.size(), "listener"),
              counted(workers_.size(), "worker"), ::getpid());
  } else {
    log::info("reloaded: revision {}: {}", revision_, changes_);
  }
  warn_of_unused_sockets();
  phase_ = Phase::running;
  manager_.ready(*config_, revision_);
  tell_reloaded(true, changes_);
  if (std::exchange(reload_again_, false)) reload();
  if (std::exchange(renew_again_, false)) renew_certificates();
}

// Called on whatever worker has given the place back.
void Control::seek_room() {
  for (const auto& worker : workers_) worker->seek_room();
}

std::size_t Control::ask_workers(const std::function<void(Underway)>& answer) const {
  for (const auto& worker : workers_) worker->tell(answer);
  return workers_.size();
}

// ---- signals ------------------------------------------------------------------------------------------------------

void Control::wait_for_signal() {
  signals_.async_wait([this](std::error_code error, int number) {
    if (error) return;
    on_signal(number);
    wait_for_signal();
  });
}

void Control::on_signal(int number) {
  if (number == SIGUSR1) return reopen_logs();
  if (number == SIGHUP) return reload();
  if (phase_ == Phase::draining) return stop("stopping at once");
  drain();
}

void Control::reopen_logs() {
  if (const std::error_code error = log::reopen()) log::error("cannot reopen the log: {}", error);
  if (const std::error_code error = log_writer_.reopen()) log::error("cannot reopen the access log: {}", error);
}

// ---- reload -------------------------------------------------------------------------------------------------------

void Control::reload() {
  if (phase_ == Phase::draining) {
    log::info("not reloaded: stopping");
    return;
  }
  if (phase_ != Phase::running) {
    reload_again_ = true;
    return;
  }
  manager_.reloading();
  reload_awaited_ = std::exchange(reload_asked_, {});
  config::Loaded loaded = config::load(options_.config_path);
  tell(loaded.diagnostics);
  reload_diagnostics_ = config::to_text(loaded.diagnostics);
  if (!loaded.config) return reload_failed(counted(count_errors(loaded.diagnostics), "error"));
  if (!bind_inherited(loaded.config)) return reload_failed("sockets were not passed in");

  ListenSockets::Opened opened = sockets_->open_new(*loaded.config);
  std::ranges::move(admin_.open_new(*loaded.config), std::back_inserter(opened.errors));
  for (const std::string& error : opened.errors) {
    log::error("{}", error);
    reload_diagnostics_ += error + '\n';
  }
  if (!opened.errors.empty() || !open_learned(*loaded.config) || !change_logs(*loaded.config)) {
    sockets_->keep_only(*config_);
    admin_.keep_only(*config_);
    open_learned(*config_);
    return reload_failed(counted(std::max<std::size_t>(1, opened.errors.size()), "error"));
  }
  for (const std::string& setting : needing_restart(*config_, *loaded.config)) {
    log::warn("{}: restart to change", setting);
  }
  changes_ = describe_changes(*config_, *loaded.config);
  config_ = std::move(loaded.config);
  ++revision_;
  phase_ = Phase::reloading;
  deliver(std::move(opened));
}

bool Control::change_logs(const config::Config& config) {
  if (config.log == config_->log) return true;
  level_of_operator_.reset();
  if (config.log.access != config_->log.access && !open_access_log(config)) return false;
  const std::error_code error = open_log(config.log);
  if (error) log::error("cannot write the log {}: {}", config.log.target, error);
  return !error;
}

void Control::reload_failed(const std::string& why) {
  manager_.reload_failed(why);
  log::error("reload failed: {}; the running configuration stays", why);
  reload_error_ = why;
  tell_reloaded(false, why);
}

void Control::tell_reloaded(bool done, const std::string& text) {
  if (done) reload_error_.reset();
  if (reload_awaited_.empty()) return;
  const admin::ReloadOutcome outcome{done, revision_, text, reload_diagnostics_};
  loop_.post([awaited = std::exchange(reload_awaited_, {}), outcome] {
    for (const Reloaded& tell : awaited) tell(outcome);
  });
}

// A reload of certificates alone: nothing else is read, and what is wrong with one [tls.NAME] holds up no other.
void Control::renew_certificates() {
  if (phase_ == Phase::draining) return;
  if (phase_ != Phase::running) {
    renew_again_ = true;
    return;
  }
  const auto renewed = std::make_shared<config::Config>(*config_);
  std::string sections;
  for (auto& [name, tls] : renewed->tls) {
    if (!tls.watch) continue;
    const config::Parsed<std::vector<PemPair>> certificates = config::read_again(tls);
    if (!certificates) {
      log::error("[tls.{}] keeps its certificates: {}", name, certificates.wrong()->text);
    } else if (tls.certificates != *certificates) {
      tls.certificates = *certificates;
      sections += " [tls." + name + "]";
    }
  }
  if (sections.empty()) return;
  changes_ = "new certificates in" + sections;
  config_ = renewed;
  ++revision_;
  phase_ = Phase::reloading;
  deliver(sockets_->open_new(*config_));
  certificate_dates_.warn();
}

// A log that goes elsewhere than to standard error gets the first line of each.
void Control::tell(const config::Diagnostics& diagnostics) const {
  print(diagnostics);
  if (config_->log.target == "stderr") return;
  for (const config::Diagnostic& diagnostic : diagnostics) {
    const std::string text = config::to_text({diagnostic});
    const std::string line = text.substr(0, text.find('\n'));
    diagnostic.severity == config::Severity::error ? log::error("{}", line) : log::warn("{}", line);
  }
}

// ---- the end ------------------------------------------------------------------------------------------------------

void Control::drain() {
  phase_ = Phase::draining;
  const config::milliseconds timeout = config_->process.shutdown_timeout;
  log::info("stopping: {}, deadline {}", counted(limits_.process.taken(), "connection"), text_of(timeout));
  if (timeout != config::off) {
    deadline_.expires_after(timeout);
    deadline_.async_wait([this](std::error_code error) {
      if (!error) stop("the deadline has passed");
    });
  }
  manager_.stopping(timeout);
  unanswered_ = workers_.size();
  for (const auto& worker : workers_) {
    worker->drain([this] { asio::post(io_, [this] { on_drained(); }); });
  }
  sockets_->close_all();
}

void Control::on_drained() {
  if (--unanswered_ == 0) io_.stop();
}

// Whoever is left is cut off.
void Control::stop(const std::string& why) {
  log::warn("{}: {} cut off", why, counted(limits_.process.taken(), "connection"));
  io_.stop();
}

}  // namespace culvert::daemon
