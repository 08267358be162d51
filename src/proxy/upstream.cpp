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

// Who has to be at an address of `host`, by TLS.
std::string server_name(const config::Upstream& settings, const std::string& host) {
  if (!settings.tls) return {};
  return settings.tls->server_name.empty() ? host : settings.tls->server_name;
}

std::string host_of(const Address& address) {
  switch (address.kind) {
    case Address::Kind::ip: return address.ip.ip();
    case Address::Kind::name: return address.text;
    case Address::Kind::service:
    case Address::Kind::unix_path: break;
  }
  return {};
}

// For a race of families, where connecting may take as long as it likes.
constexpr config::milliseconds race_limit{3'000};

// What is looked up holds so long where nobody says.
constexpr std::chrono::seconds lifetime_unknown{30};
// And within these bounds where somebody does.
constexpr std::chrono::seconds lifetime_min{1};
constexpr std::chrono::seconds lifetime_max{3600};
// After a lookup that failed the next one is soon, and twice as late each time.
constexpr std::chrono::seconds first_retry_after{1};
constexpr std::chrono::seconds last_retry_after{10};

// A tenth is left for the next lookup.
Duration lifetime_of(const Whereabouts& where) {
  if (!where.lifetime) return lifetime_unknown;
  return Duration(std::clamp(*where.lifetime, lifetime_min, lifetime_max)) * 9 / 10;
}

bool is_looked_up(const Address& address) {
  return address.kind == Address::Kind::name || address.kind == Address::Kind::service;
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
  if (loop_.now() >= look_around_at_ || fleet_->changes() != changes_seen_) arrange();
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
      if ((tried & each->bit) == 0 && !each->drain && !each->drained && !each->is_aside) return each.get();
    }
  }
  return nullptr;
}

Backend* Upstream::sibling(const Backend& backend, std::uint64_t tried) const {
  for (const auto& server : servers_) {
    for (const Ref<Backend>& each : server->backends) {
      if (each->text == backend.text && (tried & each->bit) == 0 && !each->drained && !each->is_aside) return each.get();
    }
  }
  return nullptr;
}

void Upstream::rule_out(const Backend& backend, std::uint64_t& tried) const {
  for (const auto& server : servers_) {
    for (const Ref<Backend>& each : server->backends) {
      if (each->text == backend.text) tried |= each->bit;
    }
  }
}

Backend* Upstream::by_id(std::uint64_t id, std::uint64_t& tried) {
  for (const auto& server : servers_) {
    for (const Ref<Backend>& each : server->backends) {
      const bool usable = can_be_used(*server, *each) || (each->drain && !each->drained);
      if (each->id != id || !usable || (tried & each->bit) != 0) continue;
      tried |= each->bit;
      return each.get();
    }
  }
  return nullptr;
}

bool Upstream::can_be_used(const Server& server, const Backend& backend) const {
  return !backend.drain && !backend.drained && !backend.is_aside && !server.probe && !backend.state->is_failing() && !backend.state->is_ejected(loop_.now());
}

