#include "proxy/balancer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/split_mix.hpp"

namespace culvert::proxy {

namespace {

// More turns than that are no fairer to anybody, and weights like 999 to 1000 would ask for them.
constexpr std::uint64_t turns_max = 4096;

// Of its share, from the first moment on: else nobody would see that it answers.
constexpr double ramp_begins = 0.1;

// How much more than its part of all that is under way a backend may have, before a hash leads to another one.
constexpr double load_bound = 1.25;
// And so few it may always have: where there is little to do, nothing is won by leaving the server that knows the key.
constexpr double load_free = 8;

// Between 0 and 1, never either.
double fraction(std::uint64_t bits) { return (static_cast<double>(bits >> 11) + 0.5) * 0x1.0p-53; }

}  // namespace

void Balancer::set(std::vector<Backend*> usable) {
  usable_ = std::move(usable);
  weighted_ = std::ranges::any_of(usable_, [&](const Backend* each) { return each->weight != usable_.front()->weight; });
  arrange_turns();
  ramps_ = std::ranges::any_of(usable_, [&](const Backend* each) { return ramp(*each) < 1; });
  plain_ = kind_ == config::Balance::round_robin && !ramps_ && !turns_.empty();
  const std::size_t first = turns_.empty() ? 0 : static_cast<std::size_t>(loop_.random() % turns_.size());
  turn_ = turns_.data() + first;  // workers do not begin with the same
  turns_end_ = turns_.data() + turns_.size();
}

// Smooth: of weights 5, 1, 1 it makes a a b a c a a, not a a a a a b c.
void Balancer::arrange_turns() {
  turns_.clear();
  if (!weighted_) {
    turns_ = usable_;
    return;
  }
  std::vector<std::int64_t> weights;
  std::uint64_t divisor = 0;
  std::uint64_t total = 0;
  for (const Backend* each : usable_) {
    divisor = std::gcd(divisor, std::uint64_t{each->weight});
    total += each->weight;
  }
  weights.reserve(usable_.size());
  const std::uint64_t most = std::max<std::uint64_t>(turns_max, usable_.size());
  divisor = std::max(divisor, (total + most - 1) / most);
  for (const Backend* each : usable_) {
    weights.push_back(std::max<std::int64_t>(1, static_cast<std::int64_t>(each->weight / divisor)));
  }
  const std::int64_t all = std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
  std::vector<std::int64_t> owed(usable_.size(), 0);
  for (std::int64_t i = 0; i < all; ++i) {
    for (std::size_t each = 0; each < owed.size(); ++each) owed[each] += weights[each];
    const auto next = std::ranges::max_element(owed) - owed.begin();
    owed[static_cast<std::size_t>(next)] -= all;
    turns_.push_back(usable_[static_cast<std::size_t>(next)]);
  }
}

Backend* Balancer::next_in_turn(std::uint64_t tried) {
  for (std::size_t i = 0; i < turns_.size(); ++i) {
    Backend* const next = take_turn();
    if ((tried & next->bit) == 0) return next;
  }
  return nullptr;
}

Backend* Balancer::choose(std::uint64_t tried, std::uint64_t key) {
  switch (kind_) {
    case config::Balance::round_robin: return plain_ ? next_in_turn(tried) : next_with_ramp(tried);
    case config::Balance::least_connections: return least_loaded(tried);
    case config::Balance::random_two: return better_of_two(tried);
    case config::Balance::consistent_hash: return by_hash(tried, key);
    case config::Balance::first: break;
  }
  const auto first = std::ranges::find_if(usable_, [&](const Backend* each) { return (tried & each->bit) == 0; });
  return first == usable_.end() ? nullptr : *first;
}

// How much of its share a backend gets that is back.
double Balancer::ramp(const Backend& backend) const {
  const TimePoint since = backend.state->back_since();
  if (slow_start_.count() == 0 || since == SharedTime::earliest) return 1;
  const auto whole = std::chrono::duration<double>(slow_start_);
  const auto gone = std::chrono::duration<double>(loop_.now() - since);
  return std::clamp(gone / whole, ramp_begins, 1.0);
}

double Balancer::load(const Backend& backend) const {
  return (backend.state->under_way() + 1) / (backend.weight * ramp(backend));
}

// A backend whose share grows takes a part of its turns; others stand in for the rest, without losing their own.
Backend* Balancer::next_with_ramp(std::uint64_t tried) {
  Backend* const next = next_in_turn(tried);
  if (next == nullptr || fraction(loop_.random()) < ramp(*next)) return next;
  const auto at = static_cast<std::size_t>(turn_ - turns_.data());
  for (std::size_t i = 0; i < turns_.size(); ++i) {
    Backend* const other = turns_[(at + i) % turns_.size()];
    if ((tried & other->bit) == 0 && other != next && fraction(loop_.random()) < ramp(*other)) return other;
  }
  return next;
}

// From another one on each time, so that those with equal loads take turns.
Backend* Balancer::least_loaded(std::uint64_t tried) {
  if (usable_.empty()) return nullptr;
  if (++first_ >= usable_.size()) first_ = 0;
  return weighted_ || ramps_ ? least_of(tried, [this](const Backend& each) { return load(each); })
                             : least_of(tried, [](const Backend& each) { return each.state->under_way(); });
}

template <class Load>
Backend* Balancer::least_of(std::uint64_t tried, Load&& load) {
  Backend* best = nullptr;
  decltype(load(*best)) least{};
  std::size_t at = first_;
  for (std::size_t left = usable_.size(); left > 0; --left) {
    Backend* const each = usable_[at];
    if (++at == usable_.size()) at = 0;
    if ((tried & each->bit) != 0) continue;
    const auto its = load(*each);
    if (best != nullptr && its >= least) continue;
    least = its;
    best = each;
  }
  return best;
}

// Two at random, by weight; the less loaded of them. Nearly as even as the least loaded of all, and as cheap for any number.
Backend* Balancer::better_of_two(std::uint64_t tried) {
  if (turns_.empty()) return nullptr;
  const std::size_t first = static_cast<std::size_t>(loop_.random() % turns_.size());
  const std::size_t second = static_cast<std::size_t>(loop_.random() % turns_.size());
  Backend* best = nullptr;
  double least = std::numeric_limits<double>::max();
  for (const std::size_t at : {first, second}) {
    Backend* const each = turns_[at];
    if ((tried & each->bit) != 0) continue;
    const double its = load(*each);
    if (its >= least) continue;
    least = its;
    best = each;
  }
  return best != nullptr ? best : next_in_turn(tried);
}

// Rendezvous: each backend has a score for each key, and the highest wins, so that one that comes or goes moves only its own
// keys. One that has more than its bounded part under way is passed over for the next highest.
Backend* Balancer::by_hash(std::uint64_t tried, std::uint64_t key) {
  double weights = 0;
  double all = 1;
  for (const Backend* each : usable_) {
    weights += each->weight;
    all += each->state->under_way();
  }
  Backend* best = nullptr;
  Backend* best_of_all = nullptr;
  double highest = 0;
  double highest_of_all = 0;
  for (Backend* const each : usable_) {
    if ((tried & each->bit) != 0) continue;
    std::uint64_t mixed = key ^ each->id;
    const double drawn = fraction(split_mix(mixed));
    const double score = weighted_ ? each->weight / -std::log(drawn) : drawn;
    if (score > highest_of_all) {
      highest_of_all = score;
      best_of_all = each;
    }
    const double bound = std::max(load_free, load_bound * all * each->weight / weights);
    if (score > highest && each->state->under_way() < bound) {
      highest = score;
      best = each;
    }
  }
  return best != nullptr ? best : best_of_all;
}

}  // namespace culvert::proxy
