// Where tunnels lead: a machine at an address of the simulated Internet, and what a parent proxy leads to.
#pragma once
#include <memory>
#include <vector>

#include "simulation/sim_network.hpp"
#include "simulation/tunnel_end.hpp"
#include "simulation/tunnel_ledger.hpp"

namespace culvert::simulation {

// The destination's end of one tunnel.
class TargetStream final : public Link::Far {
 public:
  // `head`: bytes that culvert has been sent on this connection before.
  TargetStream(SimLoop& loop, Trace& trace, TunnelLedger& ledger, TunnelEntry& entry, Link& link, std::uint64_t head);

 private:
  void on_bytes(std::string_view bytes) override;
  void on_end() override;
  void on_reset() override { end_.lost(); }
  void speak();

  TunnelLedger& ledger_;
  TunnelEntry& entry_;
  FarEnd& far_;
  TunnelEnd end_;
};

class Target final : public SimNetwork::Host {
 public:
  // `fails`: now and then it refuses, or does not answer.
  Target(SimLoop& loop, Trace& trace, TunnelLedger& ledger, Random random, bool fails);

  SimNetwork::Fate next_attempt() override;
  void accept(Link& link) override;

 private:
  SimLoop& loop_;
  Trace& trace_;
  TunnelLedger& ledger_;
  Random random_;
  const bool fails_;
  std::vector<std::unique_ptr<TargetStream>> streams_;  // until the end: the world may still refer to them
};

}  // namespace culvert::simulation
