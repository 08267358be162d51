#include "net/dialer.hpp"

#include <algorithm>
#include <utility>

namespace culvert::net {

namespace {

// One of each family in turn, beginning with that of the first; the order within a family stays.
std::vector<Endpoint> in_turn(const std::vector<Endpoint>& addresses) {
  std::vector<Endpoint> ordered;
  std::vector<Endpoint> others;
  for (const Endpoint& each : addresses) {
    (each.family == addresses.front().family ? ordered : others).push_back(each);
  }
  std::size_t at = 1;
  for (const Endpoint& each : others) {
    ordered.insert(ordered.begin() + static_cast<std::ptrdiff_t>(std::min(at, ordered.size())), each);
    at += 2;
  }
  return ordered;
}

}  // namespace

void Dialer::dial(const std::vector<Endpoint>& addresses, const ConnectOptions& options, std::chrono::milliseconds limit) {
  options_ = options;
  untried_ = in_turn(addresses);
  std::ranges::reverse(untried_);
  if (limit.count() != 0) ends_at_ = loop_.now() + limit;
  try_next();
}

// Those that fail at once cost no time.
void Dialer::try_next() {
  while (!untried_.empty()) {
    const Endpoint address = untried_.back();
    untried_.pop_back();
    Result<std::unique_ptr<Transport>> stream = network_.connect(Address::of(address), options_);
    if (!stream) {
      error_ = stream.error();
      continue;
    }
    Attempt& attempt = *attempts_.emplace_back(std::make_unique<Attempt>(*this, address, std::move(*stream)));
    attempt.stream->attach(attempt);
    attempt.stream->want({.read = false, .write = true});
    next_at_ = untried_.empty() ? never : loop_.now() + attempt_delay;
    return loop_.ask_at(due_, next_look());
  }
  next_at_ = never;
  if (attempts_.empty()) loop_.defer(later_);
}

void Dialer::on_ready(Attempt& attempt, Ready ready) {
  if (!ready.writable && !ready.broken) return;
  std::unique_ptr<Transport> stream = std::move(attempt.stream);
  connected_to_ = attempt.address;
  std::erase_if(attempts_, [&](const auto& each) { return each.get() == &attempt; });
  if (const std::error_code error = stream->take_error()) {
    error_ = error;
    return try_next();
  }
  attempts_.clear();
  untried_.clear();
  loop_.forget(due_);
  owner_.dialled(std::move(stream));
}

TimePoint Dialer::on_due(TimePoint now) noexcept {
  if (ends_at_ <= now) {
    give_up(errc::timed_out);
    return never;
  }
  if (next_at_ <= now) try_next();
  return next_look();
}

void Dialer::give_up(std::error_code error) {
  attempts_.clear();
  untried_.clear();
  error_ = error;
  loop_.defer(later_);
}

void Dialer::on_deferred() noexcept {
  loop_.forget(due_);
  owner_.not_dialled(error_);
}

TimePoint Dialer::next_look() const { return std::min(next_at_, ends_at_); }

}  // namespace culvert::net
