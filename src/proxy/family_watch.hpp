// By which family of addresses, IPv4 or IPv6, a host can be reached whose name has both (RFC 8305): one that leads nowhere is
// not to cost each request the time to find that out.
//
//   one family -> it is used
//   both at first -> race: the first that connects is used from then on
//   the other, and one by which connections cannot be made any more -> tried every few seconds, used when it connects
//
// Connections that are tried so carry nothing. Keeps no loop alive.
#pragma once
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "culvert/network.hpp"
#include "net/dialer.hpp"
#include "net/loop_entries.hpp"

namespace culvert::proxy {

class FamilyWatch final : private net::Dialer::Owner {
 public:
  class Owner {
   public:
    virtual void on_families() noexcept = 0;  // what uses() says has changed; never from inside set() or failed()

   protected:
    ~Owner() = default;
  };

  static constexpr std::chrono::milliseconds interval{5'000};  // a tenth more or less

  // What watches of one upstream have in common.
  struct World {
    Loop& loop;
    Connector& network;
    ConnectOptions options;
    std::chrono::milliseconds limit;  // for the race
  };
  // `label`: for the log; empty: another worker tells the same.
  FamilyWatch(const World& world, std::string label, Owner& owner)
      : world_(world), label_(std::move(label)), owner_(owner) {}

  // The host has these addresses from now on.
  void set(const Endpoints& addresses);
  // Whether connections are made to such an address; to none while there is a race.
  bool uses(const Endpoint& address) const;
  // It did not answer. Whether that changes what uses() says.
  bool failed(const Endpoint& address);
  // Nothing is looked at any more: what is known holds. But a race is run to its end, for which somebody may wait.
  void stop();

 private:
  friend struct LoopEntries<FamilyWatch>;
  enum class Phase : std::uint8_t {
    single,  // there is nothing to choose
    race,
    both,     // are used
    only_v4,  // is used, and IPv6 is looked at
    only_v6,
  };

  bool has_both() const { return !addresses_[0].empty() && !addresses_[1].empty(); }
  const Endpoints& unused() const { return addresses_[phase_ == Phase::only_v4 ? 1 : 0]; }
  void race(const Endpoints& all);
  void forget();
  void use_only(std::size_t family, std::uint32_t tried_in_vain);
  void look();
  TimePoint on_due(TimePoint now) noexcept;
  void dialled(std::unique_ptr<Transport> stream) noexcept override;
  void not_dialled(std::error_code error) noexcept override;

  const World world_;
  const std::string label_;
  Owner& owner_;
  Phase phase_ = Phase::single;
  bool stopped_ = false;
  std::array<Endpoints, 2> addresses_;  // of IPv4 and of IPv6
  TimePoint looks_at_ = never;
  std::uint32_t in_vain_ = 0;  // attempts by the family that is not used
  std::optional<net::Dialer> dialer_;
  LoopEntries<FamilyWatch>::Due due_{*this};
};

}  // namespace culvert::proxy
