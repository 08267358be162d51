// The loop of a worker: a level-triggered epoll set of its own.
//
// As a guest (the usual way) the set is itself one descriptor that the worker's io_context waits on. When that fires,
// the loop drains the set until nothing is ready or its budget is spent, then gives the thread back to Asio. The
// nesting costs one epoll_ctl and two waits each time the loop runs out of work, nothing for each message. Bare, run()
// waits in the set itself.
//
// Time costs nothing per message either: one clock reading a turn, and a timer (as a guest) that is armed anew only
// when it has fired or something is due earlier than what it waits for. The wheel answers in coarse steps for what is
// far away, and connections move their deadline only when they are asked, so that is a few times a second at most.
//
// What an Asio handler of this thread wants from the loop or from anything that lives on it, it posts.
#pragma once
#include <sys/epoll.h>

#include <memory>
#include <mutex>
#include <vector>

#include "base/intrusive_list.hpp"
#include "culvert/loop.hpp"

namespace asio {
class io_context;
}

namespace culvert::net {

class Descriptor;

class EpollLoop : public Loop {
 public:
  EpollLoop();                                 // bare
  explicit EpollLoop(asio::io_context& host);  // guest; `host` must not run any more when the loop is destroyed
  ~EpollLoop() override;

  void post(Task task) override;

  // Bare only. A turn waits at most `wait_max` for something to do, and returns whether there was anything.
  bool turn(Duration wait_max);
  void run();   // turns until stop()
  void stop();  // for the loop's own thread; others post it

 protected:
  // Calls set_clock(); tests have a clock of their own.
  virtual void read_clock();

 private:
  friend class Descriptor;
  class Guest;
  static constexpr int events_a_turn = 256;

  bool turn_after(int timeout_ms);
  int timeout_for(Duration wait_max) const;
  bool run_posted();
  void finish();
  void drop_events_of(const Descriptor& closed);

  int set_ = -1;
  int wakeup_ = -1;  // an eventfd: something was posted
  bool running_ = false;
  IntrusiveList<Descriptor> changed_;  // want something else than the kernel has been told
  std::unique_ptr<epoll_event[]> events_;
  int next_event_ = 0;   // of the batch under way
  int event_count_ = 0;
  std::unique_ptr<Guest> guest_;

  std::mutex posted_mutex_;
  std::vector<Task> posted_;  // guarded by posted_mutex_
};

}  // namespace culvert::net
