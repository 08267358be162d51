// What a message costs on the loop of a worker, nested in Asio (as workers run it) and bare.
//
//   loop_cost nested|bare CONNECTIONS ROUNDS
//
// A child sends 64 bytes on every connection and waits until all have come back, ROUNDS times; the loop echoes them.
// Prints the loop's processor time a message in microseconds, user and system. Under `strace -c -f` or
// `valgrind --tool=callgrind` the same run shows calls and instructions. docs/measurements.md holds the results.
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "net/epoll_loop.hpp"
#include "culvert/outbox.hpp"
#include "net/tcp_transport.hpp"

namespace {

using namespace culvert;

class EchoEnd final : private Watcher {
 public:
  EchoEnd(net::EpollLoop& loop, int fd, int& open)
      : stream_(loop, fd, Endpoint{.family = Endpoint::Family::unix_socket}), outbox_(loop.blocks()), open_(open) {
    ++open_;
    stream_.attach(*this);
  }

 private:
  void on_ready(Ready) noexcept override {
    Result<Bytes> got = stream_.read();
    if (!got) {
      stream_.want({.read = false, .write = false});
      --open_;
      return;
    }
    outbox_.borrow(*got);
    if (outbox_.flush(stream_)) std::abort();
  }
  net::TcpTransport stream_;
  net::Outbox outbox_;
  int& open_;
};

[[noreturn]] void play_client(const std::vector<int>& sockets, int rounds) {
  char text[64] = {};
  for (int round = 0; round < rounds; ++round) {
    for (const int fd : sockets) {
      if (send(fd, text, sizeof text, 0) != sizeof text) _exit(1);
    }
    for (const int fd : sockets) {
      if (recv(fd, text, sizeof text, MSG_WAITALL) != sizeof text) _exit(1);
    }
  }
  _exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: loop_cost nested|bare CONNECTIONS ROUNDS\n");
    return 2;
  }
  const bool nested = std::strcmp(argv[1], "nested") == 0;
  const int connections = std::atoi(argv[2]);
  const int rounds = std::atoi(argv[3]);

  std::vector<int> here;
  std::vector<int> there;
  for (int i = 0; i < connections; ++i) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return 1;
    here.push_back(pair[0]);
    there.push_back(pair[1]);
  }
  const pid_t client = fork();
  if (client == 0) {
    for (const int fd : here) close(fd);
    play_client(there, rounds);
  }
  for (const int fd : there) close(fd);

  asio::io_context io(1);
  auto loop = nested ? std::make_unique<net::EpollLoop>(io) : std::make_unique<net::EpollLoop>();
  int open = 0;
  std::vector<std::unique_ptr<EchoEnd>> ends;
  for (const int fd : here) ends.push_back(std::make_unique<EchoEnd>(*loop, fd, open));
  while (open > 0) {
    if (nested) {
      io.run_one();
    } else {
      loop->turn(Duration::max());
    }
  }
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const double messages = static_cast<double>(connections) * rounds;
  const auto microseconds = [&](const timeval& time) {
    return (static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec)) / messages;
  };
  std::printf("%s: user %.3f us, system %.3f us a message\n", argv[1], microseconds(used.ru_utime),
              microseconds(used.ru_stime));
  ends.clear();
  loop.reset();
  int status = 0;
  waitpid(client, &status, 0);
  return status == 0 ? 0 : 1;
}
