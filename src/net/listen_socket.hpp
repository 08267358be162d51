// A socket that listens: opened by whoever may (before privileges are dropped), accepted from by workers.
#pragma once
#include "culvert/endpoint.hpp"
#include "culvert/error.hpp"

namespace culvert::net {

class ListenSocket {
 public:
  static constexpr int backlog = 4096;

  // Binds `address` (kind ip or unix_path) and listens. `reuse_port`: others of this process and user may bind it too,
  // and the kernel spreads connections over them. The path of a Unix socket is taken over where nobody answers on it.
  static Result<ListenSocket> open(const Address& address, bool reuse_port);

  ListenSocket() = default;                  // none
  explicit ListenSocket(int fd) : fd_(fd) {} // takes one that listens already
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
  int fd_ = -1;
};

}  // namespace culvert::net
