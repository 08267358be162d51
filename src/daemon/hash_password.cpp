#include "daemon/hash_password.hpp"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <ostream>
#include <string_view>

#include "base/digest.hpp"
#include "config/users.hpp"
#include "daemon/password_hash.hpp"
#include "proxy/basic_credentials.hpp"

namespace culvert::daemon {

namespace {

// A terminal that does not show what is typed. An interrupt leaves it as it was.
class QuietTerminal {
 public:
  QuietTerminal() {
    ::tcgetattr(STDIN_FILENO, &before);
    termios quiet = before;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet.c_lflag |= ECHONL;
    interrupt_before_ = std::signal(SIGINT, restore_and_end);
    if (interrupt_before_ == SIG_IGN) std::signal(SIGINT, SIG_IGN);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  ~QuietTerminal() {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    std::signal(SIGINT, interrupt_before_);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;

 private:
  static void restore_and_end(int number) {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
    std::signal(number, SIG_DFL);
    std::raise(number);
  }

  static inline termios before;  // static for the handler
  void (*interrupt_before_)(int);
};

// Nothing where there is no line.
std::optional<std::string> read_line() {
  std::string line;
  for (char c = 0; c != '\n';) {
    const ssize_t got = ::read(STDIN_FILENO, &c, 1);
    if (got < 0 || (got == 0 && line.empty())) return std::nullopt;
    if (got == 0) break;
    if (c != '\n') line += c;
  }
  return line;
}

std::optional<std::string> ask(std::ostream& err, std::string_view prompt) {
  const QuietTerminal quiet;
  err << prompt << std::flush;
  return read_line();
}

ExitCode refuse(std::ostream& err, std::string_view why) {
  err << "culvert: " << why << '\n';
  return exit_failure;
}

}  // namespace

ExitCode hash_password(const HashPasswordOptions& options, std::ostream& out, std::ostream& err) {
  if (options.user) {
    if (const auto wrong = config::check_user_name(*options.user)) return refuse(err, wrong->text);
  }
  const bool at_terminal = ::isatty(STDIN_FILENO) == 1;
  std::optional<std::string> password = at_terminal ? ask(err, "Password: ") : read_line();
  if (!password || password->empty()) return refuse(err, "a password cannot be empty");
  if (!proxy::may_be_sent(*password)) {
    return refuse(err, "a password has at most " + std::to_string(proxy::password_bytes_max) +
                           " bytes and no control characters");
  }
  if (at_terminal && ask(err, "The same again: ") != password) return refuse(err, "these were two passwords");
  Result<std::string> hash = make_hash(*password, options.cost);
  wipe(*password);
  if (!hash) return refuse(err, "crypt(3) made no hash: " + hash.error().message());
  if (options.user) out << *options.user << ':';
  out << *hash << '\n';
  return exit_fine;
}

}  // namespace culvert::daemon
