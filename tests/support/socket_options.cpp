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

int idle_seconds_of_the_system() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int seconds = option(fd, IPPROTO_TCP, TCP_KEEPIDLE);
  close(fd);
  return seconds;
}

}  // namespace

SocketOptions socket_options(const Transport& stream) {
  const int fd = stream.native_handle();
  if (fd < 0) {
    const auto& duplex = dynamic_cast<const Duplex&>(stream);
    return {duplex.no_delay(), duplex.keep_alive(), duplex.keep_alive_idle_seconds()};
  }
  const int idle_seconds = option(fd, IPPROTO_TCP, TCP_KEEPIDLE);
  return {.no_delay = option(fd, IPPROTO_TCP, TCP_NODELAY) != 0,
          .keep_alive = option(fd, SOL_SOCKET, SO_KEEPALIVE) != 0,
          .keep_idle_s = idle_seconds == idle_seconds_of_the_system() ? 0 : idle_seconds};
}

}  // namespace culvert::test
