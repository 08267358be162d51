#include "proxy/fleet.hpp"

#include <algorithm>

namespace culvert::proxy {

namespace {

// The object that others still keep under `key`, or a new one.
template <class T, class Key>
std::shared_ptr<T> shared(std::map<Key, std::weak_ptr<T>>& known, const Key& key, unsigned workers) {
  std::weak_ptr<T>& place = known[key];
  std::shared_ptr<T> object = place.lock();
  if (object == nullptr) {
    object = std::make_shared<T>(workers);
    place = object;
    std::erase_if(known, [](const auto& each) { return each.second.expired(); });
  }
  return object;
}

}  // namespace

std::shared_ptr<BackendState> Fleet::backend(const std::string& address) {
  const std::scoped_lock lock(mutex_);
  return shared(backends_, address, workers_);
}

bool Fleet::failed(BackendState& backend, const config::Outlier& rules, TimePoint now) {
  const std::uint32_t in_a_row = backend.failures_in_a_row_.fetch_add(1, std::memory_order_relaxed) + 1;
  const bool too_many = rules.consecutive_failures != 0 && in_a_row >= rules.consecutive_failures;
  return too_many && !backend.is_ejected(now) && eject(backend, rules, now);
}

// What was counted stays while a backend is left out: the first failure after it leaves it out again.
bool Fleet::answered(BackendState& backend) {
  return backend.failures_in_a_row_.load(std::memory_order_relaxed) != 0 &&
         backend.failures_in_a_row_.exchange(0, std::memory_order_relaxed) != 0;
}

bool Fleet::eject(BackendState& backend, const config::Outlier& rules, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  if (backend.is_ejected(now)) return false;
  std::size_t all = 0;
  std::size_t out = 1;
  for (const auto& [address, known] : backends_) {
    const std::shared_ptr<BackendState> state = known.lock();
    if (state == nullptr) continue;
    ++all;
    if (state->is_ejected(now)) ++out;
  }
  if (out * 100 > all * rules.max_ejected_percent) return false;
  const TimePoint until = now + rules.eject_for;
  backend.ejected_until_.set(until);
  backend.back_since_.set(until);
  changes_.fetch_add(1, std::memory_order_release);
  return true;
}

void Fleet::set_failing(BackendState& backend, bool failing, TimePoint now) {
  if (!failing) backend.back_since_.set(std::max(now, backend.back_since_.get()));
  backend.failing_.store(failing, std::memory_order_relaxed);
  changes_.fetch_add(1, std::memory_order_release);
}

bool Fleet::set_drained(const std::string& server, bool drained) {
  const std::scoped_lock lock(mutex_);
  const bool is_new = drained ? drained_.insert(server).second : drained_.erase(server) > 0;
  if (is_new) changes_.fetch_add(1, std::memory_order_release);
  return is_new;
}

bool Fleet::is_drained(const std::string& server, const std::string& address) const {
  const std::scoped_lock lock(mutex_);
  return drained_.contains("") || drained_.contains(server) || drained_.contains(address);
}

// A reserve of one second, which fills as time goes by.
bool Fleet::take_reserve(std::uint32_t per_second, TimePoint now) {
  if (per_second == 0) return false;
  const Duration whole = std::chrono::seconds(1);
  const Duration each = whole / per_second;
  while (true) {
    const TimePoint seen = reserve_.get();
    const TimePoint whole_at = std::max(seen, now) + each;
    if (whole_at - now > whole) return false;
    if (reserve_.replace(seen, whole_at)) return true;
  }
}

std::uint32_t Fleet::under_way() const {
  std::uint32_t sum = 0;
  for (const UnderWay& worker : under_way_) sum += worker.requests.get();
  return sum;
}

std::shared_ptr<Fleet> Fleets::fleet(const std::string& upstream) {
  const std::scoped_lock lock(mutex_);
  return shared(fleets_, upstream, workers);
}

}  // namespace culvert::proxy
