#include "daemon/log_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <limits>

#include "base/last_error.hpp"

namespace culvert::daemon {

namespace {

constexpr auto glance_ms = 100;  // a blocked writer looks this often whether it should give up

TimePoint clock_now() { return std::chrono::steady_clock::now(); }

}  // namespace

LogWriter::LogWriter(Report report, std::chrono::milliseconds patience_at_end)
    : report_(std::move(report)), patience_at_end_(patience_at_end), thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "culvert/log");
}

LogWriter::~LogWriter() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    give_up_at_ = clock_now() + patience_at_end_;
  }
  changed_.notify_one();
  thread_.join();
  if (const std::uint64_t lines = tally_.take()) report_(sentence(lines));
}

std::error_code LogWriter::open(const std::string& file) {
  Descriptor opened(file == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                                : ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
  if (!opened) return last_error();
  file_ = file;
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(Entry{{}, 0, std::move(opened)});
  }
  changed_.notify_one();
  return {};
}

std::error_code LogWriter::reopen() { return file_.empty() ? std::error_code{} : open(file_); }

void LogWriter::submit(std::string& buffer, std::uint32_t lines) {
  if (buffer.empty()) return;
  std::unique_lock lock(mutex_);
  if (buffers_ == buffers_max) {
    lock.unlock();
    buffer.clear();
    return drop(lines, {});
  }
  std::string empty;
  if (spare_.empty()) {
    empty.reserve(buffer.capacity());
  } else {
    empty = std::move(spare_.back());
    spare_.pop_back();
  }
  queue_.push_back(Entry{std::exchange(buffer, std::move(empty)), lines, {}});
  ++buffers_;
  lock.unlock();
  changed_.notify_one();
}

void LogWriter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    Entry entry = next(lock);
    if (entry.target) {
      switch_to(std::move(entry.target));
      continue;
    }
    if (entry.text.empty()) return;
    lock.unlock();
    write(entry);
    entry.text.clear();
    lock.lock();
    spare_.push_back(std::move(entry.text));
  }
}

// Waits for an entry; an empty one is the end. Meanwhile reports what was dropped and not yet told.
LogWriter::Entry LogWriter::next(std::unique_lock<std::mutex>& lock) {
  const auto has_work = [this] { return !queue_.empty() || ending_; };
  while (!has_work()) {
    if (tally_.empty()) {
      changed_.wait(lock, has_work);
    } else if (!changed_.wait_for(lock, std::chrono::seconds(1), has_work)) {
      const std::string text = sentence(tally_.take());
      lock.unlock();
      report_(text);
      lock.lock();
    }
  }
  if (queue_.empty()) return {};
  Entry entry = std::move(queue_.front());
  queue_.pop_front();
  if (!entry.target) --buffers_;
  return entry;
}

// A file takes a buffer at once. Anything else that is writable takes at least PIPE_BUF bytes without blocking, and
// the writer must not block where it could not give up.
void LogWriter::switch_to(Descriptor target) {
  struct stat status{};
  const bool regular = ::fstat(target.number(), &status) == 0 && S_ISREG(status.st_mode);
  write_bytes_max_ = regular ? std::numeric_limits<std::size_t>::max() : PIPE_BUF;
  target_ = std::move(target);
}

void LogWriter::write(const Entry& entry) {
  std::string_view rest = entry.text;
  while (!rest.empty()) {
    if (!wait_until_writable()) return drop(entry.lines, std::make_error_code(std::errc::timed_out));
    const ssize_t written = ::write(target_.number(), rest.data(), std::min(rest.size(), write_bytes_max_));
    if (written < 0 && errno != EINTR && errno != EAGAIN) return drop(entry.lines, last_error());
    if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

bool LogWriter::wait_until_writable() {
  pollfd target{target_.number(), POLLOUT, 0};
  while (::poll(&target, 1, given_up() ? 0 : glance_ms) <= 0) {
    if (given_up()) return false;
  }
  return true;
}

bool LogWriter::given_up() {
  std::lock_guard lock(mutex_);
  return ending_ && clock_now() >= give_up_at_;
}

void LogWriter::drop(std::uint64_t lines, std::error_code cause) {
  dropped_.fetch_add(lines, std::memory_order_relaxed);
  std::unique_lock lock(mutex_);
  cause_ = cause;
  tally_.add(lines);
  const std::uint64_t due = tally_.take_due(clock_now());
  if (due == 0) return;
  const std::string text = sentence(due);
  lock.unlock();
  report_(text);
}

std::string LogWriter::sentence(std::uint64_t lines) const {
  return "access log: " + std::to_string(lines) + (lines == 1 ? " line" : " lines") + " dropped: " +
         (cause_ ? cause_.message() : "the target takes them too slowly");
}

}  // namespace culvert::daemon
