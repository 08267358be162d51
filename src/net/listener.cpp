#include "net/listener.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "net/epoll_loop.hpp"
#include "net/socket_address.hpp"
#include "net/tcp_transport.hpp"

namespace culvert::net {

namespace {
constexpr int accepted_a_turn = 16;
constexpr auto resting_time = std::chrono::milliseconds(100);
}  // namespace

Listener::Listener(EpollLoop& loop, ListenSocket socket, OnConnection on_connection, OnError on_error,
                   ListenerOptions options)
    : loop_(loop),
      on_connection_(std::move(on_connection)),
      on_error_(std::move(on_error)),
      options_(options) {
  descriptor_.emplace(loop, socket.release(), options.shared ? Descriptor::Use::shared : Descriptor::Use::exclusive);
  descriptor_->attach(*this);
}

void Listener::pause() {
  paused_ = true;
  update_interest();
}

void Listener::resume() {
  paused_ = false;
  update_interest();
}

void Listener::close() {
  loop_.forget(*this);
  descriptor_.reset();
}

Endpoint Listener::local() const { return local_endpoint(descriptor_->fd()); }

void Listener::on_ready(Ready) noexcept {
  for (int i = 0; i < accepted_a_turn && descriptor_ && !paused_ && !resting_; ++i) {
    if (!accept_one()) return;
  }
}

// Whether it is worth trying again at once.
bool Listener::accept_one() {
  SocketAddress from;
  from.size = sizeof(from.storage);
  const int fd = accept4(descriptor_->fd(), from.get(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      rest({errno, std::system_category()});
    }
    return true;  // what else there is concerns one connection that has gone before we took it
  }
  auto stream = std::make_unique<TcpTransport>(loop_, fd, to_endpoint(from.get()));
  if (options_.no_delay) stream->set_no_delay(true);
  ++accepted_;
  on_connection_(std::move(stream));
  return true;
}

void Listener::rest(std::error_code reason) {
  ++refused_;
  resting_ = true;
  update_interest();
  loop_.ask_at(*this, loop_.now() + resting_time);
  on_error_(reason);
}

TimePoint Listener::on_due(TimePoint) noexcept {
  resting_ = false;
  update_interest();
  return never;
}

void Listener::update_interest() { descriptor_->want({.read = !paused_ && !resting_, .write = false}); }

}  // namespace culvert::net
