// What would break: an origin that is down would look like one that is slow, connections would leave from another
// address or with other options than asked for, a refusal would cost a descriptor, and paths would be left behind.
// What the network has in common with the double is in world_test.cpp.
#include "net/socket_network.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <vector>

#include "net/epoll_loop.hpp"
#include "net/listen_socket.hpp"

namespace culvert::net {
namespace {

using namespace std::chrono_literals;

Address address_of(std::string_view ip, std::uint16_t port = 0) {
  return Address::of(*Endpoint::parse_ip(ip, port));
}
Address loopback(std::uint16_t port = 0) { return address_of("127.0.0.1", port); }
Address unix_path(const std::string& path) {
  return {.kind = Address::Kind::unix_path, .ip = {}, .text = path, .port = 0};
}

int option(const Transport& stream, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  getsockopt(stream.native_handle(), level, name, &value, &size);
  return value;
}

int lowest_free_descriptor() {
  const int fd = fcntl(0, F_DUPFD, 0);
  ::close(fd);
  return fd;
}

struct Dialler final : Watcher {
  void on_ready(Ready ready) noexcept override { told = ready.writable; }
  bool told = false;
};

class SocketNetworkTest : public ::testing::Test {
 protected:
  SocketNetworkTest() {
    char folder[] = "/tmp/culvert-network-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~SocketNetworkTest() override { std::filesystem::remove_all(folder_); }

  Result<std::unique_ptr<Acceptor>> listen(const ListenOptions& options) {
    return network_.listen(
        options, [this](std::unique_ptr<Transport> stream) { accepted_.push_back(std::move(stream)); },
        [](std::error_code) {});
  }
  // A connection to a listener that is gone again.
  std::unique_ptr<Transport> dial(const ConnectOptions& options) {
    Result<std::unique_ptr<Acceptor>> acceptor = listen({.address = loopback()});
    EXPECT_TRUE(acceptor) << acceptor.error().message();
    Result<std::unique_ptr<Transport>> stream = network_.connect(loopback((*acceptor)->local().port), options);
    EXPECT_TRUE(stream) << stream.error().message();
    EXPECT_TRUE(run_until([&] { return accepted_.size() == 1; }));
    return std::move(*stream);
  }
  // How the attempt ends, whether at once or later.
  std::error_code outcome(const Address& address) {
    Result<std::unique_ptr<Transport>> stream = network_.connect(address, {});
    if (!stream) return stream.error();
    Dialler dialler;
    (*stream)->attach(dialler);
    (*stream)->want({.read = false, .write = true});
    EXPECT_TRUE(run_until([&] { return dialler.told; }));
    return (*stream)->take_error();
  }
  bool run_until(const std::function<bool()>& done) {
    for (int i = 0; i < 500 && !done(); ++i) loop_.turn(10ms);
    return done();
  }
  std::string path() const { return folder_ / "socket"; }

  std::filesystem::path folder_;
  EpollLoop loop_;
  SocketNetwork network_{loop_};
  std::vector<std::unique_ptr<Transport>> accepted_;
};
using Connecting = SocketNetworkTest;
using Listening = SocketNetworkTest;

TEST_F(Connecting, TellsHowTheAttemptEnded) {
  Result<ListenSocket> listening = ListenSocket::open(loopback());
  ASSERT_TRUE(listening);
  const Address address = loopback(listening->local().port);
  EXPECT_FALSE(outcome(address));
  *listening = ListenSocket();
  EXPECT_EQ(outcome(address), std::errc::connection_refused);
}

TEST_F(Connecting, FailuresCostNoDescriptor) {
  const int before = lowest_free_descriptor();
  EXPECT_EQ(network_.connect(unix_path("/no/such/socket"), {}).error(), std::errc::no_such_file_or_directory);
  const Address name{.kind = Address::Kind::name, .ip = {}, .text = "localhost", .port = 80};
  EXPECT_EQ(network_.connect(name, {}).error(), std::errc::invalid_argument);
  const Endpoint elsewhere = *Endpoint::parse_ip("192.0.2.1");
  EXPECT_EQ(network_.connect(loopback(1), {.local = elsewhere}).error(), std::errc::address_not_available);
  EXPECT_EQ(lowest_free_descriptor(), before);
}

TEST_F(Connecting, LeavesFromTheAddressAskedFor) {
  const std::unique_ptr<Transport> stream = dial({.local = *Endpoint::parse_ip("127.0.0.5")});
  EXPECT_EQ(stream->local().ip(), "127.0.0.5");
  EXPECT_GT(stream->local().port, 0);
  EXPECT_EQ(accepted_[0]->remote(), stream->local());
  EXPECT_EQ(option(*stream, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT), 1) << "it would use a port up for every destination";
}

TEST_F(Connecting, LeavesFromThePortAskedFor) {
  Result<ListenSocket> free = ListenSocket::open(address_of("127.0.0.6"));
  ASSERT_TRUE(free);
  const Endpoint here = free->local();
  *free = ListenSocket();
  const std::unique_ptr<Transport> stream = dial({.local = here});
  EXPECT_EQ(stream->local(), here);
  EXPECT_EQ(accepted_[0]->remote(), here);
}

TEST_F(Connecting, LeavesFromAPortOfAnyAddress) {
  Result<ListenSocket> free = ListenSocket::open(address_of("127.0.0.1"));
  ASSERT_TRUE(free);
  const std::uint16_t port = free->local().port;
  *free = ListenSocket();
  const std::unique_ptr<Transport> stream = dial({.local_port = port});
  EXPECT_EQ(stream->local().to_string(), "127.0.0.1:" + std::to_string(port));
}

TEST_F(Connecting, APortInUseIsAnError) {
  Result<ListenSocket> taken = ListenSocket::open(loopback());
  ASSERT_TRUE(taken);
  EXPECT_EQ(network_.connect(loopback(1), {.local = taken->local()}).error(), std::errc::address_in_use);
}

TEST_F(Connecting, SetsTheOptionsOfTheSocket) {
  const std::unique_ptr<Transport> stream =
      dial({.no_delay = false, .keep_alive = true, .keep_alive_initial_delay_s = 11});
  EXPECT_EQ(option(*stream, IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_EQ(option(*stream, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(*stream, IPPROTO_TCP, TCP_KEEPIDLE), 11);
}

TEST_F(Connecting, ByDefaultItSendsAtOnceAndProbesNothing) {
  const std::unique_ptr<Transport> stream = dial({});
  EXPECT_EQ(option(*stream, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(*stream, SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST_F(Listening, RemovesThePathThatItMade) {
  Result<std::unique_ptr<Acceptor>> acceptor = listen({.address = unix_path(path())});
  ASSERT_TRUE(acceptor) << acceptor.error().message();
  EXPECT_EQ((*acceptor)->local().family, Endpoint::Family::unix_socket);
  EXPECT_FALSE(outcome(unix_path(path())));
  ASSERT_TRUE(run_until([&] { return accepted_.size() == 1; }));
  acceptor->reset();
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(Listening, AFailureRemovesNoPath) {
  Result<std::unique_ptr<Acceptor>> first = listen({.address = unix_path(path())});
  ASSERT_TRUE(first);
  EXPECT_EQ(listen({.address = unix_path(path())}).error(), std::errc::address_in_use);
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(Listening, APathThatExistsIsInUse) {
  { ASSERT_TRUE(ListenSocket::open(unix_path(path()))); }
  EXPECT_EQ(listen({.address = unix_path(path())}).error(), std::errc::address_in_use);
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(Listening, TakesADescriptorThatListensAlready) {
  Result<ListenSocket> opened = ListenSocket::open(loopback());
  ASSERT_TRUE(opened);
  const Endpoint there = opened->local();
  const int fd = opened->release();
  fcntl(fd, F_SETFL, 0);  // as it may come from elsewhere: blocking
  Result<std::unique_ptr<Acceptor>> acceptor = listen({.address = {}, .fd = fd});
  ASSERT_TRUE(acceptor) << acceptor.error().message();
  EXPECT_EQ((*acceptor)->local(), there);
  EXPECT_FALSE(outcome(loopback(there.port)));
  ASSERT_TRUE(run_until([&] { return accepted_.size() == 1; }));
  acceptor->reset();
  EXPECT_EQ(outcome(loopback(there.port)), std::errc::connection_refused);
}

TEST_F(Listening, ADescriptorThatIsOpenElsewhereTooIsHeardNoMore) {
  Result<ListenSocket> opened = ListenSocket::open(loopback());
  ASSERT_TRUE(opened);
  Result<ListenSocket> copy = opened->dup();
  ASSERT_TRUE(copy);
  const int fd = copy->release();
  Result<std::unique_ptr<Acceptor>> acceptor = listen({.address = {}, .fd = fd});
  ASSERT_TRUE(acceptor);
  loop_.turn(0ms);
  acceptor->reset();
  EXPECT_FALSE(outcome(loopback(opened->local().port)));
  EXPECT_FALSE(loop_.turn(5ms));
  EXPECT_TRUE(accepted_.empty());
}

TEST_F(Listening, ADescriptorThatDoesNotListenStaysWithTheCaller) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(listen({.address = {}, .fd = fd}).error(), std::errc::invalid_argument);
  EXPECT_EQ(::close(fd), 0);
  EXPECT_EQ(listen({.address = {}, .fd = fd}).error(), std::errc::bad_file_descriptor);
}

TEST_F(Listening, TheBacklogIsThatOfTheOptions) {
  Result<std::unique_ptr<Acceptor>> acceptor = listen({.address = unix_path(path()), .backlog = 1});
  ASSERT_TRUE(acceptor);
  std::vector<std::unique_ptr<Transport>> waiting;  // a Unix socket refuses at once what finds no room
  std::error_code error;
  while (!error && waiting.size() < 10) {
    Result<std::unique_ptr<Transport>> stream = network_.connect(unix_path(path()), {});
    error = stream.error();
    if (stream) waiting.push_back(std::move(*stream));
  }
  EXPECT_EQ(error, std::errc::resource_unavailable_try_again);
  EXPECT_EQ(waiting.size(), 2u) << "the kernel takes one more than the backlog";
}

TEST_F(Listening, NoDelayOfAcceptedStreams) {
  for (const bool on : {true, false}) {
    accepted_.clear();
    Result<std::unique_ptr<Acceptor>> acceptor = listen({.address = loopback(), .no_delay = on});
    ASSERT_TRUE(acceptor);
    EXPECT_FALSE(outcome(loopback((*acceptor)->local().port)));
    ASSERT_TRUE(run_until([&] { return accepted_.size() == 1; }));
    EXPECT_EQ(option(*accepted_[0], IPPROTO_TCP, TCP_NODELAY), on ? 1 : 0);
  }
}

TEST_F(Listening, MayEndWhenTheFirstConnectionIsThere) {
  std::unique_ptr<Acceptor> acceptor;
  int connections = 0;
  Result<std::unique_ptr<Acceptor>> opened = network_.listen(
      {.address = loopback()},
      [&](std::unique_ptr<Transport>) {
        ++connections;
        acceptor.reset();
      },
      [](std::error_code) {});
  ASSERT_TRUE(opened);
  acceptor = std::move(*opened);
  const Address there = loopback(acceptor->local().port);
  Result<std::unique_ptr<Transport>> first = network_.connect(there, {});
  Result<std::unique_ptr<Transport>> second = network_.connect(there, {});
  ASSERT_TRUE(run_until([&] { return connections == 1; }));
  EXPECT_EQ(outcome(there), std::errc::connection_refused);
  EXPECT_EQ(connections, 1);
}

}  // namespace
}  // namespace culvert::net
