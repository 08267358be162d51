#include "simulation/target.hpp"

namespace culvert::simulation {

TargetStream::TargetStream(SimLoop& loop, Trace& trace, TunnelLedger& ledger, TunnelEntry& entry, Link& link,
                           std::uint64_t head)
    : ledger_(ledger),
      entry_(entry),
      far_(ledger.arrived(entry.plan->id, link, head)),
      end_(loop, trace, link, entry.plan->target, [] {}) {
  link.play(*this);
  if (!entry.plan->target.waits) loop.after(entry.plan->target.think, [this] { speak(); });
}

void TargetStream::speak() { end_.send(entry_.down.text(), true); }

void TargetStream::on_bytes(std::string_view bytes) {
  if (!end_.over()) ledger_.arrived_up(entry_, far_, bytes);
}

void TargetStream::on_end() {
  if (end_.over()) return;
  ledger_.ended_up(entry_, far_);
  if (entry_.plan->target.waits) speak();
  end_.peer_ended();
}

Target::Target(SimLoop& loop, Trace& trace, TunnelLedger& ledger, Random random, bool fails)
    : loop_(loop), trace_(trace), ledger_(ledger), random_(random), fails_(fails) {}

SimNetwork::Fate Target::next_attempt() {
  if (fails_ && random_.one_in(4)) return SimNetwork::Fate::refuses;
  if (fails_ && random_.one_in(6)) return SimNetwork::Fate::hangs;
  return SimNetwork::Fate::accepts;
}

// Who wanted it is known by the port; whether it was allowed, the ledger has seen.
void Target::accept(Link& link) {
  TunnelEntry* const entry = ledger_.find(link.far().port);
  if (entry == nullptr) return;
  streams_.push_back(std::make_unique<TargetStream>(loop_, trace_, ledger_, *entry, link, 0));
}

}  // namespace culvert::simulation
