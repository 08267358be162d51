// Whether a server that could not be reached can be again: tries to connect to it, at an interval, until it can. Keeps no
// loop alive.
#pragma once
#include <chrono>
#include <memory>
#include <optional>

#include "culvert/network.hpp"
#include "net/dialer.hpp"
#include "net/loop_entries.hpp"

namespace culvert::proxy {

class HealthProbe final : private net::Dialer::Owner {
 public:
  class Owner {
   public:
    virtual void on_reachable() noexcept = 0;  // the probe may be destroyed in it

   protected:
    ~Owner() = default;
  };

  // What the probes of one worker need.
  struct World {
    Loop& loop;
    Connector& network;
    Resolver& resolver;
  };

  // `interval`: more than 0. The first look is after one.
  HealthProbe(const World& world, const Address& address, std::chrono::milliseconds interval, Owner& owner);

 private:
  friend struct LoopEntries<HealthProbe>;

  TimePoint on_due(TimePoint now) noexcept;
  void look();
  void dial(const Endpoints& addresses);
  void dialled(std::unique_ptr<Transport> stream) noexcept override;
  void not_dialled(std::error_code) noexcept override {}  // the next look comes anyway
  TimePoint next_look();

  const World world_;
  const Address address_;
  const std::chrono::milliseconds interval_;
  Owner& owner_;
  TimePoint looks_at_;
  Resolution lookup_;
  std::optional<net::Dialer> dialer_;
  LoopEntries<HealthProbe>::Due due_{*this};
};

}  // namespace culvert::proxy
