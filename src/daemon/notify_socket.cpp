#include "daemon/notify_socket.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace culvert::daemon {

namespace {

constexpr std::size_t status_bytes_max = 1024;  // systemctl shows one line

std::optional<std::uint64_t> number_in(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = text + std::strlen(text);
  const auto [parsed, error] = std::from_chars(text, end, number);
  if (error != std::errc{} || parsed != end) return std::nullopt;
  return number;
}

}  // namespace

NotifySocket NotifySocket::from_environment() {
  NotifySocket none;
  const char* const path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return none;
  const std::size_t size = std::strlen(path);
  if (size < 2 || size >= sizeof(address.sun_path)) return none;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path, size);
  if (path[0] == '@') address.sun_path[0] = '\0';
  NotifySocket connected;
  connected.socket_ = Descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!connected) return none;
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  if (::connect(connected.socket_.number(), reinterpret_cast<const sockaddr*>(&address), bytes) != 0) return none;
  return connected;
}

void NotifySocket::send(std::string_view lines) const {
  if (socket_) static_cast<void>(::send(socket_.number(), lines.data(), lines.size(), MSG_NOSIGNAL));
}

std::optional<std::chrono::microseconds> watchdog_interval() {
  const std::optional<std::uint64_t> interval = number_in("WATCHDOG_USEC");
  if (!interval || *interval == 0) return std::nullopt;
  if (std::getenv("WATCHDOG_PID") != nullptr && number_in("WATCHDOG_PID") != static_cast<std::uint64_t>(::getpid())) {
    return std::nullopt;
  }
  return std::chrono::microseconds(*interval);
}

std::string status_line(std::string_view text) {
  std::string line = "STATUS=";
  for (const char c : text.substr(0, status_bytes_max)) line += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  return line + '\n';
}

std::string reloading_lines() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto time = std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  return "RELOADING=1\n" +
         usec_line("MONOTONIC_USEC", std::chrono::duration_cast<std::chrono::microseconds>(time));
}

std::string usec_line(std::string_view name, std::chrono::microseconds time) {
  return std::string(name).append("=").append(std::to_string(time.count())).append("\n");
}

}  // namespace culvert::daemon
