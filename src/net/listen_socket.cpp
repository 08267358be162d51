#include "net/listen_socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/last_error.hpp"
#include "net/socket_address.hpp"

namespace culvert::net {

namespace {

void set_option(int fd, int level, int option, bool on) {
  const int value = on ? 1 : 0;
  setsockopt(fd, level, option, &value, sizeof(value));
}

// Whether `path` is a socket that its server has left behind.
bool is_stale(const std::string& path, const SocketAddress& address) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const bool refused = connect(probe, address.get(), address.size) != 0 && errno == ECONNREFUSED;
  close(probe);
  return refused;
}

}  // namespace

Result<ListenSocket> ListenSocket::open(const Address& address, const ListenSocketOptions& options) {
  Result<SocketAddress> to = to_socket_address(address);
  if (!to) return to.error();
  ListenSocket socket(::socket(to->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.fd_ < 0) return last_error();
  if (to->family() == AF_UNIX) {
    if (options.take_over && is_stale(address.text, *to)) unlink(address.text.c_str());
  } else {
    set_option(socket.fd_, SOL_SOCKET, SO_REUSEADDR, true);
    if (options.reuse_port) set_option(socket.fd_, SOL_SOCKET, SO_REUSEPORT, true);
    if (to->family() == AF_INET6) set_option(socket.fd_, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only);
  }
  if (bind(socket.fd_, to->get(), to->size) != 0 || listen(socket.fd_, options.backlog) != 0) return last_error();
  return socket;
}

Result<ListenSocket> ListenSocket::adopt(int fd) {
  int listens = 0;
  socklen_t size = sizeof(listens);
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0) return last_error();
  if (listens == 0) return std::make_error_code(std::errc::invalid_argument);
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return last_error();
  return ListenSocket(fd);
}

ListenSocket::ListenSocket(ListenSocket&& other) noexcept : fd_(other.release()) {}

ListenSocket& ListenSocket::operator=(ListenSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

ListenSocket::~ListenSocket() {
  if (fd_ >= 0) close(fd_);
}

Result<ListenSocket> ListenSocket::dup() const {
  const int copy = fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return last_error();
  return ListenSocket(copy);
}

Endpoint ListenSocket::local() const { return local_endpoint(fd_); }

int ListenSocket::release() { return std::exchange(fd_, -1); }

}  // namespace culvert::net
