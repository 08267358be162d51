// What would break: connections would be refused, accepted on the wrong terms, or a full process would spin.
#include "net/listener.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "net/epoll_loop.hpp"
#include "net/socket_address.hpp"
#include "net/socket_network.hpp"

namespace culvert::net {
namespace {

using namespace std::chrono_literals;

Address loopback_v4(std::uint16_t port = 0) {
  Endpoint endpoint{.family = Endpoint::Family::ipv4, .port = port};
  endpoint.address = {127, 0, 0, 1};
  return Address::of(endpoint);
}
Address loopback_v6(std::uint16_t port = 0) {
  Endpoint endpoint{.family = Endpoint::Family::ipv6, .port = port};
  endpoint.address[15] = 1;
  return Address::of(endpoint);
}
Address unix_path(const std::string& path) {
  return {.kind = Address::Kind::unix_path, .ip = {}, .text = path, .port = 0};
}

// A blocking client; what the kernel's queue takes is connected.
class Client {
 public:
  explicit Client(const Address& address) {
    const SocketAddress to = *to_socket_address(address);
    fd_ = socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    connected_ = ::connect(fd_, to.get(), to.size) == 0;
  }
  Client(Client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  ~Client() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool connected() const { return connected_; }
  Endpoint local() const { return local_endpoint(fd_); }

 private:
  int fd_ = -1;
  bool connected_ = false;
};

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  getsockopt(fd, level, name, &value, &size);
  return value;
}

class ListenSocketTest : public ::testing::Test {
 protected:
  ListenSocketTest() {
    char folder[] = "/tmp/culvert-listen-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~ListenSocketTest() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ / "socket"; }
  std::filesystem::path folder_;
};

TEST_F(ListenSocketTest, ListensWhereItIsTold) {
  Result<ListenSocket> v4 = ListenSocket::open(loopback_v4());
  ASSERT_TRUE(v4);
  EXPECT_GT(v4->local().port, 0);
  EXPECT_TRUE(Client(loopback_v4(v4->local().port)).connected());
  Result<ListenSocket> v6 = ListenSocket::open(loopback_v6());
  if (!v6) {
    EXPECT_EQ(v6.error(), std::errc::address_family_not_supported) << "this machine may have no IPv6";
    return;
  }
  EXPECT_EQ(option(v6->fd(), IPPROTO_IPV6, IPV6_V6ONLY), 1);
  EXPECT_TRUE(Client(loopback_v6(v6->local().port)).connected());
}

TEST_F(ListenSocketTest, BothFamiliesWhereToldSo) {
  const Address anywhere = Address::of(*Endpoint::parse_ip("::"));
  Result<ListenSocket> both = ListenSocket::open(anywhere, {.ipv6_only = false});
  if (!both) {
    EXPECT_EQ(both.error(), std::errc::address_family_not_supported) << "this machine may have no IPv6";
    return;
  }
  EXPECT_TRUE(Client(loopback_v4(both->local().port)).connected());
}

TEST_F(ListenSocketTest, SharesAPortOnlyWhenBothAgree) {
  Result<ListenSocket> first = ListenSocket::open(loopback_v4(), {.reuse_port = true});
  ASSERT_TRUE(first);
  const Address same = loopback_v4(first->local().port);
  EXPECT_TRUE(ListenSocket::open(same, {.reuse_port = true}));
  EXPECT_EQ(ListenSocket::open(same).error(), std::errc::address_in_use);
}

TEST_F(ListenSocketTest, TakesOverAPathThatNobodyAnswersOn) {
  { ASSERT_TRUE(ListenSocket::open(unix_path(path()))); }
  ASSERT_TRUE(std::filesystem::exists(path()));
  EXPECT_FALSE(Client(unix_path(path())).connected());
  Result<ListenSocket> second = ListenSocket::open(unix_path(path()));
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_TRUE(Client(unix_path(path())).connected());
  EXPECT_EQ(second->local().family, Endpoint::Family::unix_socket);
}

TEST_F(ListenSocketTest, LeavesAPathInUseAlone) {
  Result<ListenSocket> first = ListenSocket::open(unix_path(path()));
  ASSERT_TRUE(first);
  EXPECT_EQ(ListenSocket::open(unix_path(path())).error(), std::errc::address_in_use);
  EXPECT_TRUE(Client(unix_path(path())).connected());
}

TEST_F(ListenSocketTest, DeletesNoOrdinaryFile) {
  std::ofstream(path()) << "precious";
  EXPECT_EQ(ListenSocket::open(unix_path(path())).error(), std::errc::address_in_use);
  EXPECT_TRUE(std::filesystem::is_regular_file(path()));
}

TEST_F(ListenSocketTest, RefusesWhatIsNoAddress) {
  EXPECT_EQ(ListenSocket::open(unix_path(std::string(200, 'x'))).error(), std::errc::filename_too_long);
  EXPECT_EQ(ListenSocket::open(unix_path("")).error(), std::errc::invalid_argument);
  const Address name{.kind = Address::Kind::name, .ip = {}, .text = "localhost", .port = 80};
  EXPECT_EQ(ListenSocket::open(name).error(), std::errc::invalid_argument);
}

TEST_F(ListenSocketTest, ACopyIsTheSameSocket) {
  Result<ListenSocket> first = ListenSocket::open(loopback_v4());
  ASSERT_TRUE(first);
  Result<ListenSocket> copy = first->dup();
  ASSERT_TRUE(copy);
  EXPECT_NE(copy->fd(), first->fd());
  const std::uint16_t port = first->local().port;
  *first = ListenSocket();
  EXPECT_TRUE(Client(loopback_v4(port)).connected());
}

class ListenerTest : public ::testing::Test {
 protected:
  Listener listen(const Address& address, ListenerOptions options = {}) {
    Result<ListenSocket> socket = ListenSocket::open(address);
    EXPECT_TRUE(socket);
    return Listener(
        loop_, std::move(*socket), [this](std::unique_ptr<Transport> stream) { streams_.push_back(std::move(stream)); },
        [this](std::error_code error) { errors_.push_back(error); }, options);
  }
  template <class Done>
  bool run_until(Done done) {
    for (int i = 0; i < 500 && !done(); ++i) loop_.turn(10ms);
    return done();
  }
  EpollLoop loop_;
  std::vector<std::unique_ptr<Transport>> streams_;
  std::vector<std::error_code> errors_;
};

TEST_F(ListenerTest, HandsOverConnectedStreams) {
  Listener listener = listen(loopback_v4());
  const Client client(loopback_v4(listener.local().port));
  ASSERT_TRUE(run_until([&] { return streams_.size() == 1; }));
  EXPECT_EQ(streams_[0]->remote(), client.local());
  EXPECT_EQ(streams_[0]->local(), listener.local());
  EXPECT_EQ(listener.accepted(), 1u);
  EXPECT_TRUE(errors_.empty());
}

TEST_F(ListenerTest, TakesSixteenATurn) {
  Listener listener = listen(loopback_v4());
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(loopback_v4(listener.local().port));
  loop_.turn(1s);
  EXPECT_EQ(streams_.size(), 16u);
  ASSERT_TRUE(run_until([&] { return streams_.size() == 20; }));
}

TEST_F(ListenerTest, PausedItLeavesConnectionsInTheQueue) {
  Listener listener = listen(loopback_v4());
  listener.pause();
  const Client client(loopback_v4(listener.local().port));
  ASSERT_TRUE(client.connected());
  EXPECT_FALSE(loop_.turn(5ms));
  EXPECT_TRUE(streams_.empty());
  listener.resume();
  ASSERT_TRUE(run_until([&] { return streams_.size() == 1; }));
}

TEST_F(ListenerTest, ClosedInAHurryItIsNotAskedAgain) {
  int connections = 0;
  std::unique_ptr<Listener> listener;
  Result<ListenSocket> socket = ListenSocket::open(loopback_v4());
  ASSERT_TRUE(socket);
  const Address there = loopback_v4(socket->local().port);
  listener = std::make_unique<Listener>(
      loop_, std::move(*socket),
      [&](std::unique_ptr<Transport>) {
        ++connections;
        listener->close();
      },
      [](std::error_code) {});
  const Client first(there);
  const Client second(there);
  ASSERT_TRUE(run_until([&] { return connections == 1; }));
  EXPECT_FALSE(Client(there).connected());
  EXPECT_FALSE(loop_.turn(5ms));
  EXPECT_EQ(connections, 1);
}

TEST_F(ListenerTest, SeveralLoopsShareASocket) {
  Result<ListenSocket> socket = ListenSocket::open(loopback_v4());
  ASSERT_TRUE(socket);
  Result<ListenSocket> copy = socket->dup();
  ASSERT_TRUE(copy);
  EpollLoop other_loop;
  int here = 0;
  int there = 0;
  const auto ignore = [](std::error_code) {};
  auto first = std::make_unique<Listener>(
      loop_, std::move(*socket), [&](std::unique_ptr<Transport>) { ++here; }, ignore, ListenerOptions{.shared = true});
  Listener second(other_loop, std::move(*copy), [&](std::unique_ptr<Transport>) { ++there; }, ignore, {.shared = true});
  const std::uint16_t port = second.local().port;
  loop_.turn(0ms);
  other_loop.turn(0ms);
  const Client client(loopback_v4(port));
  ASSERT_TRUE(run_until([&] { return here == 1; }));
  first.reset();
  const Client next(loopback_v4(port));
  EXPECT_FALSE(loop_.turn(5ms)) << "the socket lives on elsewhere, this loop must not hear of it";
  for (int i = 0; i < 100 && there == 0; ++i) other_loop.turn(10ms);
  EXPECT_EQ(there, 1);
}

TEST_F(ListenerTest, WithoutDescriptorsItRestsInsteadOfSpinning) {
  Listener listener = listen(loopback_v4());
  // One in good times: UBSan needs a descriptor of its own when it looks at a type for the first time.
  const Client first(loopback_v4(listener.local().port));
  ASSERT_TRUE(run_until([&] { return streams_.size() == 1; }));
  const Client client(loopback_v4(listener.local().port));
  ASSERT_TRUE(client.connected());
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const int lowest_free = fcntl(0, F_DUPFD, 0);
  ::close(lowest_free);
  const rlimit none{.rlim_cur = static_cast<rlim_t>(lowest_free), .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  loop_.turn(1s);
  const std::size_t errors = errors_.size();
  const bool again = loop_.turn(5ms);
  setrlimit(RLIMIT_NOFILE, &before);

  ASSERT_EQ(errors, 1u);
  EXPECT_EQ(errors_[0], std::errc::too_many_files_open);
  EXPECT_FALSE(again) << "it tried again at once";
  EXPECT_EQ(listener.refused(), 1u);
  ASSERT_TRUE(run_until([&] { return streams_.size() == 2; })) << "the connection was lost";
}

TEST_F(ListenerTest, ConnectionsOfAUnixSocketAreLocal) {
  char folder[] = "/tmp/culvert-listen-XXXXXX";
  const std::filesystem::path where = mkdtemp(folder);
  {
    Listener listener = listen(unix_path(where / "socket"));
    SocketNetwork network(loop_);
    Result<std::unique_ptr<Transport>> dialled = network.connect(unix_path(where / "socket"), {});
    ASSERT_TRUE(dialled);
    EXPECT_EQ((*dialled)->remote().family, Endpoint::Family::unix_socket);
    ASSERT_TRUE(run_until([&] { return streams_.size() == 1; }));
    EXPECT_EQ(streams_[0]->remote().family, Endpoint::Family::unix_socket);
  }
  std::filesystem::remove_all(where);
}

}  // namespace
}  // namespace culvert::net
