#include "proxy/family_watch.hpp"

#include <utility>

#include "base/log.hpp"

namespace culvert::proxy {

namespace {

std::size_t family_of(const Endpoint& address) { return address.unmapped().family == Endpoint::Family::ipv6 ? 1 : 0; }

}  // namespace

void FamilyWatch::set(const Endpoints& addresses) {
  const std::array<Endpoints, 2> before = std::exchange(addresses_, {});
  for (const Endpoint& each : addresses) addresses_[family_of(each)].push_back(each);
  if (!has_both()) return forget();
  if (phase_ != Phase::single) return;  // what is known of the families still holds
  if (before[0].empty() == before[1].empty()) return race(addresses);
  use_only(before[0].empty() ? 1 : 0, 0);
}

bool FamilyWatch::uses(const Endpoint& address) const {
  switch (phase_) {
    case Phase::single:
    case Phase::both: return true;
    case Phase::race: return false;
    case Phase::only_v4: return family_of(address) == 0;
    case Phase::only_v6: return family_of(address) == 1;
  }
  return true;
}

bool FamilyWatch::failed(const Endpoint& address) {
  if (phase_ != Phase::both) return false;
  use_only(1 - family_of(address), 1);
  return true;
}

void FamilyWatch::stop() {
  stopped_ = true;
  looks_at_ = never;
  world_.loop.forget(due_);
  if (phase_ != Phase::race) dialer_.reset();
}

void FamilyWatch::forget() {
  phase_ = Phase::single;
  dialer_.reset();
  looks_at_ = never;
  world_.loop.forget(due_);
}

void FamilyWatch::race(const Endpoints& all) {
  phase_ = Phase::race;
  dialer_.emplace(world_.loop, world_.network, static_cast<net::Dialer::Owner&>(*this));
  dialer_->dial(all, world_.options, world_.limit);
}

// The other one is looked at, at once where that is new.
void FamilyWatch::use_only(std::size_t family, std::uint32_t tried_in_vain) {
  phase_ = family == 0 ? Phase::only_v4 : Phase::only_v6;
  in_vain_ = tried_in_vain;
  if (stopped_) return;
  looks_at_ = world_.loop.now() + interval * tried_in_vain;
  world_.loop.ask_at(due_, looks_at_);
}

// One that has come to nothing by the time of the next is given up.
TimePoint FamilyWatch::on_due(TimePoint now) noexcept {
  if (now < looks_at_) return looks_at_;
  const auto percent = 90 + static_cast<std::int64_t>(world_.loop.random() % 21);  // so that many do not keep step
  looks_at_ = now + std::chrono::duration_cast<Duration>(interval) * percent / 100;
  look();
  return looks_at_;
}

void FamilyWatch::look() {
  if (in_vain_++ == 1 && !label_.empty()) {
    const bool is_v4 = phase_ == Phase::only_v4;
    log::warn("{} does not answer by {}: {} alone is used until it does", label_, is_v4 ? "IPv6" : "IPv4", is_v4 ? "IPv4" : "IPv6");
  }
  dialer_.emplace(world_.loop, world_.network, static_cast<net::Dialer::Owner&>(*this));
  dialer_->dial(unused(), world_.options, {});
}

void FamilyWatch::dialled(std::unique_ptr<Transport> /*stream*/) noexcept {
  const std::size_t winner = family_of(dialer_->connected_to());
  dialer_.reset();
  if (phase_ == Phase::race) {
    use_only(winner, 0);
  } else {
    if (in_vain_ > 1 && !label_.empty()) log::info("{} answers by both IPv4 and IPv6", label_);
    phase_ = Phase::both;
    looks_at_ = never;
  }
  owner_.on_families();
}

// Where nobody answers at all there is nothing to prefer; requests find out why.
void FamilyWatch::not_dialled(std::error_code /*error*/) noexcept {
  if (phase_ != Phase::race) return;
  phase_ = Phase::both;
  owner_.on_families();
}

}  // namespace culvert::proxy
