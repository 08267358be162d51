#include "daemon/pulse.hpp"

#include <asio/post.hpp>
#include <utility>

namespace culvert::daemon {

Pulse::Pulse(asio::io_context& io, Ask ask, Events events)
    : io_(io), ask_(std::move(ask)), events_(std::move(events)), next_(io) {}

void Pulse::start(std::chrono::microseconds interval) {
  interval_ = interval;
  running_ = true;
  if (unanswered_ == 0) ask();
  wait();
}

void Pulse::stop() {
  running_ = false;
  next_.cancel();
}

// An answer that comes after the last turn of `io` is never looked at.
void Pulse::ask() {
  total_ = {};
  late_ = false;
  unanswered_ = ask_([this](Underway worker) { asio::post(io_, [this, worker] { answered(worker); }); });
}

void Pulse::wait() {
  next_.expires_after(interval_);
  next_.async_wait([this](std::error_code error) {
    if (error || !running_) return;
    if (unanswered_ == 0) {
      ask();
    } else if (!std::exchange(late_, true)) {
      events_.on_late(unanswered_);
    }
    wait();
  });
}

void Pulse::answered(const Underway& worker) {
  total_.requests += worker.requests;
  total_.tunnels += worker.tunnels;
  if (--unanswered_ == 0 && running_) events_.on_beat(total_);
}

}  // namespace culvert::daemon
