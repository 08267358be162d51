#include "net/epoll_loop.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <asio/basic_waitable_timer.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/basic_stream_descriptor.hpp>
#include <asio/post.hpp>
#include <cassert>
#include <random>

#include "net/descriptor.hpp"

namespace culvert::net {

// The loop's stay in an io_context.
class EpollLoop::Guest {
 public:
  Guest(EpollLoop& loop, asio::io_context& host)
      : loop_(loop), host_(host), set_(host.get_executor(), loop.set_), timer_(host.get_executor()) {
    come_again();
  }
  ~Guest() { set_.release(); }  // the loop closes it

 private:
  using Executor = asio::io_context::executor_type;
  using Clock = std::chrono::steady_clock;
  static constexpr int turns_a_visit = 64;

  void come() {
    loop_.finish();
    for (int i = 0; i < turns_a_visit; ++i) {
      if (!loop_.turn_after(0)) return rest();
    }
    come_again();
  }
  void come_again() {
    asio::post(host_, [this] { come(); });
  }
  void rest() {
    if (!waiting_) {
      waiting_ = true;
      set_.async_wait(asio::posix::descriptor_base::wait_read, [this](std::error_code cancelled) {
        if (cancelled) return;
        waiting_ = false;
        come();
      });
    }
    if (const TimePoint due = loop_.next_due(); due < armed_for_) {
      armed_for_ = due;
      timer_.expires_at(due);
      timer_.async_wait([this](std::error_code cancelled) {
        if (cancelled) return;
        armed_for_ = never;
        come();
      });
    }
  }

  EpollLoop& loop_;
  asio::io_context& host_;
  asio::posix::basic_stream_descriptor<Executor> set_;
  asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> timer_;
  TimePoint armed_for_ = never;
  bool waiting_ = false;
};

EpollLoop::EpollLoop()
    : set_(epoll_create1(EPOLL_CLOEXEC)),
      wakeup_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      events_(std::make_unique<epoll_event[]>(events_a_turn)) {
  if (set_ < 0 || wakeup_ < 0) throw std::system_error(errno, std::system_category(), "epoll");
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  epoll_ctl(set_, EPOLL_CTL_ADD, wakeup_, &event);
  set_clock(std::chrono::steady_clock::now(), WallTime::clock::now());
  std::random_device device;
  seed(std::uint64_t{device()} << 32 | device());
}

EpollLoop::EpollLoop(asio::io_context& host) : EpollLoop() { guest_ = std::make_unique<Guest>(*this, host); }

EpollLoop::~EpollLoop() {
  free_everything();
  guest_.reset();
  close(wakeup_);
  close(set_);
}

void EpollLoop::post(Task task) {
  std::unique_lock lock(posted_mutex_);
  posted_.push_back(std::move(task));
  if (posted_.size() > 1) return;  // the first one has woken it
  lock.unlock();
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wakeup_, &one, sizeof(one));  // fails only where it is awake already
}

void EpollLoop::run() {
  running_ = true;
  while (running_) turn(Duration::max());
}

void EpollLoop::stop() { running_ = false; }

bool EpollLoop::turn(Duration wait_max) {
  assert(!guest_);
  finish();  // what was asked for before the first turn
  return turn_after(timeout_for(wait_max));
}

bool EpollLoop::turn_after(int timeout_ms) {
  event_count_ = std::max(0, epoll_wait(set_, events_.get(), events_a_turn, timeout_ms));
  read_clock();
  bool posted = false;
  for (next_event_ = 0; next_event_ < event_count_;) {
    const epoll_event& event = events_[static_cast<std::size_t>(next_event_++)];
    if (event.data.ptr == nullptr) {
      posted = true;
    } else if (event.events != 0) {
      static_cast<Descriptor*>(event.data.ptr)->become_ready(event.events);
      flush_touched();
    }
  }
  const bool any_due = run_due();
  if (posted) posted = run_posted();
  finish();
  return event_count_ > 0 || any_due || posted || has_deferred();
}

// How long to wait, in milliseconds: rounded up, since waking too early would only mean to wait once more.
int EpollLoop::timeout_for(Duration wait_max) const {
  if (has_deferred()) return 0;
  Duration wait = wait_max;
  if (next_due() != never) wait = std::min(wait, std::max(next_due() - now(), Duration::zero()));
  if (wait == Duration::max()) return -1;
  constexpr std::int64_t most = 3'600'000;
  return static_cast<int>(std::min(most, std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
}

bool EpollLoop::run_posted() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(wakeup_, &count, sizeof(count));  // before the tasks are taken: see post()
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(posted_mutex_);
    tasks.swap(posted_);
  }
  for (Task& task : tasks) {
    task();
    task = nullptr;  // what it holds goes now, not with the last of them
    flush_touched();
  }
  return !tasks.empty();
}

void EpollLoop::finish() {
  flush_touched();
  turn_ends();
  while (!changed_.empty()) {
    Descriptor& descriptor = changed_.front();
    descriptor.unlink();
    descriptor.apply();
    flush_touched();
  }
}

// The rest of the batch under way must not reach it.
void EpollLoop::drop_events_of(const Descriptor& closed) {
  for (int i = next_event_; i < event_count_; ++i) {
    epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.ptr == &closed) event.events = 0;
  }
}

void EpollLoop::read_clock() { set_clock(std::chrono::steady_clock::now(), WallTime::clock::now()); }

}  // namespace culvert::net
