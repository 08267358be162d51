#include "support/world.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "net/socket_address.hpp"
#include "net/tcp_transport.hpp"

namespace culvert::test {

namespace {

constexpr auto patience = std::chrono::seconds(5);

using Clock = std::chrono::steady_clock;

Address loopback(std::uint16_t port) {
  Endpoint endpoint{.family = Endpoint::Family::ipv4, .port = port};
  endpoint.address = {127, 0, 0, 1};
  return Address::of(endpoint);
}

[[noreturn]] void give_up(const char* what) { throw std::system_error(errno, std::system_category(), what); }

net::ListenSocket listen_on_loopback() {
  Result<net::ListenSocket> socket = net::ListenSocket::open(loopback(0));
  if (!socket) throw std::system_error(socket.error(), "listen");
  return std::move(*socket);
}

// Two connected sockets. Connecting over the loopback device is done when connect() returns.
std::pair<int, int> connected_pair() {
  const net::ListenSocket socket = listen_on_loopback();
  const net::SocketAddress there = net::to_socket_address(socket.local());
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(client, there.get(), there.size) != 0) give_up("connect");
  if (fcntl(client, F_SETFL, O_NONBLOCK) != 0) give_up("fcntl");
  const int server = accept4(socket.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (server < 0) give_up("accept");
  return {client, server};
}

}  // namespace

// ---- in memory ----------------------------------------------------------------------------------------------------

MemoryWorld::MemoryWorld(bool trickle)
    : trickle_(trickle),
      network_(
          loop_, address().ip,
          [this](std::unique_ptr<Transport> stream) {
            accepted_.push_back(std::make_unique<TestPeer>(std::move(stream)));
          },
          trickle) {}

Address MemoryWorld::address() const { return loopback(40'001); }

std::pair<std::unique_ptr<Transport>, TestPeer&> MemoryWorld::connect() {
  auto [tested, other] = Duplex::pair(loop_);
  if (trickle_) tested->trickle();
  return {std::move(tested), *clients_.emplace_back(std::make_unique<TestPeer>(std::move(other)))};
}

bool MemoryWorld::run_until(const Predicate& done) {
  const auto deadline = Clock::now() + patience;
  while (!done()) {
    if (!loop_.turn() && !done()) return false;
    if (Clock::now() > deadline) return false;
  }
  return true;
}

// ---- over sockets -------------------------------------------------------------------------------------------------

StoppedClockLoop::StoppedClockLoop() { seed(1); }

void StoppedClockLoop::random_fill(std::span<std::byte> bytes) {
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
}

void StoppedClockLoop::advance(Duration duration) {
  set_clock(now() + duration, wall_now() + std::chrono::duration_cast<WallTime::duration>(duration));
}

SocketWorld::SocketWorld()
    : listener_(
          loop_, listen_on_loopback(),
          [this](std::unique_ptr<Transport> stream) {
            accepted_.push_back(std::make_unique<TestPeer>(std::move(stream)));
          },
          [](std::error_code error) { throw std::system_error(error, "accept"); }) {}

Address SocketWorld::address() const { return loopback(listener_.local().port); }

std::pair<std::unique_ptr<Transport>, TestPeer&> SocketWorld::connect() {
  const auto [client, server] = connected_pair();
  const Endpoint client_endpoint = net::local_endpoint(client);
  auto played = std::make_unique<net::TcpTransport>(loop_, client, net::local_endpoint(server));
  auto tested = std::make_unique<net::TcpTransport>(loop_, server, client_endpoint);
  return {std::move(tested), *clients_.emplace_back(std::make_unique<TestPeer>(std::move(played)))};
}

bool SocketWorld::run_until(const Predicate& done) {
  const auto deadline = Clock::now() + patience;
  while (!done()) {
    if (Clock::now() > deadline) return false;
    loop_.turn(std::chrono::milliseconds(10));
  }
  return true;
}

// The loopback device delivers before send returns, or very soon after: two quiet waits are silence.
void SocketWorld::settle() {
  for (int quiet = 0; quiet < 2;) quiet = loop_.turn(std::chrono::milliseconds(2)) ? 0 : quiet + 1;
}

}  // namespace culvert::test
