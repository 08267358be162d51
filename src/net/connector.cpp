#include "net/connector.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "net/socket_address.hpp"
#include "net/tcp_transport.hpp"

namespace culvert::net {

Result<std::unique_ptr<Transport>> SocketConnector::connect(const Address& address) {
  Result<SocketAddress> to = to_socket_address(address);
  if (!to) return to.error();
  const int fd = socket(to->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::error_code(errno, std::system_category());
  if (to->family() != AF_UNIX) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  if (::connect(fd, to->get(), to->size) != 0 && errno != EINPROGRESS) {
    const std::error_code error(errno, std::system_category());
    close(fd);
    return error;
  }
  return std::unique_ptr<Transport>(std::make_unique<TcpTransport>(loop_, fd, to_endpoint(to->get())));
}

}  // namespace culvert::net
