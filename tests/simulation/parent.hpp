// A parent proxy, played by the seed: answers CONNECT as planned for each tunnel, and plays the destination where it
// leads there.
#pragma once
#include <memory>
#include <vector>

#include "simulation/target.hpp"

namespace culvert::simulation {

class Parent final : public SimNetwork::Host {
 public:
  Parent(SimLoop& loop, Trace& trace, TunnelLedger& ledger, Ledger& promises, const Plan& plan, std::size_t number,
         Random random);
  ~Parent();

  SimNetwork::Fate next_attempt() override;
  void accept(Link& link) override;

 private:
  class Connection;

  SimLoop& loop_;
  Trace& trace_;
  TunnelLedger& ledger_;
  Ledger& promises_;
  const Plan& plan_;
  const std::size_t number_;
  Random random_;
  std::vector<std::unique_ptr<Connection>> connections_;  // until the end: the world may still refer to them
};

}  // namespace culvert::simulation
