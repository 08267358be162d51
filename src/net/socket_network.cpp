#include "net/socket_network.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "base/last_error.hpp"
#include "net/epoll_loop.hpp"
#include "net/listener.hpp"
#include "net/socket_address.hpp"
#include "net/tcp_transport.hpp"

namespace culvert::net {

namespace {

// The near end, where the options name one. An address alone leaves the choice of its port to connect(), which can
// share a port among connections to different places.
std::error_code bind_near_end(int fd, Endpoint::Family family, const ConnectOptions& options) {
  Endpoint from = options.local;
  if (from.port == 0) from.port = options.local_port;
  if (from.family == Endpoint::Family::none) {
    if (from.port == 0) return {};
    from.family = family;
  }
  Result<SocketAddress> address = to_socket_address(Address::of(from));
  if (!address) return address.error();
  if (from.port == 0) {
    const int on = 1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
  }
  return bind(fd, address->get(), address->size) == 0 ? std::error_code{} : last_error();
}

class SocketAcceptor final : public Acceptor {
 public:
  SocketAcceptor(EpollLoop& loop, std::string path, std::unique_ptr<Listener> listener)
      : loop_(loop), path_(std::move(path)), listener_(std::move(listener)) {}
  ~SocketAcceptor() override {
    // The path first: once the socket is closed, it may already be somebody else's.
    if (!path_.empty()) unlink(path_.c_str());
    listener_->close();
    loop_.retire(std::move(listener_));
  }
  Endpoint local() const override { return listener_->local(); }

 private:
  EpollLoop& loop_;
  const std::string path_;  // to remove; empty: none
  std::unique_ptr<Listener> listener_;
};

}  // namespace

Result<std::unique_ptr<Transport>> SocketNetwork::connect(const Address& address, const ConnectOptions& options) {
  Result<SocketAddress> to = to_socket_address(address);
  if (!to) return to.error();
  const int fd = socket(to->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return last_error();
  auto stream = std::make_unique<TcpTransport>(loop_, fd, to_endpoint(to->get()));
  if (to->family() != AF_UNIX) {
    if (options.no_delay) stream->set_no_delay(true);
    if (options.keep_alive) stream->set_keep_alive(true, options.keep_alive_initial_delay_s);
    if (const std::error_code error = bind_near_end(fd, address.ip.family, options)) return error;
  }
  if (::connect(fd, to->get(), to->size) != 0 && errno != EINPROGRESS) {
    // Near peers may refuse at once; those far away cannot, and nobody should have to know the difference.
    if (errno != ECONNREFUSED) return last_error();
    stream->fail_connecting(errno);
  }
  return std::unique_ptr<Transport>(std::move(stream));
}

Result<std::unique_ptr<Acceptor>> SocketNetwork::listen(const ListenOptions& options, OnConnection on_connection,
                                                        OnError on_error) {
  const bool opens = options.fd < 0;
  // A path that exists is in use, as in Node: programs decide themselves what they remove.
  const ListenSocketOptions how{.backlog = options.backlog, .ipv6_only = options.ipv6_only, .take_over = false};
  Result<ListenSocket> socket = opens ? ListenSocket::open(options.address, how) : ListenSocket::adopt(options.fd);
  if (!socket) return socket.error();
  std::string path = opens && options.address.kind == Address::Kind::unix_path ? options.address.text : std::string();
  // A descriptor from elsewhere may be open elsewhere still, here or in another process.
  auto listener = std::make_unique<Listener>(loop_, std::move(*socket), std::move(on_connection), std::move(on_error),
                                             ListenerOptions{.no_delay = options.no_delay, .shared = !opens});
  return std::unique_ptr<Acceptor>(std::make_unique<SocketAcceptor>(loop_, std::move(path), std::move(listener)));
}

// The kernel lets a socket be bound to an address of this machine, and to no other.
bool SocketNetwork::is_local(const Endpoint& address) const {
  const SocketAddress any_port = [&] {
    Endpoint endpoint = address;
    endpoint.port = 0;
    return to_socket_address(endpoint);
  }();
  const int fd = socket(any_port.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;  // who cannot know says the safer thing
  const bool bound = bind(fd, any_port.get(), any_port.size) == 0;
  close(fd);
  return bound;
}

}  // namespace culvert::net
