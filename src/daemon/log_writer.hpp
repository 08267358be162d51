// Writes the access log: one thread for the process, so that no worker ever waits for a disk or a slow pipe.
//
//   worker --submit()--> queue of full buffers --writer thread--> file or standard output
//
// When the queue is full, lines are dropped, counted and reported. Buffers go round: submit() takes a full one and
// leaves one that has been written before.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "daemon/descriptor.hpp"
#include "daemon/tally.hpp"
#include "proxy/access_log.hpp"

namespace culvert::daemon {

class LogWriter final : public proxy::LogSink {
 public:
  static constexpr std::size_t buffers_max = 64;
  using Report = std::function<void(const std::string&)>;  // called from any thread, at most once a second

  // `patience_at_end`: how long the destructor lets the target take what is still queued.
  explicit LogWriter(Report report, std::chrono::milliseconds patience_at_end = std::chrono::seconds(2));
  ~LogWriter() override;

  // Lines submitted from now on go to `file` ("-": standard output). On an error everything stays as it was.
  [[nodiscard]] std::error_code open(const std::string& file);
  // Opens the same file again, after somebody has moved it away.
  [[nodiscard]] std::error_code reopen();

  void submit(std::string& buffer, std::uint32_t lines) override;
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    std::string text;
    std::uint32_t lines = 0;
    Descriptor target;  // the entries behind this one go here; none: no change
  };

  void run();
  Entry next(std::unique_lock<std::mutex>& lock);
  void switch_to(Descriptor target);
  void write(const Entry& entry);
  bool wait_until_writable();
  bool given_up();
  void drop(std::uint64_t lines, std::error_code cause);
  std::string sentence(std::uint64_t lines) const;

  const Report report_;
  const std::chrono::milliseconds patience_at_end_;
  std::string file_;  // of the thread that calls open()

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Entry> queue_;
  std::size_t buffers_ = 0;  // in the queue
  std::vector<std::string> spare_;
  Tally tally_;
  std::error_code cause_;  // of the last drop; none: the queue was full
  TimePoint give_up_at_ = never;
  bool ending_ = false;

  std::atomic<std::uint64_t> dropped_{0};
  Descriptor target_;           // of the writer's thread
  std::size_t write_bytes_max_ = 0;  // that do not block once the target is writable
  std::thread thread_;
};

}  // namespace culvert::daemon
