// A client as the seed wants it: asks for its exchanges, one after another or pipelined, and checks what it gets.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "simulation/ledger.hpp"
#include "simulation/sim_network.hpp"
#include "simulation/tunnel_ledger.hpp"

namespace culvert::simulation {

class Client {
 public:
  using Dial = std::function<Link*()>;  // to culvert; null where nobody listens any more

  Client(SimLoop& loop, Trace& trace, Ledger& ledger, TunnelLedger& proxy, const ClientPlan& plan, Random random,
         Dial dial, std::function<void()> on_done);
  ~Client();

  bool done() const { return done_; }

 private:
  class Connection;

  void next_connection();
  void connection_ended();

  SimLoop& loop_;
  Trace& trace_;
  Ledger& ledger_;
  TunnelLedger& proxy_;  // of what is asked of the forward proxy
  const ClientPlan& plan_;
  Random random_;
  const Dial dial_;
  const std::function<void()> on_done_;
  std::string cookie_;  // that it was given last
  std::deque<const RequestPlan*> to_do_;
  std::vector<std::unique_ptr<Connection>> connections_;  // the last is in use; the world may refer to the others
  bool done_ = false;
};

}  // namespace culvert::simulation
