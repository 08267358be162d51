// What would break: bytes, ends and resets of real sockets would be reported as something else. What sockets and the
// doubles have in common is in world_test.cpp.
#include "net/tcp_transport.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "net/epoll_loop.hpp"

namespace culvert::net {
namespace {

class TcpTransportTest : public ::testing::Test {
 protected:
  TcpTransportTest() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    other_ = fds[1];
    stream_ = std::make_unique<TcpTransport>(loop_, fds[0], Endpoint{.family = Endpoint::Family::unix_socket});
  }
  ~TcpTransportTest() override { ::close(other_); }
  EpollLoop loop_;
  std::unique_ptr<TcpTransport> stream_;
  int other_ = -1;
};

TEST_F(TcpTransportTest, IdleItIsSmall) { EXPECT_LE(sizeof(TcpTransport), 128u); }

TEST_F(TcpTransportTest, ReadsIntoTheLoopsBuffer) {
  ASSERT_EQ(::write(other_, "abc", 3), 3);
  Result<Bytes> got = stream_->read();
  ASSERT_TRUE(got);
  EXPECT_EQ(as_text(*got), "abc");
  EXPECT_EQ(static_cast<const void*>(got->data()), loop_.scratch().data());
}

TEST_F(TcpTransportTest, WritesManyPartsInTheirOrder) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += std::to_string(i) + ' ';
  std::vector<iovec> parts;
  for (char& c : text) parts.push_back({&c, 1});
  Result<std::size_t> taken = stream_->write(parts);
  ASSERT_TRUE(taken);
  ASSERT_GT(*taken, 0u);
  std::string got(text.size(), '\0');
  got.resize(static_cast<std::size_t>(::read(other_, got.data(), got.size())));
  EXPECT_EQ(got, text.substr(0, *taken));
}

TEST_F(TcpTransportTest, AFullBufferIsNoError) {
  const std::string large(10'000'000, 'x');
  const iovec part{const_cast<char*>(large.data()), large.size()};
  Result<std::size_t> taken = stream_->write({&part, 1});
  ASSERT_TRUE(taken);
  EXPECT_LT(*taken, large.size());
  taken = stream_->write({&part, 1});
  ASSERT_TRUE(taken);
  EXPECT_EQ(*taken, 0u);
}

TEST_F(TcpTransportTest, WritingToAClosedPeerIsAnErrorAndNoSignal) {
  shutdown(other_, SHUT_RDWR);
  const iovec part{const_cast<char*>("x"), 1};
  EXPECT_EQ(stream_->write({&part, 1}).error(), std::errc::broken_pipe);
}

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  getsockopt(fd, level, name, &value, &size);
  return value;
}

TEST_F(TcpTransportTest, MayStandForAnother) {
  const Endpoint local = *Endpoint::parse_ip("198.51.100.2", 443);
  const Endpoint remote = *Endpoint::parse_ip("2001:db8::1", 4711);
  stream_->stand_for(local, remote);
  EXPECT_EQ(stream_->local(), local);
  EXPECT_EQ(stream_->remote(), remote);
}

class TcpOptionsTest : public ::testing::Test {
 protected:
  EpollLoop loop_;
  const int fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  TcpTransport stream_{loop_, fd_, Endpoint{.family = Endpoint::Family::ipv4}};
};

TEST_F(TcpOptionsTest, TheDescriptorCanBeAsked) { EXPECT_EQ(stream_.native_handle(), fd_); }

TEST_F(TcpOptionsTest, NoDelayOnAndOff) {
  EXPECT_EQ(option(fd_, IPPROTO_TCP, TCP_NODELAY), 0);
  stream_.set_no_delay(true);
  EXPECT_EQ(option(fd_, IPPROTO_TCP, TCP_NODELAY), 1);
  stream_.set_no_delay(false);
  EXPECT_EQ(option(fd_, IPPROTO_TCP, TCP_NODELAY), 0);
}

TEST_F(TcpOptionsTest, ProbesOfTheKernel) {
  const int interval = option(fd_, IPPROTO_TCP, TCP_KEEPINTVL);
  stream_.set_keep_alive(true, 7);
  EXPECT_EQ(option(fd_, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(fd_, IPPROTO_TCP, TCP_KEEPIDLE), 7);
  EXPECT_EQ(option(fd_, IPPROTO_TCP, TCP_KEEPINTVL), interval);
  stream_.set_keep_alive(false, 9);
  EXPECT_EQ(option(fd_, SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(option(fd_, IPPROTO_TCP, TCP_KEEPIDLE), 7);
}

TEST_F(TcpOptionsTest, ProbesBeginWhenTheSystemThinksFit) {
  const int idle = option(fd_, IPPROTO_TCP, TCP_KEEPIDLE);
  stream_.set_keep_alive(true, 0);
  EXPECT_EQ(option(fd_, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(fd_, IPPROTO_TCP, TCP_KEEPIDLE), idle);
}

TEST_F(TcpTransportTest, AUnixSocketHasNoSuchOptions) {
  stream_->set_keep_alive(true, 7);
  EXPECT_EQ(option(stream_->native_handle(), SOL_SOCKET, SO_KEEPALIVE), 0);
}

}  // namespace
}  // namespace culvert::net
