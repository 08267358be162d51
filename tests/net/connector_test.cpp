// What would break: an origin that is down would look like one that is slow, or a refusal would cost a descriptor.
#include "net/connector.hpp"

#include <gtest/gtest.h>
#include <fcntl.h>
#include <unistd.h>

#include "net/epoll_loop.hpp"
#include "net/listen_socket.hpp"

namespace culvert::net {
namespace {

using namespace std::chrono_literals;

Address loopback(std::uint16_t port) {
  Endpoint endpoint{.family = Endpoint::Family::ipv4, .port = port};
  endpoint.address = {127, 0, 0, 1};
  return {.kind = Address::Kind::ip, .ip = endpoint, .text = {}, .port = 0};
}

struct Dialler final : Watcher {
  void on_ready(Ready ready) noexcept override { told = ready.writable; }
  bool told = false;
};

// How the attempt ends, whether at once or later.
std::error_code outcome(EpollLoop& loop, const Address& address) {
  SocketConnector connector(loop);
  Result<std::unique_ptr<Transport>> stream = connector.connect(address);
  if (!stream) return stream.error();
  Dialler dialler;
  (*stream)->attach(dialler);
  (*stream)->want({.read = false, .write = true});
  for (int i = 0; i < 500 && !dialler.told; ++i) loop.turn(10ms);
  EXPECT_TRUE(dialler.told);
  return (*stream)->take_error();
}

int lowest_free_descriptor() {
  const int fd = fcntl(0, F_DUPFD, 0);
  ::close(fd);
  return fd;
}

TEST(SocketConnector, TellsHowTheAttemptEnded) {
  EpollLoop loop;
  Result<ListenSocket> listening = ListenSocket::open(loopback(0), false);
  ASSERT_TRUE(listening);
  const Address address = loopback(listening->local().port);
  EXPECT_FALSE(outcome(loop, address));
  *listening = ListenSocket();
  EXPECT_EQ(outcome(loop, address), std::errc::connection_refused);
}

TEST(SocketConnector, FailuresCostNoDescriptor) {
  EpollLoop loop;
  SocketConnector connector(loop);
  const int before = lowest_free_descriptor();
  const Address nowhere{.kind = Address::Kind::unix_path, .ip = {}, .text = "/no/such/socket", .port = 0};
  EXPECT_EQ(connector.connect(nowhere).error(), std::errc::no_such_file_or_directory);
  const Address name{.kind = Address::Kind::name, .ip = {}, .text = "localhost", .port = 80};
  EXPECT_EQ(connector.connect(name).error(), std::errc::invalid_argument);
  EXPECT_EQ(lowest_free_descriptor(), before);
}

}  // namespace
}  // namespace culvert::net
