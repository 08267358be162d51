// What operators ask of the process, by the admin server.
#include <asio/post.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <utility>

#include "base/log.hpp"
#include "config/schema.hpp"
#include "daemon/config_changes.hpp"
#include "daemon/control.hpp"
#include "daemon/version.hpp"

namespace culvert::daemon {

namespace {

constexpr std::chrono::seconds worker_timeout{5};  // for its report

// In the order of the enumerators.
std::vector<std::string_view> level_names() { return config::words_of(config::find_key("log", "level")->choices); }

// Of all workers, as far as they have come in.
struct Collection {
  Collection(asio::io_context& io, std::size_t workers, admin::Operations::Collected then)
      : missing(workers), done(std::move(then)), too_late(io) {}
  void end(std::optional<admin::Summary> result) {
    if (done) std::exchange(done, {})(std::move(result));
  }

  admin::Summary summary;
  std::size_t missing;
  admin::Operations::Collected done;  // empty: it is over
  asio::steady_timer too_late;
};

}  // namespace

admin::ProcessView Control::process() const {
  static constexpr std::array<std::string_view, 4> states{"starting", "running", "reloading", "draining"};
  admin::ProcessView view{.version = std::string(version),
                          .pid = ::getpid(),
                          .state = states[static_cast<std::size_t>(phase_)],
                          .config_path = options_.config_path,
                          .revision = revision_,
                          .started = started_,
                          .configured = configured_,
                          .reload_error = reload_error_,
                          .log_level = std::string(level_names()[static_cast<std::size_t>(level_now())]),
                          .workers = workers_.size(),
                          .connections = limits_.process.taken()};
  for (const config::Listener& listener : config_->listeners) {
    admin::ListenerSummary& summary = view.listeners.emplace_back();
    summary.name = listener.name;
    for (const Address& address : listener.addresses) summary.addresses.push_back(address.to_string());
    if (const auto limit = listener_limits_.find(listener.name); limit != listener_limits_.end()) {
      summary.connections = limit->second.taken();
    }
  }
  for (const CertificateDates::Certificate& each : certificate_dates_.certificates()) {
    view.certificates.push_back({each.tls, each.file, each.not_before, each.not_after});
  }
  return view;
}

void Control::collect(bool with_tunnels, Collected done) {
  const auto collection = std::make_shared<Collection>(io_, workers_.size(), std::move(done));
  for (const auto& worker : workers_) {
    worker->report(with_tunnels, [this, collection](admin::WorkerReport report) {
      loop_.post([collection, report = std::move(report)]() mutable {
        collection->summary.add(std::move(report));
        if (--collection->missing > 0) return;
        collection->too_late.cancel();
        collection->end(std::move(collection->summary));
      });
    });
  }
  collection->too_late.expires_after(worker_timeout);
  collection->too_late.async_wait([this, collection](std::error_code cancelled) {
    if (!cancelled) loop_.post([collection] { collection->end({}); });
  });
}

void Control::reload(Reloaded done) {
  if (phase_ == Phase::draining) return done({false, revision_, "stopping", ""});
  reload_asked_.push_back(std::move(done));
  reload();
}

admin::Plan Control::plan(const admin::Summary& now) {
  config::Loaded loaded = config::load(options_.config_path);
  const bool valid = loaded.config != nullptr && bind_inherited(loaded.config);
  admin::Plan plan{.valid = valid, .diagnostics = config::to_text(loaded.diagnostics)};
  if (!plan.valid) return plan;
  plan.changes = list_changes(*config_, *loaded.config);
  plan.effects = effects_of(*config_, *loaded.config, process(), now);
  plan.restart = needing_restart(*config_, *loaded.config);
  return plan;
}

void Control::stop() { asio::post(io_, [this] { on_signal(SIGTERM); }); }

config::LogLevel Control::level_now() const {
  return level_of_operator_.value_or(options_.log_level.value_or(config_->log.level));
}

bool Control::set_log_level(const std::string& level) {
  const std::vector<std::string_view> names = level_names();
  const auto known = std::ranges::find(names, level);
  if (known == names.end()) return false;
  level_of_operator_ = static_cast<config::LogLevel>(known - names.begin());
  if (const std::error_code error = open_log(config_->log)) log::error("cannot write the log {}: {}", config_->log.target, error);
  return true;
}

void Control::set_drained(const std::string& upstream, const std::string& server, bool drained) {
  const bool is_new = fleets_->fleet("[upstream." + upstream + "]")->set_drained(server, drained);
  for (const auto& worker : workers_) worker->look_at_servers();
  if (!is_new) return;
  log::info("[upstream.{}]: {} is {} by an operator", upstream, server.empty() ? "everything" : server,
            drained ? "taken out of use" : "put into use again");
}

void Control::close_tunnel(unsigned worker, std::uint64_t id, std::function<void(bool found)> done) {
  if (worker >= workers_.size()) return done(false);
  workers_[worker]->close_tunnel(id, [this, done = std::move(done)](bool found) {
    loop_.post([done, found] { done(found); });
  });
}

}  // namespace culvert::daemon
