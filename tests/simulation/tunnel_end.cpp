#include "simulation/tunnel_end.hpp"

#include <algorithm>
#include <utility>

namespace culvert::simulation {

using namespace std::chrono_literals;
using Mood = TunnelPlan::Mood;

// Nobody stays for longer who does not hear that it is over.
constexpr Duration patience_of_the_deaf = 1min;

TunnelEnd::TunnelEnd(SimLoop& loop, Trace& trace, Link& link, const TunnelPlan::End& plan,
                     std::function<void()> on_over)
    : loop_(loop), trace_(trace), link_(link), plan_(plan), on_over_(std::move(on_over)) {
  if (plan.mood != Mood::deaf) return;
  link_.read(false);
  loop_.after(patience_of_the_deaf, [this] { leave(); });
}

void TunnelEnd::send(std::string_view bytes, bool last) {
  to_send_ += bytes;
  last_ = last_ || last;
  if (!std::exchange(sending_, true)) send_piece();
}

void TunnelEnd::send_piece() {
  if (over_ || mute_) return;
  std::size_t size = std::min(plan_.piece, to_send_.size());
  const bool moody = plan_.mood != Mood::plain && plan_.mood != Mood::deaf;
  if (moody) size = std::min(size, plan_.mood_at - std::min(plan_.mood_at, sent_));
  link_.send(to_send_.take(size));
  sent_ += size;
  if (moody && sent_ >= plan_.mood_at) return misbehave();
  if (!to_send_.empty()) return loop_.after(plan_.pause, [this] { send_piece(); });
  sending_ = false;
  if (!last_ || std::exchange(finished_, true)) return;
  link_.finish();
  if (peer_ended_) leave();
}

void TunnelEnd::misbehave() {
  trace_.add(loop_.elapsed(), "{} misbehaves", link_.name());
  switch (plan_.mood) {
    case Mood::resets:
      link_.reset();
      return is_over();
    case Mood::closes:
      return leave();
    default:
      mute_ = true;  // says nothing more, and waits
  }
}

void TunnelEnd::peer_ended() {
  peer_ended_ = true;
  if (finished_ || mute_) leave();
}

void TunnelEnd::leave() {
  if (over_) return;
  link_.close();
  is_over();
}

void TunnelEnd::lost() { is_over(); }

void TunnelEnd::is_over() {
  if (!std::exchange(over_, true)) on_over_();
}

}  // namespace culvert::simulation
