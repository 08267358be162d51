#include "proxy/outlier_judge.hpp"

#include <algorithm>
#include <utility>

namespace culvert::proxy {

OutlierJudge::OutlierJudge(const config::Outlier& settings, Loop& loop, Owner& owner)
    : settings_(settings), loop_(loop), owner_(owner), next_at_(loop.now() + settings.interval) {
  loop_.ask_at(due_, next_at_);
}

TimePoint OutlierJudge::on_due(TimePoint now) noexcept {
  if (now < next_at_) return next_at_;
  next_at_ = now + settings_.interval;
  const std::vector<Interval> all = last_interval();
  if (settings_.error_percent != 0) judge_errors(all);
  if (settings_.latency_factor != 0) judge_latency(all);
  return next_at_;
}

// Of those that have had enough requests to be judged by.
std::vector<OutlierJudge::Interval> OutlierJudge::last_interval() {
  using Share = BackendState::Share;
  std::vector<Interval> all;
  std::map<const BackendState*, Counted> before = std::exchange(counted_, {});
  for (Backend* const backend : owner_.all_backends()) {
    const BackendState& state = *backend->state;
    const Counted now{state.sum(&Share::answers), state.sum(&Share::failures), state.sum(&Share::nanoseconds)};
    const Counted then = before[&state];
    counted_[&state] = now;
    const Counted had{now.answers - then.answers, now.failures - then.failures, now.nanoseconds - then.nanoseconds};
    if (had.answers + had.failures < std::max<std::uint32_t>(settings_.min_requests, 1)) continue;
    const double mean = had.answers == 0 ? 0 : static_cast<double>(had.nanoseconds) / 1e6 / had.answers;
    all.push_back({backend, had, mean});
  }
  return all;
}

void OutlierJudge::judge_errors(const std::vector<Interval>& all) {
  for (const Interval& each : all) {
    const std::uint64_t requests = std::uint64_t{each.had.answers} + each.had.failures;
    if (std::uint64_t{each.had.failures} * 100 < requests * settings_.error_percent) continue;
    owner_.on_outlier(*each.backend, std::to_string(each.had.failures) + " of " + std::to_string(requests) +
                                         " requests have failed in the last interval");
  }
}

// The median is that of all others and itself: with two there is nobody to tell who of them is slow, but the factor.
void OutlierJudge::judge_latency(const std::vector<Interval>& all) {
  std::vector<double> means;
  for (const Interval& each : all) {
    if (each.had.answers > 0) means.push_back(each.mean);
  }
  if (means.size() < 2) return;
  std::ranges::sort(means);
  const double median = means[(means.size() - 1) / 2];
  for (const Interval& each : all) {
    if (each.had.answers == 0 || each.mean <= median * settings_.latency_factor) continue;
    owner_.on_outlier(*each.backend, "it took " + std::to_string(static_cast<std::uint64_t>(each.mean)) +
                                         " ms to answer in the last interval, and half of the servers no more than " +
                                         std::to_string(static_cast<std::uint64_t>(median)) + " ms");
  }
}

}  // namespace culvert::proxy
