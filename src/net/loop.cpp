#include "culvert/loop.hpp"

#include <sys/random.h>

#include <cerrno>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "base/block_pool.hpp"
#include "base/http_date.hpp"
#include "base/intrusive_list.hpp"
#include "base/split_mix.hpp"
#include "net/deadline_wheel.hpp"

namespace culvert {

namespace {
// Deferred work that keeps deferring more must not keep the peers waiting for ever.
constexpr int deferred_max_a_turn = 10'000;
}  // namespace

struct Loop::Queues {
  IntrusiveList<Flushable> touched;
  IntrusiveList<Deferred> deferred;
  std::vector<std::unique_ptr<Retired>> retired;
  std::unordered_map<Retired*, std::unique_ptr<Retired>> kept;
  std::vector<std::unique_ptr<Retired>> freeing;  // the other vector, so that neither gives its memory back
};

Loop::Loop()
    : scratch_(std::make_unique<std::byte[]>(scratch_bytes)),
      blocks_(std::make_unique<BlockPool>()),
      wheel_(std::make_unique<DeadlineWheel>()),
      queues_(std::make_unique<Queues>()) {}

Loop::~Loop() = default;

void Loop::ask_at(Deadline& deadline, TimePoint when) { wheel_->ask(deadline, when); }

void Loop::forget(Deadline& deadline) { wheel_->forget(deadline); }

void Loop::defer(Deferred& work) {
  if (!work.linked()) queues_->deferred.push_back(work);
}

void Loop::flush_soon(Flushable& sender) {
  if (!sender.linked()) queues_->touched.push_back(sender);
}

void Loop::retire(std::unique_ptr<Retired> closed) { queues_->retired.push_back(std::move(closed)); }

void Loop::keep(std::unique_ptr<Retired> living) {
  Retired* const key = living.get();
  queues_->kept.emplace(key, std::move(living));
}

void Loop::let_go(Retired& closed) {
  if (auto entry = queues_->kept.extract(&closed)) retire(std::move(entry.mapped()));
}

std::string_view Loop::http_date() {
  const std::time_t second = WallTime::clock::to_time_t(wall_now_);
  if (second != date_second_) {
    date_second_ = second;
    format_http_date(date_, second);
  }
  return {date_, http_date_chars};
}

std::uint64_t Loop::random() { return split_mix(random_state_); }

void Loop::random_fill(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno != EINTR) throw std::system_error(errno, std::system_category(), "getrandom");
    if (got > 0) bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
}

void Loop::set_clock(TimePoint now, WallTime wall) {
  now_ = now;
  wall_now_ = wall;
}

void Loop::flush_touched() {
  IntrusiveList<Flushable>& touched = queues_->touched;
  while (!touched.empty()) {
    Flushable& sender = touched.front();
    sender.unlink();
    sender.on_flush();
  }
}

bool Loop::run_due() {
  bool any = false;
  while (Deadline* deadline = wheel_->take_due(now_)) {
    any = true;
    wheel_->ask(*deadline, deadline->on_due(now_));
    flush_touched();
  }
  return any;
}

TimePoint Loop::next_due() const { return wheel_->next_due(); }

bool Loop::has_deferred() const { return !queues_->deferred.empty(); }

void Loop::turn_ends() {
  for (int done = 0; done < deferred_max_a_turn && has_deferred(); ++done) {
    Deferred& work = queues_->deferred.front();
    work.unlink();
    work.on_deferred();
    flush_touched();
  }
  free_retired();
}

void Loop::free_everything() {
  for (auto& [key, living] : std::exchange(queues_->kept, {})) retire(std::move(living));
  free_retired();
}

void Loop::free_retired() {
  while (!queues_->retired.empty()) {
    std::swap(queues_->retired, queues_->freeing);
    queues_->freeing.clear();
  }
}

}  // namespace culvert
