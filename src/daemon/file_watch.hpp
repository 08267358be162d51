// Tells when files have changed on disk: by inotify on the folders that their names lead through, so that it hears of renames,
// of symbolic links that lead elsewhere, and of files that are gone and come back. Where inotify cannot serve, it looks by time.
#pragma once
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <vector>

namespace culvert::daemon {

class FileWatch {
 public:
  struct Times {
    std::chrono::milliseconds settle{500};  // after the first sign of a change: what belongs together comes together
    std::chrono::milliseconds poll{10'000};
  };

  // `on_change`: some of the files may be others by now. `on_trouble`, at most once: inotify cannot serve, for this reason.
  FileWatch(asio::io_context& io, std::function<void()> on_change, std::function<void(std::error_code)> on_trouble,
            Times times);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // These, in place of those before. on_change follows soon, for what has changed while nobody watched.
  void watch(std::vector<std::string> files);

 private:
  using Names = std::set<std::string, std::less<>>;
  struct Stamp {
    std::uint64_t device = 0;
    std::uint64_t number = 0;
    std::int64_t size = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };

  void look_soon();
  void look();
  std::error_code begin();
  void wait_for_events();
  bool take_events();
  void wait_to_poll();
  std::vector<Stamp> stamps() const;

  const std::function<void()> on_change_;
  const std::function<void(std::error_code)> on_trouble_;
  const Times times_;
  std::vector<std::string> files_;
  asio::posix::stream_descriptor events_;  // of inotify
  std::map<int, Names> names_;             // that count in each folder, by inotify's number for it
  asio::steady_timer settling_;
  bool is_settling_ = false;
  asio::steady_timer next_poll_;
  std::vector<Stamp> stamps_;  // while polling: of files_, when they were looked at last
  bool has_told_ = false;
};

}  // namespace culvert::daemon
