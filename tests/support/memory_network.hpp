// The network of a world in memory: whoever listens on it, and the test's own peers at one address. Nobody answers
// anywhere else.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "culvert/network.hpp"
#include "support/manual_loop.hpp"

namespace culvert::test {

class MemoryNetwork final : public Network {
 public:
  // `on_peer` is given the other end of each connection to `peers_at` at once. `trickle`: all others read byte by byte.
  MemoryNetwork(ManualLoop& loop, const Endpoint& peers_at, OnConnection on_peer, bool trickle);
  ~MemoryNetwork() override;

  Result<std::unique_ptr<Transport>> connect(const Address& address, const ConnectOptions& options) override;
  // Accepts in a later turn. What it returns may be destroyed from inside `on_connection`.
  Result<std::unique_ptr<Acceptor>> listen(const ListenOptions& options, OnConnection on_connection,
                                           OnError on_error) override;

 private:
  struct Place;  // where somebody listens
  class MemoryAcceptor;
  static std::error_code check(const Address& address);
  std::shared_ptr<Place> place_at(const Address& address);
  bool taken(const Place& wanted) const;
  Endpoint near_end(const Address& address, const ConnectOptions& options);

  ManualLoop& loop_;
  const Endpoint peers_at_;
  OnConnection on_peer_;
  const bool trickle_;
  std::vector<std::shared_ptr<Place>> places_;
  std::uint16_t next_port_ = 41'000;         // of those who listen wherever there is room
  std::uint16_t next_client_port_ = 50'000;
};

}  // namespace culvert::test
