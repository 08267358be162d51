// The steps of an exchange whose client names the destination, between those of exchange.cpp: once it is judged, it is
// tunnelled to, asked for directly, or both by a parent proxy.
#include "proxy/journey.hpp"

#include <algorithm>
#include <utility>

#include "proxy/rewrite.hpp"
#include "wire/header_names.hpp"

namespace culvert::proxy {

namespace {

// No way through proxies is that long, unless it is a circle. Names in Via tell nothing: most have the same.
constexpr std::ptrdiff_t hops_max = 16;

std::ptrdiff_t hops(const HeaderList& headers) {
  std::ptrdiff_t count = 0;
  for (const Header& line : headers) {
    if (line.id == HeaderId::via) count += 1 + std::ranges::count(line.value, ',');
  }
  return count;
}

}  // namespace

void Exchange::on_passage() {
  Passage& passage = journey_->passage;
  if (const Failure& failure = passage.failure(); failure.reason != Reason::none) return fail(failure);
  if (wants_tunnel() && !has_parent()) {
    BareStream upstream(passage.take_stream(), gateway_.loop);
    const std::string server = upstream.stream->remote().to_string();
    return become_tunnel(std::move(upstream), server, {});
  }
  route_ = has_parent() ? passage.parents() : policy_->forward;
  if (has_parent() && hops(request_->raw_headers()) >= hops_max) {
    return fail({Reason::proxy_loop_detected, MayRetry::never, {}});
  }
  if (!wants_tunnel()) return serve_onward();
  if (choose_hop()) send_request();
}

void Exchange::become_tunnel(BareStream upstream, const std::string& server, Bytes from_upstream) {
  if (client_has_gone()) return;
  Passage& passage = journey_->passage;
  const config::Tunnel& settings = passage.policy()->settings;
  TunnelOrigin origin = tunnel_origin(server);
  origin.route = journey_->led_by;
  origin.by_parent = has_parent();
  origin.retries = retries();
  origin.policy = passage.policy();
  origin.rule = passage.verdict().rule;
  origin.place = std::move(passage.place());
  const net::RelayLimits limits{.idle_timeout = settings.idle_timeout,
                                .max_lifetime = settings.max_lifetime,
                                .max_bytes = settings.max_bytes,
                                .bytes_per_second = settings.bandwidth,
                                .account = origin.place.account()};
  std::vector<std::byte> early;
  BareStream downstream = response_->switch_protocols(200, "Connection Established", {}, early);
  has_left_ = true;
  gateway_.begin_tunnel(std::move(origin), limits, std::move(downstream), std::move(upstream), early, from_upstream);
}

// ---- a request that is forwarded -------------------------------------------------------------------------------------

// What it moves counts as what tunnels do, where that is counted; the message flows then.
bool Exchange::count_bytes(IncomingMessage& message) {
  if (journey_->passage.place().account() == nullptr || !message.has_body()) return false;
  message.on_data([this, &message](Bytes part) {
    if (request_ == nullptr || failure_.reason == Reason::client_bytes_exhausted) return;
    net::Account& account = *journey_->passage.place().account();
    account.spend(part.size(), gateway_.loop.now());
    if (!account.overspent(gateway_.loop.now())) return;
    message.unpipe();
    fail({Reason::client_bytes_exhausted, MayRetry::never, {}});
  });
  return true;
}

// Whether the answer is one for the client.
bool Exchange::take_from_afar(IncomingMessage& answer) {
  if (answer.status_code() == 407 && has_parent()) {
    fail(parent_refusal(407));
    return false;
  }
  count_bytes(answer);
  return true;
}

// ---- by a parent proxy ----------------------------------------------------------------------------------------------

bool Exchange::has_parent() const { return journey_ && journey_->passage.parents(); }

// The first parent that was not tried; where none is on the way, the destination itself.
bool Exchange::choose_hop() {
  if (!has_parent()) {
    ++tries_;
    return true;
  }
  if (!choose_again()) return false;
  journey_->end_hop();
  return true;
}

// Of the addresses that were judged, or of the parent's, the one whose turn it is.
Agent::Origin* Exchange::next_hop(Agent& agent) {
  if (has_parent()) {
    journey_->begin_hop();
    journey_->tried = server_->text;
    return &server_->origin;
  }
  const std::vector<Endpoint>& judged = journey_->passage.addresses();
  const Address address = Address::of(judged[addresses_tried_++ % judged.size()]);
  journey_->tried = address.to_string();
  return &agent.origin_once(address);
}

// The parent's name is not found, its connection not made, or its answer to CONNECT not there in time.
void Exchange::hop_is_late() {
  if (up_ != nullptr) return void(up_->destroy(errc::timed_out));
  if (!Upstream::Waiter::linked()) return;  // it had come to nothing before, which the client is being told
  Upstream::Waiter::unlink();
  if (request_ == nullptr) return release_if_over();
  failure_ = {Reason::upstream_name_timeout, MayRetry::yes, errc::timed_out};
  route_->upstream->set_unresolved_aside(errc::timed_out);
  may_try_again(failure_) ? try_again() : fail(failure_);
}

void Exchange::ask_parent(Agent& agent, Agent::Origin& origin) {
  std::string& authority = journey_->authority;
  authority = journey_->passage.authority();
  std::vector<Header>& lines = gateway_.lines;
  connect_lines(lines, *request_, *policy_, authority);
  add_proxy_credentials();
  up_ = &agent.request(origin, {.method = "CONNECT", .path = authority, .headers = lines});
  up_->on_connect([this](IncomingMessage& answer, std::unique_ptr<Socket>& socket, Bytes rest) {
    on_parent_leads(answer, socket, rest);
  });
  up_->on_response([this](IncomingMessage& answer) { on_parent_refuses(answer); });
  up_->on_error([this](std::error_code error) { on_upstream_error(error); });
  up_->on_close([this] { on_upstream_closed(); });
  up_->end();
}

void Exchange::on_parent_leads(const IncomingMessage& answer, std::unique_ptr<Socket>& socket, Bytes rest) {
  journey_->end_hop();
  if (request_ == nullptr) return;
  if (answer.status_code() == 101) return fail({Reason::upstream_upgrade_unexpected, MayRetry::never, {}});
  const std::unique_ptr<Socket> taken = std::move(socket);
  become_tunnel(taken->detach(), server_->text, rest);
}

void Exchange::on_parent_refuses(IncomingMessage& answer) {
  answer.on_error([](std::error_code) {});  // what it says besides is for nobody
  failure_ = parent_refusal(answer.status_code());
  route_->upstream->rule_out(*server_, tried_);  // its other addresses are the same proxy
  up_->destroy();
}

// An http:// target is for the parent as a whole (RFC 9112 3.2.2).
std::string_view Exchange::target_for_parent(std::string_view target) {
  if (!has_parent()) return target;
  add_proxy_credentials();
  journey_->end_hop();  // from here on the request has limits of its own
  constexpr std::string_view scheme = "http://";
  char* const text = static_cast<char*>(arena_.allocate(scheme.size() + host_field_.size() + target.size(), 1));
  char* end = std::copy(scheme.begin(), scheme.end(), text);
  end = std::copy(host_field_.begin(), host_field_.end(), end);
  end = std::copy(target.begin(), target.end(), end);
  return {text, static_cast<std::size_t>(end - text)};
}

void Exchange::add_proxy_credentials() {
  const std::string& ours = route_->upstream->proxy_authorization;
  if (!ours.empty()) gateway_.lines.push_back({HeaderId::proxy_authorization, "Proxy-Authorization", ours});
}

// A parent that is not there is left out from now on. Nothing has gone through a tunnel that does not stand yet: where a
// parent says nothing, the next may be asked.
void Exchange::judge_hop() {
  if (!has_parent() || request_ == nullptr) return;
  if (!up_->connected() && !has_another_address(failure_)) route_->upstream->set_aside(*server_, failure_.cause);
  if (!wants_tunnel() || !up_->connected()) return;
  const bool silent = failure_.reason == Reason::upstream_response_timeout;
  const bool ended = failure_.reason == Reason::upstream_reset_before_response;
  if (ended && up_->reused_socket()) return;  // which is no news of the parent
  if (!silent && !ended) return;
  failure_.retry = MayRetry::yes;
  route_->upstream->rule_out(*server_, tried_);
}

}  // namespace culvert::proxy