// What changes by time alone, or was changed by another worker.
void Upstream::arrange() {
  changes_seen_ = fleet_->changes();
  std::erase_if(gone_, [](const Ref<Backend>& each) { return each->share.under_way.get() == 0; });
  look_around_at_ = never;
  hosts_ = 0;
  std::vector<Backend*> primaries;
  std::vector<Backend*> backups;
  std::vector<Backend*> all;
  const auto look_by = [&](TimePoint time) {
    if (time > loop_.now()) look_around_at_ = std::min(look_around_at_, time);
  };
  for (const auto& server : servers_) {
    hosts_ += server->hosts;
    for (const Ref<Backend>& each : server->backends) {
      each->drained = fleet_->is_drained(each->text, each->address.to_string());
      if (each->drained) agent_.close_free(each->origin);
      look_by(each->state->ejected_until());
      if (const TimePoint back = each->state->back_since(); back != SharedTime::earliest) look_by(back + settings.slow_start);
      if (!each->drain && !each->backup && !each->drained && !each->is_aside) all.push_back(each.get());
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
  ++backend.failures;
  if (why == Reason::upstream_connect_timeout || why == Reason::upstream_connect_failed) family_failed(backend);
  if (judges_by_means()) backend.share.failures.add(1);
  if (!fleet_->failed(*backend.state, settings.outlier, loop_.now())) return;
  log::warn("{}: {} is left out for {} s after {} failures in a row, the last: {}", label(), backend.text,
            std::chrono::duration_cast<std::chrono::seconds>(settings.outlier.eject_for).count(),
            backend.state->failures_in_a_row(), why == Reason::none ? "a status code that counts as one" : row(why).code);
}

// A refusal is an answer: its family leads somewhere.
void Upstream::family_failed(const Backend& backend) {
  for (const auto& server : servers_) server->not_connected(backend);
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
  for (const auto& server : servers_) server->drain();
}

UpstreamReport Upstream::report() const {
  UpstreamReport report{.name = settings.name, .of_tunnel = settings.of_tunnel, .drained = fleet_->is_drained("", ""),
                        .pool = agent_.statistics(), .retries = retries, .held = held_.size(), .servers = {}};
  const TimePoint now = loop_.now();
  for (const auto& server : servers_) {
    for (const Ref<Backend>& each : server->backends) {
      const std::string address = each->address.to_string();
      const bool ejected = each->state->is_ejected(now);
      report.servers.push_back(
          {.server = each->text,
           .address = address,
           .weight = each->weight,
           .backup = each->backup,
           .drains = each->drain || each->drained,
           .failing = each->state->is_failing(),
           .ejected_for = ejected ? std::chrono::ceil<std::chrono::milliseconds>(each->state->ejected_until() - now)
                                  : std::chrono::milliseconds::zero(),
           .set_aside = server->probe != nullptr || each->is_aside,
           .under_way = each->share.under_way.get(),
           .requests = each->requests,
           .failures = each->failures,
           .connections_busy = agent_.sockets(each->origin),
           .connections_free = agent_.free_sockets(each->origin),
           .waiting = agent_.requests(each->origin)});
    }
    if (server->backends.empty()) {
      report.servers.push_back({.server = server->text, .error = server->error ? server->error.message() : "being looked up"});
    }
  }
  for (const Ref<Backend>& gone : gone_) report.finishing += gone->share.under_way.get();
  return report;
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
  if (fleet_->is_drained("", "")) return {Reason::upstream_drained, MayRetry::never, {}};
  if (name_error()) return upstream_failure(errc::name_not_found, false, false);
  return {Reason::upstream_no_server, MayRetry::never, {}};
}

Upstream::Server::Server(Upstream& owner, const config::UpstreamServer& as_written)
    : written(as_written), text(as_written.address.to_string()), owner_(owner) {
  if (is_looked_up(written.address)) {
    look_up();
  } else {
    owner_.set_backends(*this, {place(written.address)});
  }
}

void Upstream::Server::look_up() {
  error = {};
  resolution = owner_.probes_.resolver.locate(
      owner_.loop_, written.address, {.family = owner_.settings.family, .hints = owner_.settings.hints},
      [this](Result<Whereabouts> answer) { found(std::move(answer)); });
}

// Before what was found runs out, so that no request has to wait. Keeps no loop alive.
TimePoint Upstream::Server::on_due(TimePoint now) noexcept {
  if (now < looks_up_at_) return looks_up_at_;
  looks_up_at_ = never;
  look_up();
  return never;
}

void Upstream::Server::look_up_at(TimePoint time) {
  if (owner_.drained_ || time == never) return;
  looks_up_at_ = time;
  owner_.loop_.ask_at(due_, time);
}

void Upstream::Server::found(Result<Whereabouts> answer) {
  resolution = {};
  const auto has_address = [](const NamedHost& host) { return !host.endpoints.empty(); };
  const bool is_good = answer && std::ranges::any_of(answer->hosts, has_address);
  look_up_at(is_good  ? use(*answer)
             : answer ? do_without(errc::name_not_found)
                      : do_without(answer.error()));
  owner_.arrange();
  tell_all(owner_.waiting_);
}

// When to look again.
TimePoint Upstream::Server::use(const Whereabouts& where) {
  hosts = where.hosts.size();
  const std::vector<BackendPlace> now = places(where);
  owner_.set_backends(*this, now);
  watch_families(now);
  if (std::exchange(failures_, 0) != 0 && owner_.looks_after_) {
    log::info("{}: {} can be looked up again", owner_.label(), text);
  }
  const std::optional<config::milliseconds> fixed = owner_.settings.resolve;
  if (fixed == config::no_limit) return never;
  return owner_.loop_.now() + (fixed ? Duration(*fixed) : lifetime_of(where));
}

// The last good addresses stay in use.
TimePoint Upstream::Server::do_without(std::error_code why) {
  error = why;
  if (failures_ == 0 && owner_.looks_after_) {
    log::warn("{}: {} cannot be looked up: {}; {}", owner_.label(), text, why.message(),
              backends.empty() ? "it has no address" : "its last addresses stay in use");
  }
  const auto wait = first_retry_after * (1U << std::min(failures_++, 10U));
  return owner_.loop_.now() + std::min<Duration>(wait, last_retry_after);
}

// As it is written.
BackendPlace Upstream::Server::place(const Address& address) const {
  return {.text = text,
          .address = address,
          .server_name = server_name(owner_.settings, host_of(written.address)),
          .weight = written.weight,
          .backup = written.backup};
}

std::vector<BackendPlace> Upstream::Server::places(const Whereabouts& where) const {
  const bool is_service = written.address.kind == Address::Kind::service;
  const std::uint16_t first = std::ranges::min_element(where.hosts, {}, &NamedHost::priority)->priority;
  std::vector<BackendPlace> all;
  for (const NamedHost& host : where.hosts) {
    BackendPlace of_host = place({});
    if (is_service) {
      of_host.text = host.host + ':' + std::to_string(host.port);
      of_host.server_name = server_name(owner_.settings, host.host);
      of_host.weight *= std::max<std::uint32_t>(1, host.weight);
      of_host.backup = written.backup || host.priority != first;
    }
    for (const Endpoint& endpoint : host.endpoints) {
      of_host.address = Address::of(endpoint);
      all.push_back(of_host);
    }
    if (!host.endpoints.empty()) continue;
    // A target that cannot be found right now stays where it was.
    for (const Ref<Backend>& known : backends) {
      if (known->text != of_host.text) continue;
      of_host.address = known->address;
      all.push_back(of_host);
    }
  }
  return all;
}

void Upstream::set_backends(Server& server, const std::vector<BackendPlace>& places) {
  std::vector<Ref<Backend>> now;
  for (const BackendPlace& place : places) {
    const auto known = std::ranges::find_if(server.backends, [&](const Ref<Backend>& each) {
      return each->address == place.address && each->text == place.text;
    });
    Ref<Backend>& backend = now.emplace_back(known == server.backends.end() ? make_backend(server, place) : *known);
    backend->weight = place.weight;
    backend->backup = place.backup;
  }
  server.backends.swap(now);
  for (const Ref<Backend>& old : now) {
    if (std::ranges::find(server.backends, old) == server.backends.end()) let_go(*old);
  }
}

Ref<Backend> Upstream::make_backend(const Server& server, const BackendPlace& place) {
  const std::string at = place.address.to_string();
  Ref<Backend> backend =
      make_ref<Backend>(place, server.written.drain, agent_.origin(place.address, place.server_name),
                        fleet_->backend(at), worker_, next_bit_);
  backend->id = stable_hash(at);
  next_bit_ = next_bit_ << 1 | next_bit_ >> 63;  // more than 64 share them
  const bool checks = looks_after_ && settings.health && settings.health->interval != config::off;
  if (checks && !drained_) {
    checks_.push_back(std::make_unique<HealthCheck>(settings, http_, agent_.options, backend,
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

// Hosts that have gone are forgotten.
void Upstream::Server::watch_families(const std::vector<BackendPlace>& places) {
  std::map<std::string, Endpoints> addresses;
  for (const BackendPlace& place : places) addresses[place.text].push_back(place.address.ip);
  std::erase_if(families_, [&](const auto& each) { return !addresses.contains(each.first); });
  for (const auto& [host, all] : addresses) {
    std::unique_ptr<FamilyWatch>& watch = families_[host];
    if (!watch) {
      const config::milliseconds limit = owner_.settings.connect_timeout;
      const FamilyWatch::World world{.loop = owner_.loop_,
                                     .network = owner_.probes_.network,
                                     .options = owner_.agent_.options.connect,
                                     .limit = limit == config::no_limit ? race_limit : limit};
      watch = std::make_unique<FamilyWatch>(world, owner_.looks_after_ ? owner_.label() + ": " + host : std::string(),
                                            static_cast<FamilyWatch::Owner&>(*this));
    }
    if (!owner_.drained_) watch->set(all);
  }
  arrange_families();
}

void Upstream::Server::arrange_families() {
  for (const Ref<Backend>& each : backends) {
    const auto watch = families_.find(each->text);
    each->is_aside = watch != families_.end() && !watch->second->uses(each->address.ip);
  }
}

void Upstream::Server::on_families() noexcept {
  arrange_families();
  owner_.arrange();
  tell_all(owner_.waiting_);
}

void Upstream::Server::not_connected(const Backend& backend) {
  const auto watch = families_.find(backend.text);
  if (watch == families_.end() || !watch->second->failed(backend.address.ip)) return;
  arrange_families();
  owner_.arrange();
}

void Upstream::Server::drain() {
  probe.reset();
  for (const auto& [host, watch] : families_) watch->stop();
  arrange_families();
  looks_up_at_ = never;
  owner_.loop_.forget(due_);
}

void Upstream::Server::on_reachable() noexcept {
  log::info("{}: the parent proxy {} can be reached again", owner_.label(), text);
  probe.reset();
}

}  // namespace culvert::proxy
