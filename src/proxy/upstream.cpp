#include "proxy/upstream.hpp"

#include "base/digest.hpp"
#include "base/log.hpp"
#include "culvert/error.hpp"
#include "culvert/http.hpp"

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

}  // namespace

Upstream::Upstream(const config::Upstream& written, Http& http)
    : settings(written),
      authorization(basic(written.auth)),
      proxy_authorization(basic(written.proxy_auth)),
      loop_(http.loop()),
      resolver_(http.resolver()),
      probes_{http.loop(), http.network(), http.resolver()},
      agent_(http, agent_options(written)),
      turn_(static_cast<std::size_t>(http.loop().random())) {  // workers that start together do not all begin with the first
  for (const Address& address : settings.servers) servers_.push_back(std::make_unique<Server>(*this, address));
}

Upstream::Server* Upstream::choose(std::uint64_t& tried) {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const std::size_t at = turn_++ % servers_.size();
    const std::uint64_t bit = std::uint64_t{1} << (at % 64);
    if ((tried & bit) != 0) continue;
    tried |= bit;
    return servers_[at].get();
  }
  return nullptr;
}

Upstream::Server* Upstream::choose_first(std::uint64_t& tried) {
  for (const bool set_aside : {false, true}) {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      const std::uint64_t bit = std::uint64_t{1} << (i % 64);
      if ((tried & bit) != 0 || servers_[i]->is_set_aside() != set_aside) continue;
      tried |= bit;
      return servers_[i].get();
    }
  }
  return nullptr;
}

void Upstream::drain() {
  drained_ = true;
  agent_.drain();
  for (const auto& server : servers_) server->probe_.reset();
}

Upstream::Server::Server(Upstream& owner, const Address& written)
    : owner_(owner),
      address_(written),
      text_(written.to_string()),
      server_name_(server_name(owner.settings, written)) {
  if (address_.kind == Address::Kind::name) {
    resolve();
  } else {
    origins_.push_back(&owner_.agent_.origin(address_, server_name_));
    fresh_until_ = never;
  }
}

Agent::Origin* Upstream::Server::origin() {
  if (owner_.loop_.now() >= fresh_until_) resolve();
  if (origins_.empty()) return nullptr;
  return origins_[next_++ % origins_.size()];
}

void Upstream::Server::set_aside(std::error_code why) {
  const config::milliseconds interval = owner_.settings.check_interval;
  if (interval == config::off || owner_.drained_ || is_set_aside()) return;
  log::warn("[tunnel.{}]: the parent proxy {} cannot be reached ({}) and is left out until it can be", owner_.settings.name,
            text_, why.message());
  probe_ = std::make_unique<HealthProbe>(owner_.probes_, address_, interval, static_cast<HealthProbe::Owner&>(*this));
}

void Upstream::Server::on_reachable() noexcept {
  log::info("[tunnel.{}]: the parent proxy {} can be reached again", owner_.settings.name, text_);
  probe_.reset();
}

void Upstream::Server::resolve() {
  if (resolution_) return;
  error_ = {};
  resolution_ = owner_.resolver_.resolve(owner_.loop_, address_.text, address_.port,
                                         {.family = owner_.settings.family, .hints = owner_.settings.hints},
                                         [this](Result<std::vector<Endpoint>> answer) { resolved(std::move(answer)); });
}

void Upstream::Server::resolved(Result<std::vector<Endpoint>> answer) {
  resolution_ = {};
  const config::milliseconds lifetime = owner_.settings.resolve;
  fresh_until_ = lifetime == config::no_limit ? never : owner_.loop_.now() + lifetime;
  if (answer && !answer->empty()) {
    origins_.clear();
    for (const Endpoint& endpoint : *answer) {
      origins_.push_back(&owner_.agent_.origin(Address::of(endpoint), server_name_));
    }
  } else {
    // The last good addresses stay in use; a name that never had one is asked for again soon.
    error_ = answer ? make_error_code(errc::name_not_found) : answer.error();
    if (origins_.empty()) fresh_until_ = owner_.loop_.now() + std::chrono::seconds(1);
  }
  IntrusiveList<Waiter> waiting;
  waiting.splice_back(waiting_);
  while (!waiting.empty()) {
    Waiter& waiter = waiting.front();
    waiter.unlink();
    waiter.on_resolved();
  }
}

}  // namespace culvert::proxy
