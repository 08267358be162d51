// Dials from a loop: TCP and Unix stream sockets.
#pragma once
#include "culvert/transport.hpp"

namespace culvert::net {

class EpollLoop;

class SocketConnector final : public Connector {
 public:
  explicit SocketConnector(EpollLoop& loop) : loop_(loop) {}
  Result<std::unique_ptr<Transport>> connect(const Address& address) override;

 private:
  EpollLoop& loop_;
};

}  // namespace culvert::net
