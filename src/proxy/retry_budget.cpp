#include "proxy/retry_budget.hpp"

#include <algorithm>

namespace culvert::proxy {

// Requests count for ten seconds. So that they cost nothing where nothing fails, they are only looked at here: what came
// since the last look is taken to have come evenly.
bool RetryBudget::take(TimePoint now) {
  constexpr std::chrono::duration<double> window = std::chrono::seconds(10);
  const bool first = seen_at_ == SharedTime::earliest;
  const double gone = first ? 1 : std::chrono::duration<double>(now - seen_at_) / window;
  const auto news = static_cast<double>(requests_ - requests_seen_) * settings_.percent / 100;
  left_ = left_ * std::max(0.0, 1 - gone) + news * std::min(1.0, gone > 0 ? 1 / gone : 1.0);
  requests_seen_ = requests_;
  seen_at_ = now;
  if (left_ < 1) return fleet_.take_reserve(settings_.min_per_second, now);
  left_ -= 1;
  return true;
}

}  // namespace culvert::proxy
