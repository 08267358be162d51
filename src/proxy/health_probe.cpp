#include "proxy/health_probe.hpp"

#include <utility>

namespace culvert::proxy {

HealthProbe::HealthProbe(const World& world, const Address& address, std::chrono::milliseconds interval, Owner& owner)
    : world_(world), address_(address), interval_(interval), owner_(owner), looks_at_(next_look()) {
  world_.loop.ask_at(due_, looks_at_);
}

// A look that has come to nothing by the time of the next is given up.
TimePoint HealthProbe::on_due(TimePoint now) noexcept {
  if (now < looks_at_) return looks_at_;
  looks_at_ = next_look();
  look();
  return looks_at_;
}

void HealthProbe::look() {
  dialer_.reset();
  if (address_.kind != Address::Kind::name) return dial({address_.ip});
  lookup_ = world_.resolver.resolve(world_.loop, address_.text, address_.port, {}, [this](Result<Endpoints> found) {
    lookup_ = {};
    if (found && !found->empty()) dial(*found);
  });
}

void HealthProbe::dial(const Endpoints& addresses) {
  dialer_.emplace(world_.loop, world_.network, static_cast<net::Dialer::Owner&>(*this));
  dialer_->dial(addresses, {}, {});
}

// It is not used: whoever has a request for the server connects himself.
void HealthProbe::dialled(std::unique_ptr<Transport> /*stream*/) noexcept { owner_.on_reachable(); }

// A tenth more or less, so that many probes do not keep step.
TimePoint HealthProbe::next_look() {
  const auto percent = 90 + static_cast<std::int64_t>(world_.loop.random() % 21);
  return world_.loop.now() + std::chrono::duration_cast<Duration>(interval_) * percent / 100;
}

}  // namespace culvert::proxy
