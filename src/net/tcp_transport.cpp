#include "net/tcp_transport.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/last_error.hpp"
#include "net/data_calls.hpp"
#include "net/epoll_loop.hpp"
#include "net/socket_address.hpp"

namespace culvert::net {

namespace {

constexpr std::size_t parts_max = 64;

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

void set_option(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof(value)); }

}  // namespace

// One recv: the loop is level-triggered, so nobody has to probe whether there is more.
Result<Bytes> TcpTransport::read() {
  const std::span<std::byte> scratch = descriptor_.loop().scratch();
  ssize_t got = 0;
  do {
    got = receive(descriptor_.fd(), scratch.data(), scratch.size());
  } while (got < 0 && errno == EINTR);
  if (got > 0) return Bytes(scratch.first(static_cast<std::size_t>(got)));
  if (got == 0) return errc::end_of_stream;
  if (would_block()) return Bytes{};
  return last_error();
}

bool TcpTransport::is_quiet() {
  std::byte first;
  ssize_t got = 0;
  do {
    got = peek(descriptor_.fd(), &first, sizeof(first));
  } while (got < 0 && errno == EINTR);
  return got < 0 && would_block();
}

// One part alone is told without a list, which the kernel would have to fetch: a tenth of a microsecond.
Result<std::size_t> TcpTransport::write(std::span<const iovec> parts) {
  ssize_t sent = 0;
  do {
    sent = parts.size() == 1 ? send_one(descriptor_.fd(), parts.front()) : send_several(parts);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (would_block()) return std::size_t{0};
  return last_error();
}

ssize_t TcpTransport::send_several(std::span<const iovec> parts) const {
  msghdr list{};
  list.msg_iov = const_cast<iovec*>(parts.data());
  list.msg_iovlen = std::min(parts.size(), parts_max);
  return send_list(descriptor_.fd(), list);
}

std::error_code TcpTransport::shutdown_write() {
  return shutdown(descriptor_.fd(), SHUT_WR) == 0 ? std::error_code{} : last_error();
}

void TcpTransport::reset_on_close() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(descriptor_.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

std::error_code TcpTransport::take_error() {
  if (failed_with_ != 0) return {failed_with_, std::system_category()};
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(descriptor_.fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return last_error();
  return {error, std::system_category()};
}

void TcpTransport::set_no_delay(bool on) {
  if (remote_.family == Endpoint::Family::unix_socket) return;
  set_option(descriptor_.fd(), IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0);
}

void TcpTransport::set_keep_alive(bool on, int idle_seconds) {
  if (remote_.family == Endpoint::Family::unix_socket) return;
  set_option(descriptor_.fd(), SOL_SOCKET, SO_KEEPALIVE, on ? 1 : 0);
  if (on && idle_seconds > 0) set_option(descriptor_.fd(), IPPROTO_TCP, TCP_KEEPIDLE, idle_seconds);
}

const Endpoint& TcpTransport::local() const {
  if (local_.family == Endpoint::Family::none) local_ = local_endpoint(descriptor_.fd());
  return local_;
}

}  // namespace culvert::net
