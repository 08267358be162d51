#include "proxy/upstream.hpp"

#include <algorithm>
#include <utility>

#include "base/digest.hpp"
#include "base/log.hpp"
#include "culvert/error.hpp"
#include "culvert/http.hpp"
#include "proxy/request_key.hpp"

namespace culvert::proxy {

namespace {

std::shared_ptr<const SecureContext> secure_context(const config::UpstreamTls& tls) {
  return std::make_shared<const SecureContext>(SecureContextOptions{.ca = tls.ca,
                                                                    .reject_unauthorized = tls.verify,
                                                                    .cert = tls.client.certificate,
                                                                    .key = tls.client.key,
                                                                    .only_1_3 = tls.only_1_3});
}

// Who has to be at `address`, by TLS.
std::string server_name(const config::Upstream& settings, const Address& address) {
  if (!settings.tls) return {};
  const bool by_address = settings.tls->server_name.empty() && address.kind != Address::Kind::unix_path;
  if (!by_address) return settings.tls->server_name;
  return address.kind == Address::Kind::name ? address.text : address.ip.ip();
}

AgentOptions agent_options(const config::Upstream& settings) {
  const auto or_unlimited = [](std::uint32_t value) { return value == 0 ? unlimited : value; };
  return {.keep_alive = settings.keep_alive,
          .keep_alive_msecs = settings.keep_alive_msecs,
          .max_sockets = or_unlimited(settings.max_sockets),
          .max_total_sockets = or_unlimited(settings.max_total_sockets),
          .max_free_sockets = settings.max_free_sockets,
          .scheduling = settings.scheduling == config::Scheduling::lifo ? AgentOptions::Scheduling::lifo
                                                                        : AgentOptions::Scheduling::fifo,
          .timeout = settings.timeout,
          .connect = {.local = settings.local_address, .no_delay = settings.no_delay},
          .family = settings.family,
          .secure_context = settings.tls ? secure_context(*settings.tls) : nullptr,
          .max_header_size = settings.max_header_size,
          .max_headers_count = settings.max_headers_count,
          .insecure_http_parser = settings.insecure_http_parser,
          .strict = true,
          .self_tuning = settings.self_tuning,
          .check_free_after = settings.check_free_after == config::off ? AgentOptions::no_check : settings.check_free_after,
          .max_pending = settings.max_pending,
          .pending_timeout = settings.pending_timeout};
}

std::string basic(const std::string& auth) { return auth.empty() ? "" : "Basic " + encode_base64(as_bytes(auth)); }

// One of the workers looks after the health of each upstream; which one depends on its name, so that they share the work.
bool looks_after(const std::string& upstream, const FleetSeat& seat) {
  return stable_hash(upstream) % seat.fleets.workers == seat.worker;
}

}  // namespace

Upstream::Upstream(const config::Upstream& written, Http& http, const FleetSeat& seat)
    : settings(written),
      authorization(basic(written.auth)),
      proxy_authorization(basic(written.proxy_auth)),
      http_(http),
      loop_(http.loop()),
      probes_{http.loop(), http.network(), http.resolver()},
      worker_(seat.worker),
      looks_after_(looks_after(settings.name, seat)),
      fleet_(seat.fleets.fleet(label())),
      agent_(http, agent_options(written)),
      balancer_(settings.balance, settings.slow_start, loop_),
      retry_budget_(settings.retry_budget, *fleet_),
      held_(settings.hold, loop_) {
  for (const config::UpstreamServer& server : settings.servers) servers_.push_back(std::make_unique<Server>(*this, server));
  arrange();
  if (looks_after_ && judges_by_means() && settings.outlier.interval != config::off) {
    judge_.emplace(settings.outlier, loop_, static_cast<OutlierJudge::Owner&>(*this));
  }
}

Upstream::~Upstream() = default;

std::string Upstream::label() const { return (settings.of_tunnel ? "[tunnel." : "[upstream.") + settings.name + ']'; }

// ---- which backend -----------------------------------------------------------------------------------------------------

Backend* Upstream::choose_otherwise(std::uint64_t& tried, std::uint64_t key) {
  if (loop_.now() >= look_around_at_ || fleet_->changes() != changes_seen_) look_around();
  Backend* chosen = nullptr;
  bool pending = false;
  if (settings.balance == config::Balance::first) {
    chosen = choose_in_order(tried, pending);
  } else {
    chosen = balancer_.choose(tried, key);
  }
  if (chosen == nullptr && !pending) chosen = last_resort(tried);
  if (chosen == nullptr) return nullptr;
  tried |= chosen->bit;
  return chosen;
}

// The order is one of preference: one that is preferred and whose name is being looked up is waited for.
Backend* Upstream::choose_in_order(std::uint64_t tried, bool& pending) {
  for (const auto& server : servers_) {
    if (server->probe) continue;
    pending = server->is_pending();
    if (pending) return nullptr;
    for (const Ref<Backend>& each : server->backends) {
      if ((tried & each->bit) == 0 && can_be_used(*server, *each)) return each.get();
    }
  }
  return nullptr;
}

// Where nobody else is left, those are asked that were left out: nothing is lost by that.
Backend* Upstream::last_resort(std::uint64_t tried) {
  for (const auto& server : servers_) {
    for (const Ref<Backend>& each : server->backends) {
      if ((tried & each->bit) == 0 && !each->drain) return each.get();
    }
  }
  return nullptr;
}

Backend* Upstream::sibling(const Backend& backend, std::uint64_t tried) const {
  for (const auto& server : servers_) {
    if (server->text != backend.text) continue;
    for (const Ref<Backend>& each : server->backends) {
      if ((tried & each->bit) == 0) return each.get();
    }
  }
  return nullptr;
}

void Upstream::rule_out(const Backend& backend, std::uint64_t& tried) const {
  for (const auto& server : servers_) {
    if (server->text != backend.text) continue;
    for (const Ref<Backend>& each : server->backends) tried |= each->bit;
  }
}

Backend* Upstream::by_id(std::uint64_t id, std::uint64_t& tried) {
  for (const auto& server : servers_) {
    for (const Ref<Backend>& each : server->backends) {
      const bool usable = each->drain || can_be_used(*server, *each);
      if (each->id != id || !usable || (tried & each->bit) != 0) continue;
      tried |= each->bit;
      return each.get();
    }
  }
  return nullptr;
}

bool Upstream::can_be_used(const Server& server, const Backend& backend) const {
  return !backend.drain && !server.probe && !backend.state->is_failing() && !backend.state->is_ejected(loop_.now());
}

// What changes by time alone, or was changed by another worker.
void Upstream::look_around() {
  for (const auto& server : servers_) {
    if (loop_.now() >= server->fresh_until) server->look_up();
  }
  arrange();
}

void Upstream::arrange() {
  changes_seen_ = fleet_->changes();
  std::erase_if(gone_, [](const Ref<Backend>& each) { return each->share.under_way.get() == 0; });
  look_around_at_ = never;
  std::vector<Backend*> primaries;
  std::vector<Backend*> backups;
  std::vector<Backend*> all;
  const auto look_by = [&](TimePoint time) {
    if (time > loop_.now()) look_around_at_ = std::min(look_around_at_, time);
  };
  for (const auto& server : servers_) {
    look_around_at_ = std::min(look_around_at_, server->fresh_until);
    for (const Ref<Backend>& each : server->backends) {
      look_by(each->state->ejected_until());
      if (const TimePoint back = each->state->back_since(); back != SharedTime::earliest) look_by(back + settings.slow_start);
      if (!each->drain && !each->backup) all.push_back(each.get());
      if (can_be_used(*server, *each)) (each->backup ? backups : primaries).push_back(each.get());
    }
  }
  const bool panics = primaries.size() * 100 < all.size() * settings.panic_percent;
  balancer_.set(panics ? std::move(all) : primaries.empty() ? std::move(backups) : std::move(primaries));
}

// ---- what becomes of requests --------------------------------------------------------------------------------------------

void Upstream::judge(Backend& backend, std::uint16_t status, Duration after) {
  if (status >= 400 && std::ranges::count(settings.outlier.statuses, status) > 0) return failed(backend, Reason::none);
  if (backend.state->failures_in_a_row() != 0) fleet_->answered(*backend.state);
  if (!judges_by_means()) return;
  backend.share.answers.add(1);
  backend.share.nanoseconds.add(static_cast<std::uint64_t>(after.count()));
}

void Upstream::failed(Backend& backend, Reason why) {
  if (judges_by_means()) backend.share.failures.add(1);
  if (!fleet_->failed(*backend.state, settings.outlier, loop_.now())) return;
  log::warn("{}: {} is left out for {} s after {} failures in a row, the last: {}", label(), backend.text,
            std::chrono::duration_cast<std::chrono::seconds>(settings.outlier.eject_for).count(),
            backend.state->failures_in_a_row(), why == Reason::none ? "a status code that counts as one" : row(why).code);
}

void Upstream::on_health(Backend& backend, bool passes, std::string_view why) noexcept {
  fleet_->set_failing(*backend.state, !passes, loop_.now());
  if (passes) {
    log::info("{}: {} passes its health checks again", label(), backend.text);
    held_.release_all();
  } else {
    log::warn("{}: {} is left out, for it does not pass its health checks: {}", label(), backend.text, why);
  }
}

std::vector<Backend*> Upstream::all_backends() noexcept {
  std::vector<Backend*> all;
  for (const auto& server : servers_) {
    for (const Ref<Backend>& each : server->backends) all.push_back(each.get());
  }
  return all;
}

void Upstream::on_outlier(Backend& backend, const std::string& why) noexcept {
  if (!fleet_->eject(*backend.state, settings.outlier, loop_.now())) return;
  log::warn("{}: {} is left out for {} s: {}", label(), backend.text,
            std::chrono::duration_cast<std::chrono::seconds>(settings.outlier.eject_for).count(), why);
}

void Upstream::set_aside(const Backend& backend, std::error_code why) {
  for (const auto& server : servers_) {
    if (server->text == backend.text) server->set_aside(why);
  }
}

void Upstream::set_unresolved_aside(std::error_code why) {
  for (const auto& server : servers_) {
    if (server->is_pending()) server->set_aside(why);
  }
}

void Upstream::drain() {
  drained_ = true;
  agent_.drain();
  checks_.clear();
  judge_.reset();
  for (const auto& server : servers_) server->probe.reset();
}

// ---- servers and their addresses -----------------------------------------------------------------------------------------

bool Upstream::resolving() const {
  return std::ranges::any_of(servers_, [](const auto& server) { return server->is_pending() && !server->probe; });
}

std::error_code Upstream::name_error() const {
  for (const auto& server : servers_) {
    if (server->backends.empty() && server->error) return server->error;
  }
  return {};
}

Failure Upstream::why_nobody() const {
  if (name_error()) return upstream_failure(errc::name_not_found, false, false);
  return {Reason::upstream_no_server, MayRetry::never, {}};
}

Upstream::Server::Server(Upstream& owner, const config::UpstreamServer& as_written)
    : written(as_written),
      text(as_written.address.to_string()),
      server_name(proxy::server_name(owner.settings, as_written.address)),
      owner_(owner) {
  if (written.address.kind == Address::Kind::name) {
    look_up();
    return;
  }
  owner_.set_backends(*this, {written.address});
  fresh_until = never;
}

void Upstream::Server::look_up() {
  if (resolution) return;
  error = {};
  fresh_until = never;  // until there is an answer
  resolution = owner_.probes_.resolver.resolve(
      owner_.loop_, written.address.text, written.address.port,
      {.family = owner_.settings.family, .hints = owner_.settings.hints},
      [this](Result<Endpoints> answer) { found(std::move(answer)); });
}

void Upstream::Server::found(Result<Endpoints> answer) {
  resolution = {};
  const config::milliseconds lifetime = owner_.settings.resolve;
  fresh_until = lifetime == config::no_limit ? never : owner_.loop_.now() + lifetime;
  if (answer && !answer->empty()) {
    std::vector<Address> addresses;
    for (const Endpoint& endpoint : *answer) addresses.push_back(Address::of(endpoint));
    owner_.set_backends(*this, addresses);
  } else {
    // The last good addresses stay in use; a name that never had one is asked for again soon.
    error = answer ? make_error_code(errc::name_not_found) : answer.error();
    if (backends.empty()) fresh_until = owner_.loop_.now() + std::chrono::seconds(1);
  }
  owner_.arrange();
  tell_all(owner_.waiting_);
}

void Upstream::set_backends(Server& server, const std::vector<Address>& addresses) {
  std::vector<Ref<Backend>> now;
  for (const Address& address : addresses) {
    const auto known =
        std::ranges::find_if(server.backends, [&](const Ref<Backend>& each) { return each->address == address; });
    now.push_back(known == server.backends.end() ? make_backend(server, address) : *known);
  }
  server.backends.swap(now);
  for (const Ref<Backend>& old : now) {
    if (std::ranges::find(server.backends, old) == server.backends.end()) let_go(*old);
  }
}

Ref<Backend> Upstream::make_backend(Server& server, const Address& address) {
  const std::string at = address.to_string();
  Ref<Backend> backend =
      make_ref<Backend>(server.text, server.written, address, agent_.origin(address, server.server_name),
                        fleet_->backend(at), worker_, next_bit_);
  backend->id = stable_hash(at);
  next_bit_ = next_bit_ << 1 | next_bit_ >> 63;  // more than 64 share them
  const bool checks = looks_after_ && settings.health && settings.health->interval != config::off;
  if (checks && !drained_) {
    checks_.push_back(std::make_unique<HealthCheck>(settings, http_, agent_.options, backend, server.server_name,
                                                    static_cast<HealthCheck::Owner&>(*this)));
  }
  return backend;
}

void Upstream::let_go(Backend& backend) {
  std::erase_if(checks_, [&](const auto& check) { return &check->backend() == &backend; });
  agent_.release(backend.origin);
  gone_.emplace_back(&backend);
}

void Upstream::Server::set_aside(std::error_code why) {
  const config::milliseconds interval = owner_.settings.check_interval;
  if (interval == config::off || owner_.drained_ || probe) return;
  log::warn("{}: the parent proxy {} cannot be reached ({}) and is left out until it can be", owner_.label(), text,
            why.message());
  probe = std::make_unique<HealthProbe>(owner_.probes_, written.address, interval, static_cast<HealthProbe::Owner&>(*this));
}

void Upstream::Server::on_reachable() noexcept {
  log::info("{}: the parent proxy {} can be reached again", owner_.label(), text);
  probe.reset();
}

}  // namespace culvert::proxy
