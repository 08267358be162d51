// Dials and listens for one loop: TCP and Unix stream sockets.
#pragma once
#include "culvert/network.hpp"

namespace culvert::net {

class EpollLoop;

class SocketNetwork final : public Network {
 public:
  explicit SocketNetwork(EpollLoop& loop) : loop_(loop) {}
  Result<std::unique_ptr<Transport>> connect(const Address& address, const ConnectOptions& options) override;
  // What it returns may be destroyed from inside `on_connection` and `on_error` too. A descriptor that was refused is
  // still the caller's.
  Result<std::unique_ptr<Acceptor>> listen(const ListenOptions& options, OnConnection on_connection,
                                           OnError on_error) override;
  bool is_local(const Endpoint& address) const override;

 private:
  EpollLoop& loop_;
};

}  // namespace culvert::net
