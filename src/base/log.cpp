#include "base/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "base/http_date.hpp"
#include "base/json_text.hpp"

namespace culvert::log {

namespace {

constexpr std::size_t queue_lines_max = 8192;

struct LevelRow {
  std::string_view name;
  std::string_view padded;
  std::string_view journald;  // syslog's priorities
  spdlog::level::level_enum spdlog;
};
constexpr LevelRow level_rows[] = {
    {"trace", "trace", "<7>", spdlog::level::trace}, {"debug", "debug", "<7>", spdlog::level::debug},
    {"info", "info ", "<6>", spdlog::level::info},   {"warn", "warn ", "<4>", spdlog::level::warn},
    {"error", "error", "<3>", spdlog::level::err},
};

const LevelRow& row_of(spdlog::level::level_enum level) {
  for (const LevelRow& row : level_rows) {
    if (row.spdlog == level) return row;
  }
  return level_rows[4];
}

// Appends `text` such that it stays one line.
void append_line_text(std::string& line, std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      line += c;
    } else {
      line += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    }
  }
}

// Writes each line with one write(), to standard error or a file.
class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  LineSink(Format format, const std::string& target)
      : format_(format), target_(target == "stderr" ? "" : target), journald_(target_.empty() && stderr_is_journal()) {}
  ~LineSink() override { close_file(); }

  std::error_code open() {
    if (target_.empty()) return {};
    const int opened = ::open(target_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (opened < 0) return {errno, std::system_category()};
    const std::lock_guard lock(mutex_);
    close_file();
    fd_ = opened;
    return {};
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const LevelRow& level = row_of(message.level);
    const std::string_view text(message.payload.data(), message.payload.size());
    line_.clear();
    if (journald_) line_ += level.journald;
    if (format_ == Format::json) {
      line_ += "{\"time\":\"";
      append_time(message.time);
      line_.append("\",\"level\":\"").append(level.name).append("\",\"message\":");
      append_json_string(line_, text);
      line_ += '}';
    } else {
      if (!journald_) {
        append_time(message.time);
        line_.append(" ").append(level.padded).append(" ");
      }
      append_line_text(line_, text);
    }
    line_ += '\n';
    write_line();
  }
  void flush_() override {}

  void append_time(WallTime time) {
    char text[iso_time_chars];
    format_iso_time(text, time);
    line_.append(text, iso_time_chars);
  }
  // What cannot be written is lost: there is nobody left to tell.
  void write_line() {
    std::string_view left = line_;
    while (!left.empty()) {
      const ssize_t written = ::write(fd_, left.data(), left.size());
      if (written >= 0) {
        left.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno == EAGAIN) {
        pollfd writable{.fd = fd_, .events = POLLOUT, .revents = 0};
        poll(&writable, 1, -1);
      } else if (errno != EINTR) {
        return;
      }
    }
  }
  void close_file() const {
    if (fd_ != STDERR_FILENO) ::close(fd_);
  }

  const Format format_;
  const std::string target_;  // empty: standard error
  const bool journald_;
  int fd_ = STDERR_FILENO;
  std::string line_;
};

// Those who write keep it alive while another thread replaces it; the pool writes what waits before it ends.
struct Log {
  Log(std::shared_ptr<LineSink> to)
      : sink(std::move(to)),
        pool(std::make_shared<spdlog::details::thread_pool>(queue_lines_max, 1)),
        logger(std::make_shared<spdlog::async_logger>("culvert", sink, pool,
                                                      spdlog::async_overflow_policy::overrun_oldest)) {
    logger->set_level(spdlog::level::trace);
  }
  const std::shared_ptr<LineSink> sink;
  const std::shared_ptr<spdlog::details::thread_pool> pool;
  const std::shared_ptr<spdlog::async_logger> logger;
};

std::atomic<std::shared_ptr<Log>> current;  // the one log of the process: see the header

}  // namespace

std::atomic<Level> detail::threshold = Level::off;

std::error_code set_up(Level level, Format format, const std::string& target) {
  auto sink = std::make_shared<LineSink>(format, target);
  if (const std::error_code error = sink->open()) return error;
  current.store(std::make_shared<Log>(std::move(sink)));
  detail::threshold = level;
  return {};
}

std::error_code reopen() {
  const std::shared_ptr<Log> log = current.load();
  return log == nullptr ? std::error_code{} : log->sink->open();
}

void shut_down() {
  detail::threshold = Level::off;
  current.store(nullptr);
}

bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
  return std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino) == stream;
}

std::string with_priority(Level level, std::string_view text) {
  const std::string_view priority = level_rows[static_cast<std::size_t>(level)].journald;
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    out.append(priority).append(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

void detail::write(Level level, std::string_view text, std::span<const std::string> pieces) {
  const std::shared_ptr<Log> log = current.load();
  if (log == nullptr || level == Level::off) return;
  std::string message;
  for (const std::string& piece : pieces) {
    const std::size_t place = text.find("{}");
    if (place == std::string_view::npos) break;
    message.append(text.substr(0, place)).append(piece);
    text.remove_prefix(place + 2);
  }
  message += text;
  log->logger->log(level_rows[static_cast<std::size_t>(level)].spdlog, spdlog::string_view_t(message));
}

}  // namespace culvert::log
