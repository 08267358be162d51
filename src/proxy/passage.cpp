#include "proxy/passage.hpp"

#include <utility>

#include "base/ascii.hpp"
#include "config/learned_rules.hpp"
#include "culvert/error.hpp"

namespace culvert::proxy {

namespace {

// As rules have it: in lower case, and without the dot at the end of a full name.
std::string plain_host(std::string_view host) {
  if (host.size() > 1 && host.ends_with('.')) host.remove_suffix(1);
  return ascii::lower(host);
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
  if (!destination_.plain_http && !take_place_for_tunnel()) return true;
  if (kind.address.family != Endpoint::Family::none) return go_to({kind.address});
  // Names that are not allowed are not asked for: a question can carry something out.
  verdict_ = policy_->judge(destination_);
  if (!verdict_.needs_addresses && verdict_.reason != Reason::none) return refuse(verdict_.reason);
  lookup_ = world_.resolver.resolve(world_.loop, host_, destination_.port, {},
                                    [this](Result<Endpoints> found) { resolved(std::move(found)); });
  return false;
}

bool Passage::take_place_for_tunnel() {
  const config::Tunnel& settings = policy_->settings;
  const std::string client = destination_.user.empty() ? destination_.client.ip() : std::string(destination_.user);
  const Reason none_left = world_.places.take(settings.name, client, settings.max_tunnels, settings.max_tunnels_per_client, place_);
  return none_left == Reason::none || !refuse(none_left);
}

void Passage::resolved(Result<Endpoints> found) {
  lookup_ = {};
  if (!found || found->empty()) {
    refuse(Reason::upstream_name_not_found, found ? make_error_code(errc::name_not_found) : found.error());
    return owner_.on_passage();
  }
  if (go_to(std::move(*found))) owner_.on_passage();
}

// The addresses are judged all together and then dialled as they are: nobody is asked again.
bool Passage::go_to(Endpoints addresses) {
  for (Endpoint& address : addresses) address = address.unmapped();
  verdict_ = policy_->judge(destination_, addresses, world_.network);
  if (verdict_.reason != Reason::none) return refuse(verdict_.reason);
  if (verdict_.rule == &policy_->learned) note_lesson();
  addresses_ = std::move(addresses);
  if (destination_.plain_http) return true;
  dialer_.emplace(world_.loop, world_.network, static_cast<net::Dialer::Owner&>(*this));
  dialer_->dial(addresses_, {}, policy_->settings.connect_timeout);
  return false;
}

void Passage::note_lesson() {
  if (world_.lessons == nullptr) return;
  const std::string target = config::exact_target(destination_.host, destination_.port).value();
  world_.lessons->learn({.time = world_.loop.wall_now(),
                         .file = policy_->settings.learn,
                         .user = destination_.user,
                         .target = target,
                         .denied_by = verdict_.denied_by});
}

bool Passage::refuse(Reason reason, std::error_code cause) {
  failure_ = {reason, MayRetry::never, cause};
  return true;
}

void Passage::dialled(std::unique_ptr<Transport> stream) noexcept {
  stream_ = std::move(stream);
  owner_.on_passage();
}

void Passage::not_dialled(std::error_code error) noexcept {
  failure_ = upstream_failure(error, false, false);
  owner_.on_passage();
}

}  // namespace culvert::proxy
