#include "proxy/passage.hpp"

#include <utility>

#include "base/ascii.hpp"
#include "base/client_address.hpp"
#include "config/learned_rules.hpp"
#include "culvert/error.hpp"

namespace culvert::proxy {

namespace {

// As rules have it: in lower case, and without the dot at the end of a full name.
std::string plain_host(std::string_view host) {
  if (host.size() > 1 && host.ends_with('.')) host.remove_suffix(1);
  return ascii::lower(host);
}

Endpoints loopback(std::uint16_t port) {
  return {*Endpoint::parse_ip("127.0.0.1", port), *Endpoint::parse_ip("::1", port)};
}

}  // namespace

Passage::Passage(const World& world, Ref<AccessPolicy> policy, Owner& owner, std::string_view host, std::uint16_t port,
                 bool plain_http, const Endpoint& client)
    : world_(world), policy_(std::move(policy)), owner_(owner), host_(plain_host(host)),
      destination_{.host = host_, .port = port, .plain_http = plain_http, .client = client, .user = {}} {}

bool Passage::begin(std::string_view user) {
  destination_.user = user;
  const HostKind kind = kind_of_host(host_, destination_.port);
  if (kind.ambiguous) return refuse(Reason::destination_malformed);
  if (!take_place()) return true;
  if (const auto limit = policy_->settings.connect_timeout; limit.count() != 0) ends_at_ = world_.loop.now() + limit;
  if (kind.address.family != Endpoint::Family::none) return go_to({kind.address});
  // Names that are not allowed are not asked for: a question can carry something out.
  verdict_ = policy_->judge(destination_);
  if (!verdict_.needs_addresses) {
    if (verdict_.reason != Reason::none) return refuse(verdict_.reason);
    parents_ = policy_->parents(verdict_);
    if (parents_ && is_localhost(host_)) return go_to(loopback(destination_.port));
    if (parents_) {
      note_lesson();
      return true;
    }
  }
  world_.loop.ask_at(due_, ends_at_);
  lookup_ = world_.resolver.resolve(world_.loop, host_, destination_.port, {},
                                    [this](Result<Endpoints> found) { resolved(std::move(found)); });
  return false;
}

// A request has one only where bytes are counted.
bool Passage::take_place() {
  const config::Tunnel& settings = policy_->settings;
  const bool is_request = destination_.plain_http;
  if (is_request && settings.max_bytes_per_client == 0) return true;
  const bool is_user = !destination_.user.empty();
  const std::string client = is_user ? std::string(destination_.user) : client_address(destination_.client).ip();
  const auto use = is_request ? TunnelPlaces::Use::request : TunnelPlaces::Use::tunnel;
  const Reason none_left = world_.places.take(settings, client, use, world_.loop.now(), place_);
  return none_left == Reason::none || !refuse(none_left);
}

void Passage::resolved(Result<Endpoints> found) {
  lookup_ = {};
  if (!found || found->empty()) {
    world_.loop.forget(due_);
    refuse(Reason::upstream_name_not_found, found ? make_error_code(errc::name_not_found) : found.error());
    return owner_.on_passage();
  }
  if (!go_to(std::move(*found))) return;
  world_.loop.forget(due_);
  owner_.on_passage();
}

// The addresses are judged all together and then dialled as they are: nobody is asked again.
bool Passage::go_to(Endpoints addresses) {
  for (Endpoint& address : addresses) address = address.unmapped();
  verdict_ = policy_->judge(destination_, addresses, world_.network);
  if (verdict_.reason != Reason::none) return refuse(verdict_.reason);
  note_lesson();
  addresses_ = std::move(addresses);
  parents_ = policy_->parents(verdict_);
  if (destination_.plain_http || parents_) return true;
  world_.loop.ask_at(due_, ends_at_);
  dialer_.emplace(world_.loop, world_.network, static_cast<net::Dialer::Owner&>(*this));
  dialer_->dial(addresses_, {}, {});
  return false;
}

// Where it would have been denied.
void Passage::note_lesson() {
  if (verdict_.rule != &policy_->learned || world_.lessons == nullptr) return;
  const std::string target = config::exact_target(destination_.host, destination_.port).value();
  world_.lessons->learn({.time = world_.loop.wall_now(),
                         .file = policy_->settings.learn,
                         .user = destination_.user,
                         .target = target,
                         .denied_by = verdict_.denied_by});
}

TimePoint Passage::on_due(TimePoint now) noexcept {
  if (now < ends_at_) return ends_at_;
  failure_ = dialer_ ? upstream_failure(errc::timed_out, false, false)
                     : Failure{Reason::upstream_name_timeout, MayRetry::never, errc::timed_out};
  lookup_ = {};
  dialer_.reset();
  owner_.on_passage();
  return never;
}

std::string Passage::authority() const {
  const bool is_ipv6 = host_.find(':') != std::string::npos;
  return (is_ipv6 ? '[' + host_ + ']' : host_) + ':' + std::to_string(destination_.port);
}

bool Passage::refuse(Reason reason, std::error_code cause) {
  failure_ = {reason, MayRetry::never, cause};
  return true;
}

void Passage::dialled(std::unique_ptr<Transport> stream) noexcept {
  world_.loop.forget(due_);
  stream_ = std::move(stream);
  owner_.on_passage();
}

void Passage::not_dialled(std::error_code error) noexcept {
  world_.loop.forget(due_);
  failure_ = upstream_failure(error, false, false);
  owner_.on_passage();
}

}  // namespace culvert::proxy
