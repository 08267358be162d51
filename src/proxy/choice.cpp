// The steps of an exchange by which a server is chosen, where more decides than whose turn it is, and judged.
#include "proxy/care.hpp"
#include "proxy/exchange.hpp"
#include "proxy/gateway_state.hpp"
#include "proxy/request_key.hpp"
#include "wire/header_names.hpp"

namespace culvert::proxy {

// By more than whose turn it is.
bool Exchange::choose_specially() {
  const config::Upstream& settings = route_->upstream->settings;
  (void)care();
  if (settings.max_requests != 0 && !take_place()) return false;
  if (route_->settings.retry.hedge_after != config::off) prepare_hedge();
  if (settings.affinity && follow_cookie()) return true;
  return choose_again();
}

// For another try, or one that had to wait.
bool Exchange::choose_again() { return use(next_backend(tried_)); }

Backend* Exchange::next_backend(std::uint64_t& tried) {
  Upstream& upstream = *route_->upstream;
  const bool hashes = upstream.settings.balance == config::Balance::consistent_hash;
  return upstream.choose(tried, hashes ? hash_key(upstream.settings.hash_on, view_) : 0);
}

// The client comes back to the server that it was at.
bool Exchange::follow_cookie() {
  Upstream& upstream = *route_->upstream;
  const std::optional<std::uint64_t> id = affinity_of(request_->raw_headers(), *upstream.settings.affinity);
  Backend* const backend = id ? upstream.by_id(*id, tried_) : nullptr;
  return backend != nullptr && use(backend);
}

// No server is left, or none is known yet.
bool Exchange::nothing_to_choose() {
  Upstream& upstream = *route_->upstream;
  if (upstream.resolving()) {
    upstream.wait(*this);
    return false;
  }
  if (failure_.reason == Reason::none) failure_ = upstream.why_nobody();
  fail(failure_);
  return false;
}

// One of those that the upstream may have under way.
bool Exchange::take_place() {
  Upstream& upstream = *route_->upstream;
  if (upstream.is_full()) {
    turn_back(Reason::upstream_requests_exhausted);
    return false;
  }
  care().counted_by = &upstream.under_way().requests;
  care_->counted_by->add(1);
  return true;
}

// How the server does, where that is news.
void Exchange::tell_upstream(const IncomingMessage& answer) {
  route_->upstream->answered(*server_, answer.status_code(), first_byte_ - sent_);
}

// So that the client comes back to this server.
void Exchange::add_affinity() {
  const config::Affinity& settings = *route_->upstream->settings.affinity;
  if (affinity_of(request_->raw_headers(), settings) == server_->id) return;
  const std::string value = affinity_cookie(settings, server_->id, policy_->scheme == "https");
  gateway_.lines.push_back({HeaderId::set_cookie, "Set-Cookie", arena_.copy(value)});
}

}  // namespace culvert::proxy
