// Keeps what tunnel services learn, and writes it to their files: told by the workers, written by the control thread.
//
//   worker --learn()--> note --on_news--> control: write(), soon --> a file of rules
#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/config.hpp"
#include "config/learned_rules.hpp"
#include "proxy/lesson_sink.hpp"

namespace culvert::daemon {

class Learner final : public proxy::LessonSink {
 public:
  // `on_news`: there is something to write. Called on any worker's thread, once before each write().
  explicit Learner(std::function<void()> on_news) : on_news_(std::move(on_news)) {}

  // From now on for what `config` learns; goes on with what its files have. On an error, which names the file, everything
  // stays as it was.
  struct Failure {
    std::string file;
    std::string why;
  };
  [[nodiscard]] std::optional<Failure> open(const config::Config& config);

  void learn(const proxy::Lesson& lesson) override;

  // What is new.
  void write();
  // And how often the rest was seen: at the end.
  void write_all();

 private:
  struct Book {
    config::LearnedRules rules;
    bool has_news = false;
    bool has_changed = false;
  };
  using Books = std::map<std::string, Book, std::less<>>;  // by file

  bool keeps(std::string_view file, std::string_view tunnel);
  void write(bool Book::*marked);
  void mark(std::string_view file);

  const std::function<void()> on_news_;
  std::mutex mutex_;  // guards what follows
  Books books_;
  bool told_ = false;
};

}  // namespace culvert::daemon
