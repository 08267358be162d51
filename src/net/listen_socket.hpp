// A socket that listens: opened by whoever may (before privileges are dropped), accepted from by workers.
#pragma once
#include "culvert/endpoint.hpp"
#include "culvert/error.hpp"

namespace culvert::net {

struct ListenSocketOptions {
  bool reuse_port = false;  // others of this process and user may bind it too; the kernel spreads connections over them
  int backlog = 4096;
  bool ipv6_only = true;    // of an IPv6 address: connections by IPv4 are for somebody else
  bool take_over = true;    // the path of a Unix socket that nobody answers on; who does answer sees a connection
};

class ListenSocket {
 public:
  // Binds `address` (kind ip or unix_path) and listens.
  static Result<ListenSocket> open(const Address& address, const ListenSocketOptions& options = {});
  // Takes `fd`, a socket that listens already; after an error it is still the caller's.
  static Result<ListenSocket> adopt(int fd);

  ListenSocket() = default;  // none
  ListenSocket(ListenSocket&& other) noexcept;
  ListenSocket& operator=(ListenSocket&& other) noexcept;
  ~ListenSocket();

  // The same open socket once more, for another worker: both wait for the same connections.
  Result<ListenSocket> dup() const;
  // What it is bound to, with the port that the kernel chose where the address left that open.
  Endpoint local() const;
  int fd() const { return fd_; }
  int release();  // the descriptor; the caller closes it

 private:
  explicit ListenSocket(int fd) : fd_(fd) {}

  int fd_ = -1;
};

}  // namespace culvert::net
