// What the process tells its operator: a line an occurrence, written by a thread of its own so that a slow terminal or
// disk never holds a worker up (then the oldest lines that wait are lost, not the worker's time).
//
//   log::info("listening on {}", address.to_string());
//
// There is one log a process, as there is one stderr; main sets it up. Before that and after shut_down() nothing is
// written. Everything may be called from any thread, but set_up, shut_down and reopen from one at a time.
#pragma once
#include <atomic>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace culvert::log {

enum class Level : std::uint8_t { trace, debug, info, warn, error, off };
enum class Format : std::uint8_t {
  text,  // 2026-11-21T10:00:00.123Z info  message; for journald <6>message
  json,  // {"time":"2026-11-21T10:00:00.123Z","level":"info","message":"message"}
};

// `target`: "stderr" or the path of a file, which is appended to. On an error everything stays as it was.
[[nodiscard]] std::error_code set_up(Level level, Format format, const std::string& target);
// Opens the same file again, after somebody has moved it away.
[[nodiscard]] std::error_code reopen();
// Writes what waits, and ends.
void shut_down();

// Whether standard error is the stream that systemd has connected to the journal, which takes priorities from <N> before
// each line.
bool stderr_is_journal();
// `text`, of one line or several, as the journal wants it.
std::string with_priority(Level level, std::string_view text);

namespace detail {
extern std::atomic<Level> threshold;
void write(Level level, std::string_view text, std::span<const std::string> pieces);

inline std::string piece(std::string_view text) { return std::string(text); }
inline std::string piece(const std::error_code& error) { return error.message(); }
inline std::string piece(std::integral auto number) { return std::to_string(number); }
}  // namespace detail

inline bool enabled(Level level) { return level >= detail::threshold.load(std::memory_order_relaxed); }

// Each {} of `text` is replaced by the next argument: text, an integer or an error code.
template <class... Args>
void write(Level level, std::string_view text, const Args&... args) {
  if (!enabled(level)) return;
  if constexpr (sizeof...(args) == 0) {
    detail::write(level, text, {});
  } else {
    const std::string pieces[] = {detail::piece(args)...};
    detail::write(level, text, pieces);
  }
}
template <class... Args>
void debug(std::string_view text, const Args&... args) { write(Level::debug, text, args...); }
template <class... Args>
void info(std::string_view text, const Args&... args) { write(Level::info, text, args...); }
template <class... Args>
void warn(std::string_view text, const Args&... args) { write(Level::warn, text, args...); }
template <class... Args>
void error(std::string_view text, const Args&... args) { write(Level::error, text, args...); }

}  // namespace culvert::log
