#include "support/socket_options.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/duplex.hpp"

namespace culvert::test {

namespace {

int option(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  getsockopt(fd, level, name, &value, &size);
  return value;
}

// Of TCP, in seconds; 0 where it is as the system has it for every socket.
int seconds_set(int fd, int name) {
  const int fresh = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int usual = option(fresh, IPPROTO_TCP, name);
  close(fresh);
  const int seconds = option(fd, IPPROTO_TCP, name);
  return seconds == usual ? 0 : seconds;
}

}  // namespace

SocketOptions socket_options(const Transport& stream) {
  const int fd = stream.native_handle();
  if (fd < 0) {
    const auto& duplex = dynamic_cast<const Duplex&>(stream);
    return {.no_delay = duplex.no_delay(),
            .keep_alive = duplex.keep_alive(),
            .keep_idle_s = duplex.keep_alive_idle_seconds()};
  }
  return {.no_delay = option(fd, IPPROTO_TCP, TCP_NODELAY) != 0,
          .keep_alive = option(fd, SOL_SOCKET, SO_KEEPALIVE) != 0,
          .keep_idle_s = seconds_set(fd, TCP_KEEPIDLE),
          .keep_interval_s = seconds_set(fd, TCP_KEEPINTVL)};
}

}  // namespace culvert::test
