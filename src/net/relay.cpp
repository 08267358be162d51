#include "net/relay.hpp"

#include <algorithm>
#include <utility>

namespace culvert::net {

namespace {

// What moves so much at a time is better not copied; so many reads of it one after another mean that more is coming.
constexpr std::size_t splice_worthwhile = Loop::scratch_bytes / 4;
constexpr std::uint8_t large_reads_before_splice = 3;
// How far a side may run ahead of its bandwidth.
constexpr auto burst = std::chrono::milliseconds(100);

}  // namespace

Relay::Relay(Loop& loop, Owner& owner, const RelayLimits& limits, BareStream downstream, BareStream upstream,
             PipePool* pipes)
    : loop_(loop), owner_(owner), pipes_(pipes), limits_(limits),
      down_(*this, std::move(downstream)), up_(*this, std::move(upstream)),
      began_(loop.now()), active_at_(loop.now()) {
  const bool plain = down_.stream->plain_handle() >= 0 && up_.stream->plain_handle() >= 0;
  if (!plain) pipes_ = nullptr;
}

Relay::~Relay() { loop_.forget(due_); }

void Relay::pass_on(Bytes from_downstream, Bytes from_upstream) {
  up_.out.copy(from_downstream);
  down_.out.copy(from_upstream);
  down_.bytes += from_downstream.size();
  up_.bytes += from_upstream.size();
}

void Relay::start() {
  down_.stream->attach(down_);
  up_.stream->attach(up_);
  if (Account* const account = limits_.account) {
    down_.reads_from = account->turn(Account::Way::up);
    up_.reads_from = account->turn(Account::Way::down);
    account->spend(bytes_up() + bytes_down(), loop_.now());
  }
  if (!flush(down_) || !flush(up_)) return;
  loop_.ask_at(due_, next_look());
  update_interest();
}

// ---- the loop's ways in -------------------------------------------------------------------------------------------

void Relay::on_ready(Side& side, Ready ready) {
  if (ready.writable && !flush(side)) return;
  if (ready.readable) {
    if (!(side.pipe == nullptr ? read(side) : splice(side))) return;
  } else if (ready.broken) {
    if (const std::error_code error = side.stream->take_error()) return void(broke(side, error));
  }
  update_interest();
}

TimePoint Relay::on_due(TimePoint now) noexcept {
  if (const TimePoint limit = runs_out(); limit <= now) {
    const bool old = limits_.max_lifetime.count() != 0 && began_ + limits_.max_lifetime <= now;
    end(old ? RelayEnd::too_old : RelayEnd::idle, {});
    return never;
  }
  update_interest();
  return next_look();
}

void Relay::on_deferred() noexcept { owner_.relay_ended(how_, cause_); }

// ---- bytes on their way: each says whether the relay lives on ---------------------------------------------------------

bool Relay::read(Side& from) {
  Result<Bytes> got = from.stream->read();
  if (!got) return got.error() == errc::end_of_stream ? finish(from) : broke(from, got.error());
  if (got->empty()) return true;
  Side& to = other(from);
  to.out.borrow(*got);
  count(from, got->size());
  if (!flush(to)) return false;
  from.large_reads = got->size() >= splice_worthwhile ? static_cast<std::uint8_t>(from.large_reads + 1) : std::uint8_t{0};
  if (may_splice(from)) {
    from.large_reads = 0;
    from.pipe = pipes_->borrow();
  }
  return true;
}

bool Relay::may_splice(const Side& from) const {
  return pipes_ != nullptr && from.large_reads >= large_reads_before_splice && limits_.bytes_per_second == 0 &&
         (limits_.account == nullptr || !limits_.account->limits_bandwidth());
}

bool Relay::splice(Side& from) {
  Result<std::size_t> got = from.pipe->fill(from.stream->plain_handle());
  const bool refused = !got && got.error() == std::errc::invalid_argument;  // the kernel cannot do it with these two
  if (!got && got.error() != errc::end_of_stream && !refused) return broke(from, got.error());
  if (got) {
    if (*got == 0) return true;
    count(from, *got);
    if (!flush(other(from))) return false;
    if (*got >= splice_worthwhile || from.piped() > 0) return true;
  }
  if (refused) pipes_ = nullptr;
  std::unique_ptr<Pipe> pipe = std::move(from.pipe);
  if (pipes_ != nullptr) pipes_->give_back(std::move(pipe));
  return got || refused || finish(from);
}

// Sends what waits for `to`, and the end where nothing more will come.
bool Relay::flush(Side& to) {
  Side& from = other(to);
  if (const std::error_code error = to.out.flush(*to.stream)) return broke(to, error);
  if (to.out.empty() && from.piped() > 0) {
    if (Result<std::size_t> moved = from.pipe->drain(to.stream->plain_handle()); !moved) return broke(to, moved.error());
  }
  const bool limited = limits_.max_bytes != 0 && bytes_up() + bytes_down() > limits_.max_bytes;
  if (limited) return end(RelayEnd::too_many_bytes, {}), false;
  const bool overspent = limits_.account != nullptr && limits_.account->overspent(loop_.now());
  if (overspent) return end(RelayEnd::account_overspent, {}), false;
  if (!from.ended || waits_for(to) || to.fin_sent) return true;
  to.fin_sent = true;
  if (const std::error_code error = to.stream->shutdown_write()) return broke(to, error);
  if (!to.ended || !from.fin_sent) return true;
  end(RelayEnd::in_order, {});
  return false;
}

// `from` sends no more.
bool Relay::finish(Side& from) {
  from.ended = true;
  return flush(other(from));
}

void Relay::count(Side& from, std::size_t bytes) {
  from.bytes += bytes;
  active_at_ = loop_.now();
  if (limits_.account != nullptr) charge(from, bytes);
  if (limits_.bytes_per_second == 0) return;
  const auto takes = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
      static_cast<double>(bytes) / static_cast<double>(limits_.bytes_per_second)));
  from.reads_from = std::max(from.reads_from, active_at_) + takes;
  if (from.reads_from > active_at_ + burst) loop_.ask_at(due_, from.reads_from - burst);
}

