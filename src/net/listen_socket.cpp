#include "net/listen_socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "net/socket_address.hpp"

namespace culvert::net {

namespace {

std::error_code last_error() { return {errno, std::system_category()}; }
void enable(int fd, int level, int option) {
  const int on = 1;
  setsockopt(fd, level, option, &on, sizeof(on));
}

// Whether `path` is a socket that its server has left behind.
bool is_stale(const std::string& path, const SocketAddress& address) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const ListenSocket probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return connect(probe.fd(), address.get(), address.size) != 0 && errno == ECONNREFUSED;
}

}  // namespace

Result<ListenSocket> ListenSocket::open(const Address& address, bool reuse_port) {
  Result<SocketAddress> to = to_socket_address(address);
  if (!to) return to.error();
  ListenSocket socket(::socket(to->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.fd_ < 0) return last_error();
  if (to->family() == AF_UNIX) {
    if (is_stale(address.text, *to)) unlink(address.text.c_str());
  } else {
    enable(socket.fd_, SOL_SOCKET, SO_REUSEADDR);
    if (reuse_port) enable(socket.fd_, SOL_SOCKET, SO_REUSEPORT);
    if (to->family() == AF_INET6) enable(socket.fd_, IPPROTO_IPV6, IPV6_V6ONLY);
  }
  if (bind(socket.fd_, to->get(), to->size) != 0 || listen(socket.fd_, backlog) != 0) return last_error();
  return socket;
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
