// Asks all workers every so often how they are. Each answers on its own thread when it comes to it: one that hangs does not.
//
//   asking --all have answered--> on_beat(), asks again after the interval
//         `--an interval later somebody has not--> on_late(), once; waits on
#pragma once
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>

#include "daemon/underway.hpp"

namespace culvert::daemon {

class Pulse {
 public:
  // Asks every worker and returns how many there are; `answer` is called once for each, from any thread.
  using Ask = std::function<std::size_t(std::function<void(Underway)> answer)>;
  struct Events {
    std::function<void(const Underway& total)> on_beat;  // called on the thread that runs `io`
    std::function<void(std::size_t workers)> on_late;    // so many have not answered
  };

  Pulse(asio::io_context& io, Ask ask, Events events);
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  // From now on, the first time at once. What was asked before still counts: a worker that hangs is not asked twice.
  void start(std::chrono::microseconds interval);
  void stop();

 private:
  void ask();
  void wait();
  void answered(const Underway& worker);

  asio::io_context& io_;
  const Ask ask_;
  const Events events_;
  std::chrono::microseconds interval_{0};
  asio::steady_timer next_;
  std::size_t unanswered_ = 0;
  Underway total_;
  bool running_ = false;
  bool late_ = false;
};

}  // namespace culvert::daemon
