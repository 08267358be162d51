#include "support/world.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "net/epoll_loop.hpp"
#include "net/listener.hpp"
#include "net/socket_address.hpp"
#include "net/socket_network.hpp"
#include "net/tcp_transport.hpp"
#include "support/duplex.hpp"
#include "support/manual_loop.hpp"
#include "support/memory_network.hpp"

namespace culvert::test {

class World::Ground {
 public:
  struct Connection {
    std::unique_ptr<Transport> tested;
    std::unique_ptr<Transport> played;
  };

  virtual ~Ground() = default;
  virtual Loop& loop() = 0;
  virtual Network& network() = 0;
  virtual Address address() const = 0;
  virtual Connection connect() = 0;
  virtual bool turn() = 0;      // false: nothing happens any more
  virtual void settle() = 0;
  virtual void advance(Duration duration) = 0;
};

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

// ---- in memory ----------------------------------------------------------------------------------------------------

class MemoryGround final : public World::Ground {
 public:
  MemoryGround(bool trickle, Network::OnConnection on_peer)
      : trickle_(trickle), network_(loop_, address().ip, std::move(on_peer), trickle) {}

  Loop& loop() override { return loop_; }
  Network& network() override { return network_; }
  Address address() const override { return loopback(40'001); }
  Connection connect() override {
    auto [tested, played] = Duplex::pair(loop_);
    if (trickle_) tested->trickle();
    return {std::move(tested), std::move(played)};
  }
  bool turn() override { return loop_.turn(); }
  void settle() override { loop_.settle(); }
  void advance(Duration duration) override { loop_.advance(duration); }

 private:
  const bool trickle_;
  ManualLoop loop_;
  MemoryNetwork network_;
};

// ---- over sockets -------------------------------------------------------------------------------------------------

// A loop over real descriptors whose clock stands still.
class StoppedClockLoop final : public net::EpollLoop {
 public:
  StoppedClockLoop() { seed(1); }
  void random_fill(std::span<std::byte> bytes) override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  }
  void advance(Duration duration) {
    set_clock(now() + duration, wall_now() + std::chrono::duration_cast<WallTime::duration>(duration));
  }

 private:
  void read_clock() override {}
};

class SocketGround final : public World::Ground {
 public:
  explicit SocketGround(Network::OnConnection on_peer)
      : listener_(loop_, listen_on_loopback(), std::move(on_peer),
                  [](std::error_code error) { throw std::system_error(error, "accept"); }) {}

  Loop& loop() override { return loop_; }
  Network& network() override { return network_; }
  Address address() const override { return loopback(listener_.local().port); }
  Connection connect() override {
    const auto [client, server] = connected_pair();
    const Endpoint client_endpoint = net::local_endpoint(client);
    auto played = std::make_unique<net::TcpTransport>(loop_, client, net::local_endpoint(server));
    return {std::make_unique<net::TcpTransport>(loop_, server, client_endpoint), std::move(played)};
  }
  // What a peer of the kernel's does may still be on its way.
  bool turn() override {
    loop_.turn(std::chrono::milliseconds(10));
    return true;
  }
  // The loopback device delivers before send returns, or very soon after: two quiet waits are silence.
  void settle() override {
    for (int quiet = 0; quiet < 2;) quiet = loop_.turn(std::chrono::milliseconds(2)) ? 0 : quiet + 1;
  }
  void advance(Duration duration) override { loop_.advance(duration); }

 private:
  StoppedClockLoop loop_;
  net::SocketNetwork network_{loop_};
  net::Listener listener_;
};

std::unique_ptr<World::Ground> make_ground(World::Kind kind, Network::OnConnection on_peer) {
  if (kind == World::Kind::sockets) return std::make_unique<SocketGround>(std::move(on_peer));
  return std::make_unique<MemoryGround>(kind == World::Kind::trickle, std::move(on_peer));
}

}  // namespace

World::World(Kind which)
    : kind(which),
      ground_(make_ground(which,
                          [this](std::unique_ptr<Transport> stream) {
                            accepted_.push_back(std::make_unique<TestPeer>(std::move(stream)));
                          })),
      recorder_(ground_->network()) {}

World::~World() = default;

Loop& World::loop() { return ground_->loop(); }

Address World::address() const { return ground_->address(); }

std::pair<std::unique_ptr<Transport>, TestPeer&> World::connect() {
  auto [tested, played] = ground_->connect();
  return {std::move(tested), *clients_.emplace_back(std::make_unique<TestPeer>(std::move(played)))};
}

bool World::run_until(const Predicate& done) {
  const auto deadline = Clock::now() + patience;
  while (!done()) {
    if (Clock::now() > deadline) return false;
    if (!ground_->turn() && !done()) return false;
  }
  return true;
}

void World::settle() { ground_->settle(); }

void World::advance(Duration duration) { ground_->advance(duration); }

}  // namespace culvert::test
