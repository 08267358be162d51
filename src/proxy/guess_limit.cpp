#include "proxy/guess_limit.hpp"

#include <algorithm>

namespace culvert::proxy {

namespace {

bool limits(const GuessLimit::Rate& rate) { return rate.burst != 0 && rate.interval.count() != 0; }

}  // namespace

GuessLimit::Milliseconds GuessLimit::wait(const std::string& who, const Rate& rate, TimePoint now) const {
  if (!limits(rate)) return {};
  const std::lock_guard lock(mutex_);
  const auto entry = paid_off_.find(who);
  if (entry == paid_off_.end()) return {};
  const Milliseconds owed = entry->second - std::chrono::floor<Milliseconds>(now);
  return std::max(Milliseconds{}, owed - (rate.burst - 1) * rate.interval);
}

void GuessLimit::failed(const std::string& who, const Rate& rate, TimePoint now) {
  if (!limits(rate)) return;
  const Time at = std::chrono::floor<Milliseconds>(now);
  const std::lock_guard lock(mutex_);
  auto entry = paid_off_.find(who);
  if (entry == paid_off_.end()) {
    if (paid_off_.size() >= debtors_max) make_room(at);
    entry = paid_off_.emplace(who, at).first;
  }
  entry->second = std::max(entry->second, at) + rate.interval;
}

std::size_t GuessLimit::debtors() const {
  const std::lock_guard lock(mutex_);
  return paid_off_.size();
}

void GuessLimit::make_room(Time now) {
  const std::size_t paid = std::erase_if(paid_off_, [&](const auto& entry) { return entry.second <= now; });
  if (paid > 0) return;
  paid_off_.erase(std::ranges::min_element(paid_off_, {}, &std::pair<const std::string, Time>::second));
}

}  // namespace culvert::proxy
