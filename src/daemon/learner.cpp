#include "daemon/learner.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/http_date.hpp"
#include "base/json_text.hpp"
#include "base/last_error.hpp"
#include "base/log.hpp"
#include "daemon/descriptor.hpp"

namespace culvert::daemon {

namespace {

// To the second: "2026-11-21T10:00:00Z".
std::string text_of(WallTime time) {
  char text[iso_time_chars];
  format_iso_time(text, time);
  return std::string(text, iso_time_chars - 5).append("Z");
}

std::string name_of(std::string_view rule) {
  if (rule.empty()) return "the default";
  std::string name;
  append_json_string(name, rule);
  return name;
}

std::error_code write_all_of(int to, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(to, text.data(), text.size());
    if (written < 0 && errno != EINTR) return last_error();
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(to) == 0 ? std::error_code() : last_error();
}

// Whoever reads the file sees the one before or this one, and nothing between them.
std::error_code replace(const std::string& file, std::string_view text) {
  const std::string fresh = file + ".new";
  const Descriptor target(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!target) return last_error();
  if (const std::error_code error = write_all_of(target.number(), text)) return error;
  return std::rename(fresh.c_str(), file.c_str()) == 0 ? std::error_code() : last_error();
}

}  // namespace

std::optional<Learner::Failure> Learner::open(const config::Config& config) {
  write_all();
  Books fresh;
  for (const auto& [name, tunnel] : config.tunnels) {
    const std::string& file = tunnel.learn;
    if (file.empty() || keeps(file, name)) continue;
    config::LearnedRules rules(name);
    if (std::ifstream before(file, std::ios::binary); before) {
      if (auto why = rules.read(std::string(std::istreambuf_iterator<char>(before), {}))) return Failure{file, *why};
    }
    if (const auto error = replace(file, to_toml(rules))) return Failure{file, error.message()};
    fresh.emplace(file, Book{std::move(rules)});
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(books_, [&](const auto& entry) {
    const auto tunnel = config.tunnels.find(entry.second.rules.tunnel());
    return tunnel == config.tunnels.end() || tunnel->second.learn != entry.first;
  });
  books_.merge(std::move(fresh));
  return std::nullopt;
}

bool Learner::keeps(std::string_view file, std::string_view tunnel) {
  const std::lock_guard lock(mutex_);
  const auto book = books_.find(file);
  return book != books_.end() && book->second.rules.tunnel() == tunnel;
}

void Learner::learn(const proxy::Lesson& lesson) {
  const std::string now = text_of(lesson.time);
  std::unique_lock lock(mutex_);
  const auto book = books_.find(lesson.file);
  if (book == books_.end()) return;  // a reload has ended it
  book->second.has_changed = true;
  const config::Learned learned{.times = 1, .first = now, .last = now, .denied_by = name_of(lesson.denied_by)};
  if (!book->second.rules.add(lesson.user, lesson.target, learned)) return;
  book->second.has_news = true;
  if (std::exchange(told_, true)) return;
  lock.unlock();
  on_news_();
}

void Learner::write() { write(&Book::has_news); }
void Learner::write_all() { write(&Book::has_changed); }

void Learner::write(bool Book::*marked) {
  std::vector<std::pair<std::string, std::string>> texts;
  {
    const std::lock_guard lock(mutex_);
    told_ = false;
    for (auto& [file, book] : books_) {
      if (!(book.*marked)) continue;
      book.has_news = book.has_changed = false;
      texts.emplace_back(file, to_toml(book.rules));
    }
  }
  for (const auto& [file, text] : texts) {
    if (const auto error = replace(file, text)) {
      log::error("cannot write what was learned to {}: {}", file, error);
      mark(file);
    }
  }
}

// It is to be written once more, with what is new next.
void Learner::mark(std::string_view file) {
  const std::lock_guard lock(mutex_);
  const auto book = books_.find(file);
  if (book != books_.end()) book->second.has_news = book->second.has_changed = true;
}

}  // namespace culvert::daemon
