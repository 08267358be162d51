// The steps of an exchange after a try has come to nothing: once more, to another server; later, when one can be reached;
// or never.
#include <algorithm>

#include "proxy/care.hpp"
#include "proxy/exchange.hpp"
#include "proxy/gateway_state.hpp"
#include "proxy/hedge.hpp"
#include "proxy/idempotent.hpp"
#include "proxy/journey.hpp"

namespace culvert::proxy {

namespace {

// So many stale connections one after another are no coincidence.
constexpr std::uint32_t stale_tries_most = 8;

}  // namespace

// A server may have had the request, and would have it twice.
bool Exchange::may_be_repeated() const { return idempotent(view_.method) || wants_tunnel(); }

std::uint32_t Exchange::tries_max() const {
  const config::Retry& retry = route_->settings.retry;
  if (retry.attempts != 0) return retry.attempts;
  return std::max<std::uint32_t>(2, static_cast<std::uint32_t>(route_->upstream->servers())) + stale_tries_;
}

bool Exchange::is_last_try() const { return tries_since_held() >= tries_max(); }

bool Exchange::has_a_try_left() const {
  const config::milliseconds limit = route_->settings.retry.timeout;
  return !is_last_try() && (limit == config::no_limit || gateway_.loop.now() - began_ < limit);
}

// Nothing of an answer has gone to the client, and nothing of the request is missing here.
bool Exchange::is_whole() const { return !response_->headers_sent() && (care_ == nullptr || !care_->body_is_lost); }

bool Exchange::may_try_again(const Failure& failure) {
  if (!is_whole()) return false;
  if (failure.retry == MayRetry::decided || has_another_address(failure)) return true;
  if (!has_a_try_left()) return false;
  const config::Retry& retry = route_->settings.retry;
  switch (failure.retry) {
    case MayRetry::yes: return retry.on_connect_failure;
    case MayRetry::if_reused: {
      if (!may_be_repeated()) return false;
      const bool stale = reused_ && !up_->answered();
      if (stale && retry.on_reused_connection_closed) return true;
      return retry.on_reset && route_->upstream->retry_budget().take(gateway_.loop.now());
    }
    case MayRetry::never: {
      const bool late = failure.reason == Reason::upstream_response_timeout;
      return late && retry.on_response_timeout && may_be_repeated() &&
             route_->upstream->retry_budget().take(gateway_.loop.now());
    }
    case MayRetry::decided: break;
  }
  return true;
}

// A name may stand for several addresses of which not all listen ("localhost" in both families): one try asks them all.
bool Exchange::has_another_address(const Failure& failure) const {
  if (failure.retry != MayRetry::yes) return false;
  if (journey_ && !has_parent()) return addresses_tried_ < journey_->passage.addresses().size();
  return server_ && route_->upstream->sibling(*server_, tried_) != nullptr;
}

// Without an answer to pass on, unless it was cut.
[[gnu::cold]] void Exchange::on_try_failed() {
  if (!has_answered_) judge_server();
  if (is_hedging() && care_->hedge->step_in()) return;
  const bool may_try = !client_has_gone() && may_try_again(failure_);
  up_ = nullptr;
  if (request_ == nullptr) return release_if_over();
  if (may_try) return try_again();
  if (!response_->writable_ended()) fail(failure_);
}

// On the next address, or another server that was not tried. How the last try failed concerns nobody any more, unless it was the last.
void Exchange::try_again() {
  if (failure_.retry != MayRetry::decided && !take_another_address()) {
    if (failure_.retry == MayRetry::if_reused) {  // the server may be well: only the connection was stale
      tried_ = 0;
      stale_tries_ = std::min<std::uint32_t>(stale_tries_ + 1, stale_tries_most);
    }
    if (!(journey_ ? choose_hop() : choose_again())) return;
  }
  failure_ = {};
  has_answered_ = false;
  if (route_->upstream) ++route_->upstream->retries;
  send_request();
}

bool Exchange::take_another_address() {
  if (!has_another_address(failure_)) return false;
  if (journey_ && !has_parent()) return true;  // next_hop() takes it
  Backend* const next = route_->upstream->sibling(*server_, tried_);
  tried_ |= next->bit;
  server_ = BackendUse(*next);
  return true;
}

// The answer is one that another server may do better at. It is given up only where another is asked already, or can be.
bool Exchange::tries_again_for(std::uint16_t status) {
  const config::Retry& retry = route_->settings.retry;
  const bool wanted = std::ranges::count(retry.on_status, status) > 0 && may_be_repeated();
  if (!wanted || journey_ || client_has_gone() || !is_whole()) return false;
  if (is_hedging()) {
    care_->hedge->replace_own();
    return true;
  }
  if (!has_a_try_left()) return false;
  std::uint64_t tried = tried_;
  Backend* const next = next_backend(tried);
  if (next == nullptr || !route_->upstream->retry_budget().take(gateway_.loop.now())) return false;
  tried_ = tried;
  use(next);
  failure_ = {Reason::upstream_no_server, MayRetry::decided, {}};
  up_->destroy();
  return true;
}

// Of this try; the last one has all the time that the upstream has.
config::milliseconds Exchange::time_to_answer() const {
  const config::Route& route = route_->settings;
  const config::milliseconds whole = route.response_timeout.value_or(route_->upstream->settings.response_timeout);
  const config::milliseconds each = route.retry.try_timeout;
  if (is_last_try()) return whole;
  return whole == config::no_limit ? each : std::min(each, whole);
}

// A stale connection is no failure of the server's.
void Exchange::judge_server() {
  const bool stale = failure_.retry == MayRetry::if_reused && up_ != nullptr && up_->reused_socket() && !up_->answered();
  const bool ours = row(failure_.reason).side != Side::upstream || failure_.reason == Reason::upstream_queue_timeout ||
                    failure_.reason == Reason::upstream_queue_full;
  if (!server_ || journey_ || stale || ours) return;
  route_->upstream->failed(*server_, failure_.reason);
}

// ---- what was sent of the body --------------------------------------------------------------------------------------

Exchange::Care& Exchange::care() {
  if (care_ == nullptr) care_ = new (arena_.allocate(sizeof(Care), alignof(Care))) Care;
  return *care_;
}

std::uint32_t Exchange::tries_since_held() const { return care_ == nullptr ? tries_ : tries_ - care_->tries_before_hold; }

// As far as it may be needed: until there is an answer; of what may not be repeated, until a server may have it.
void Exchange::keep_body() {
  was_sent_ = true;
  (void)care();
  request_->on_data([this, most = route_->settings.retry.max_body_size](Bytes part) {
    if (care_->body_is_lost || up_response_ != nullptr) return;
    const bool is_sent = up_ != nullptr && up_->connected() && !may_be_repeated();
    care_->body_is_lost = is_sent || care_->body.size() + part.size() > most;
    if (!care_->body_is_lost) care_->body.add(part, arena_);
  });
}

void Exchange::send_kept_body() {
  care_->body.for_each([this](Bytes part) { up_->write(part); });
}

// ---- nobody can be reached: later -------------------------------------------------------------------------------------

// Whether the exchange goes on, or has been answered.
bool Exchange::hold(const Failure& failure) {
  if (!route_ || !route_->upstream || journey_ || failure.retry != MayRetry::yes) return false;
  const config::Hold& rules = route_->upstream->settings.hold;
  if (rules.timeout == config::off || client_has_gone() || !is_whole()) return false;
  HeldRequests& held = route_->upstream->held();
  if (care().held_until == never) {
    if (!held.has_room()) {
      turn_back(Reason::upstream_hold_full);
      return true;
    }
    care_->held_until = gateway_.loop.now() + rules.timeout;
  } else if (gateway_.loop.now() >= care_->held_until) {
    turn_back(Reason::upstream_hold_timeout);
    return true;
  }
  if (request_->has_body() && !request_->ended()) request_->pause();
  failure_ = {};
  tried_ = 0;
  care_->tries_before_hold = tries_;
  waits_until = care_->held_until;
  held.add(*this);
  return true;
}

}  // namespace culvert::proxy
