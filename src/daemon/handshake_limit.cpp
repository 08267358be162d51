#include "daemon/handshake_limit.hpp"

namespace culvert::daemon {

HandshakeLimit::Place::Place(HandshakeLimit& limit, Holder& holder)
    : limit_(limit), holder_(holder), taken_at_(limit.loop_.now()) {
  limit_.places_.push_back(*this);
  ++limit_.taken_;
}

HandshakeLimit::Place::~Place() {
  --limit_.taken_;
  if (limit_.waiting_ > 0 && !limit_.is_full()) limit_.on_room_();
}

HandshakeLimit::~HandshakeLimit() { loop_.forget(*this); }

void HandshakeLimit::set_limit(std::uint64_t limit) {
  limit_ = limit;
  if (waiting_ > 0) on_room_();
}

bool HandshakeLimit::has_room(bool& waiting) {
  while (is_full() && oldest_gives_way_at() <= loop_.now()) places_.front().holder_.give_way();
  if (!is_full()) {
    stop_waiting(waiting);
    return true;
  }
  if (!std::exchange(waiting, true)) ++waiting_;
  loop_.ask_at(*this, oldest_gives_way_at());
  return false;
}

void HandshakeLimit::stop_waiting(bool& waiting) {
  if (std::exchange(waiting, false)) --waiting_;
}

// The oldest gives way when those who wait ask again.
TimePoint HandshakeLimit::on_due(TimePoint now) noexcept {
  if (waiting_ == 0 || !is_full()) return never;
  if (oldest_gives_way_at() > now) return oldest_gives_way_at();
  on_room_();
  return never;
}

}  // namespace culvert::daemon
