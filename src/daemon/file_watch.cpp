#include "daemon/file_watch.hpp"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <utility>

#include "base/last_error.hpp"

namespace culvert::daemon {

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t what_counts =
    IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ATTRIB | IN_ONLYDIR;

// Adds every folder in which a name is looked up on the way to `file`, with that name.
template <class Folders>
void add_way_to(const fs::path& file, Folders& folders) {
  const fs::path whole = fs::absolute(file);
  std::deque<fs::path> names(whole.begin(), whole.end());
  fs::path at;
  for (int links = 0; !names.empty();) {
    const fs::path name = std::move(names.front());
    names.pop_front();
    if (name.has_root_directory()) {
      at = name;
    } else if (name == "..") {
      at = at.parent_path();
    } else if (!name.empty() && name != ".") {
      folders[at.string()].insert(name.string());
      std::error_code no_link;
      const fs::path target = fs::read_symlink(at / name, no_link);
      if (no_link) {
        at /= name;
      } else if (constexpr int links_max = 40; ++links <= links_max) {
        names.insert(names.begin(), target.begin(), target.end());
      }
    }
  }
}

}  // namespace

FileWatch::FileWatch(asio::io_context& io, std::function<void()> on_change,
                     std::function<void(std::error_code)> on_trouble, Times times)
    : on_change_(std::move(on_change)), on_trouble_(std::move(on_trouble)), times_(times), events_(io), settling_(io),
      next_poll_(io) {}

void FileWatch::watch(std::vector<std::string> files) {
  if (files == files_) return;
  files_ = std::move(files);
  look_soon();
}

void FileWatch::look_soon() {
  if (std::exchange(is_settling_, true)) return;
  settling_.expires_after(times_.settle);
  settling_.async_wait([this](std::error_code cancelled) {
    if (cancelled) return;
    is_settling_ = false;
    look();
  });
}

// The ways to the files may lead elsewhere by now, so that the watch begins anew; and before the look, so that it misses
// nothing.
void FileWatch::look() {
  const std::error_code error = begin();
  next_poll_.cancel();
  if (error) {
    events_.close();
    if (!std::exchange(has_told_, true)) on_trouble_(error);
    stamps_ = stamps();
    wait_to_poll();
  }
  on_change_();
}

std::error_code FileWatch::begin() {
  events_.close();
  names_.clear();
  if (files_.empty()) return {};
  const int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (inotify < 0) return last_error();
  events_.assign(inotify);
  std::map<std::string, Names> folders;
  for (const std::string& file : files_) add_way_to(file, folders);
  for (auto& [folder, names] : folders) {
    const int number = inotify_add_watch(inotify, folder.c_str(), what_counts);
    if (number >= 0) {
      names_[number].merge(names);
    } else if (errno != ENOENT && errno != ENOTDIR) {  // the folder above tells when it is there
      return last_error();
    }
  }
  wait_for_events();
  return {};
}

void FileWatch::wait_for_events() {
  events_.async_wait(asio::posix::descriptor_base::wait_read, [this](std::error_code cancelled) {
    if (cancelled) return;
    if (take_events()) look_soon();
    wait_for_events();
  });
}

// Whether one of them is of a name that counts, or of a folder as a whole.
bool FileWatch::take_events() {
  bool counts = false;
  alignas(inotify_event) std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t got = ::read(events_.native_handle(), buffer.data(), buffer.size());
    if (got <= 0) return counts;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* const name = buffer.data() + at + sizeof event;
      const auto names = names_.find(event.wd);
      counts = counts || event.len == 0 || (names != names_.end() && names->second.contains(std::string_view(name)));
      at += sizeof event + event.len;
    }
  }
}

void FileWatch::wait_to_poll() {
  next_poll_.expires_after(times_.poll);
  next_poll_.async_wait([this](std::error_code cancelled) {
    if (cancelled) return;
    stamps() == stamps_ ? wait_to_poll() : look_soon();
  });
}

std::vector<FileWatch::Stamp> FileWatch::stamps() const {
  std::vector<Stamp> all;
  for (const std::string& file : files_) {
    Stamp& stamp = all.emplace_back();
    struct stat status;
    if (::stat(file.c_str(), &status) != 0) continue;
    constexpr std::int64_t second = 1'000'000'000;
    stamp = {.device = status.st_dev, .number = status.st_ino, .size = status.st_size,
             .changed_ns = status.st_ctim.tv_sec * second + status.st_ctim.tv_nsec};
  }
  return all;
}

}  // namespace culvert::daemon
