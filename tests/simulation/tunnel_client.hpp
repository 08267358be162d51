// A client of tunnels as the seed wants it: asks for them, one after another, each on a connection of its own, and
// checks what it gets.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "simulation/sim_network.hpp"
#include "simulation/tunnel_ledger.hpp"

namespace culvert::simulation {

class TunnelClient {
 public:
  using Dial = std::function<Link*()>;  // to culvert; null where nobody listens any more

  TunnelClient(SimLoop& loop, Trace& trace, TunnelLedger& ledger, Ledger& promises, const TunnelClientPlan& plan,
               Random random, Dial dial, std::function<void()> on_done);
  ~TunnelClient();

  bool done() const { return done_; }

 private:
  class Connection;

  void next();

  SimLoop& loop_;
  Trace& trace_;
  TunnelLedger& ledger_;
  Ledger& promises_;
  const TunnelClientPlan& plan_;
  Random random_;
  const Dial dial_;
  const std::function<void()> on_done_;
  std::vector<std::unique_ptr<Connection>> connections_;  // until the end: the world may still refer to them
  bool done_ = false;
};

}  // namespace culvert::simulation
