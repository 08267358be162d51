// An origin server at one address, played by the seed: answers as planned, and goes wrong as planned.
#pragma once
#include <list>
#include <memory>

#include "simulation/ledger.hpp"
#include "simulation/sim_network.hpp"

namespace culvert::simulation {

class Origin final : public SimNetwork::Host {
 public:
  // `with_header`: connections begin with a PROXY header.
  Origin(SimLoop& loop, Trace& trace, Ledger& ledger, const Plan& plan, const HostPlan& host, bool with_header,
         Random random);
  ~Origin();

  SimNetwork::Fate next_attempt() override;
  void accept(Link& link) override;
  // Connections of culvert's that are no longer HTTP.
  std::size_t under_way() const;  // requests that culvert waits for
  std::size_t streams() const;

 private:
  class Connection;

  SimLoop& loop_;
  Trace& trace_;
  Ledger& ledger_;
  const Plan& plan_;
  const HostPlan& host_;
  const bool with_header_;
  Random random_;
  std::vector<std::unique_ptr<Connection>> connections_;  // until the end: the world may still refer to them
};

}  // namespace culvert::simulation
