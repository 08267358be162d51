#include "proxy/hedge.hpp"

#include <algorithm>
#include <utility>

#include "proxy/care.hpp"
#include "proxy/gateway_state.hpp"
#include "proxy/idempotent.hpp"
#include "wire/header_names.hpp"

namespace culvert::proxy {

namespace {

// Nothing of it is heard any more.
ClientRequest& silence(ClientRequest& request) {
  request.on_information.off_all();
  request.on_response.off_all();
  request.on_error.off_all();
  request.on_close.off_all();
  return request;
}

}  // namespace

// ---- the exchange's side ----------------------------------------------------------------------------------------------

// Where a server may have the request twice, and would answer it.
[[gnu::cold]] void Exchange::prepare_hedge() {
  const bool leaves_http = request_->raw_headers().may_have(HeaderId::upgrade) && !protocols_to_ask().empty();
  if (!idempotent(view_.method) || leaves_http) return;
  care_->hedge = new (arena_.allocate(sizeof(Hedge), alignof(Hedge))) Hedge(*this);
}

[[gnu::cold]] bool Exchange::is_hedging() const { return care_ != nullptr && care_->hedge != nullptr && care_->hedge->is_under_way(); }

// ---- its time -----------------------------------------------------------------------------------------------------------

[[gnu::cold]] Exchange::Hedge::Hedge(Exchange& of) : exchange_(of) {
  Loop& loop = exchange_.gateway_.loop;
  loop.ask_at(*this, loop.now() + exchange_.route_->settings.retry.hedge_after);
}

[[gnu::cold]] Exchange::Hedge::~Hedge() { exchange_.gateway_.loop.forget(*this); }

[[gnu::cold]] void Exchange::Hedge::note_request_end() {
  if (request_ended_ == TimePoint::min()) request_ended_ = exchange_.gateway_.loop.now();
}

// What cannot be done now may be possible later, as long as there is no answer.
[[gnu::cold]] TimePoint Exchange::Hedge::on_due(TimePoint now) noexcept {
  if (is_under_way() || exchange_.client_has_gone()) return never;
  const Duration after = exchange_.route_->settings.retry.hedge_after;
  const TimePoint due = std::max(exchange_.sent_, request_ended_) + after;
  if (now < due) return due;
  if (!may_begin()) return now + after;
  std::uint64_t tried = exchange_.tried_;
  Backend* const chosen = another(tried);
  if (chosen == nullptr || !exchange_.route_->upstream->retry_budget().take(now)) return now + after;
  begin(*chosen, tried);
  return never;
}

// The request is all here, and so far there is no more than one server that thinks about it.
[[gnu::cold]] bool Exchange::Hedge::may_begin() const {
  const IncomingMessage& request = *exchange_.request_;
  const bool awaits_answer =
      exchange_.up_ != nullptr && !exchange_.has_answered_ && exchange_.failure_.reason == Reason::none;
  const bool has_all = !request.has_body() || request.ended();
  return awaits_answer && has_all && exchange_.is_whole() && exchange_.has_a_try_left() &&
         !exchange_.route_->upstream->is_full();
}

// Only one that is well, and used at such times: the first may answer yet.
[[gnu::cold]] Backend* Exchange::Hedge::another(std::uint64_t& tried) const {
  Backend* const next = exchange_.next_backend(tried);
  if (next == nullptr || (next->backup && !exchange_.server_->backup)) return nullptr;
  const bool is_out = next->state->is_failing() || next->state->is_ejected(exchange_.gateway_.loop.now());
  return is_out || would_wait(next->origin) ? nullptr : next;
}

// For a connection: those are for requests that nobody has yet.
[[gnu::cold]] bool Exchange::Hedge::would_wait(const Agent::Origin& origin) const {
  const Agent& agent = exchange_.route_->upstream->agent();
  const bool is_full = agent.sockets(origin) >= agent.options.max_sockets ||
                       agent.total_sockets() >= agent.options.max_total_sockets;
  return agent.requests(origin) > 0 || (is_full && agent.free_sockets(origin) == 0);
}

// ---- two requests -------------------------------------------------------------------------------------------------------

[[gnu::cold]] void Exchange::Hedge::begin(Backend& chosen, std::uint64_t tried) {
  up_ = std::exchange(exchange_.up_, nullptr);
  server_ = std::move(exchange_.server_);
  sent_ = exchange_.sent_;
  listen_aside();
  Upstream& upstream = *exchange_.route_->upstream;
  if (upstream.settings.max_requests != 0) {
    counted_by_ = &upstream.under_way().requests;
    counted_by_->add(1);
  }
  ++count_;
  exchange_.tried_ = tried;
  exchange_.use(&chosen);
  exchange_.send_request();
}

// An interim answer of one of two is nobody's: the final one may be the other's.
[[gnu::cold]] void Exchange::Hedge::listen_aside() {
  silence(*up_);
  up_->on_response([this](IncomingMessage& answer) {
    change_places();
    exchange_.up_->on_response.emit(answer);
  });
  up_->on_error([this](std::error_code error) {  // on_close follows
    change_places();
    exchange_.up_->on_error.emit(error);
  });
}

[[gnu::cold]] void Exchange::Hedge::change_places() {
  std::swap(up_, exchange_.up_);
  std::swap(server_, exchange_.server_);
  std::swap(sent_, exchange_.sent_);
  exchange_.listen_to(silence(*exchange_.up_));
  listen_aside();
}

[[gnu::cold]] bool Exchange::Hedge::step_in() {
  if (!is_under_way()) return false;
  exchange_.up_ = std::exchange(up_, nullptr);
  exchange_.server_ = std::move(server_);
  exchange_.sent_ = sent_;
  exchange_.listen_to(silence(*exchange_.up_));
  ask_again();
  return true;
}

[[gnu::cold]] void Exchange::Hedge::replace_own() {
  change_places();
  drop();
  ask_again();
}

// A third may be asked, as after any other failure.
[[gnu::cold]] void Exchange::Hedge::ask_again() {
  give_back_place();
  exchange_.failure_ = {};
  exchange_.has_answered_ = false;
  exchange_.gateway_.loop.ask_at(*this, exchange_.gateway_.loop.now());
}

// ---- the end ------------------------------------------------------------------------------------------------------------

// Who was asked first and has not answered yet is slow at least by so much. It is no failure.
[[gnu::cold]] void Exchange::Hedge::decide() {
  const bool was_outrun = is_under_way() && sent_ < exchange_.sent_;
  if (was_outrun && exchange_.route_->upstream->settings.outlier.latency_factor != 0) {
    server_->share.answers.add(1);
    server_->share.nanoseconds.add(static_cast<std::uint64_t>((exchange_.first_byte_ - sent_).count()));
  }
  end();
}

[[gnu::cold]] void Exchange::Hedge::end() {
  exchange_.gateway_.loop.forget(*this);
  if (is_under_way()) drop();
}

[[gnu::cold]] void Exchange::Hedge::drop() {
  ClientRequest& request = silence(*std::exchange(up_, nullptr));
  request.on_error([](std::error_code) {});  // nobody waits for it
  request.destroy();
  server_ = {};
  give_back_place();
}

[[gnu::cold]] void Exchange::Hedge::give_back_place() {
  if (counted_by_ != nullptr) std::exchange(counted_by_, nullptr)->subtract(1);
}

}  // namespace culvert::proxy