void Relay::charge(Side& from, std::size_t bytes) {
  Account& account = *limits_.account;
  const Account::Way way = &from == &down_ ? Account::Way::up : Account::Way::down;
  account.spend(bytes, active_at_);
  from.reads_from = std::max(from.reads_from, account.take(way, bytes, active_at_));
  if (from.reads_from > active_at_ + burst) loop_.ask_at(due_, from.reads_from - burst);
}

// ---- the end ------------------------------------------------------------------------------------------------------

bool Relay::broke(Side& side, std::error_code error) {
  end(&side == &down_ ? RelayEnd::downstream_broken : RelayEnd::upstream_broken, error);
  return false;
}

void Relay::end(RelayEnd how, std::error_code cause) {
  if (over()) return;
  for (Side* side : {&down_, &up_}) {
    // A peer must not take for the end what is none.
    if (how != RelayEnd::in_order) side->stream->reset_on_close();
    side->stream.reset();
    side->out.clear();
    side->pipe.reset();
  }
  how_ = how;
  cause_ = cause;
  loop_.forget(due_);
  loop_.defer(later_);
}

void Relay::update_interest() {
  if (over()) return;
  for (Side* side : {&down_, &up_}) {
    const bool goes = !side->ended && !waits_for(other(*side)) && side->reads_from <= loop_.now() + burst;
    side->stream->want({.read = goes, .write = waits_for(*side)});
  }
}

TimePoint Relay::runs_out() const {
  const auto after = [](TimePoint since, std::chrono::milliseconds limit) {
    return limit.count() == 0 ? never : since + limit;
  };
  // Who waits for his bandwidth is not idle.
  const TimePoint quiet_since = std::max({active_at_, down_.reads_from, up_.reads_from});
  return std::min(after(quiet_since, limits_.idle_timeout), after(began_, limits_.max_lifetime));
}

// When there is something to do though nothing comes.
TimePoint Relay::next_look() const {
  TimePoint next = runs_out();
  for (const Side* side : {&down_, &up_}) {
    if (side->reads_from > loop_.now() + burst) next = std::min(next, side->reads_from - burst);
  }
  return next;
}

}  // namespace culvert::net
