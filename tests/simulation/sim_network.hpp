// The simulated network as culvert dials it, and the names that it knows. Who can be dialled is a Host.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "culvert/network.hpp"
#include "simulation/link.hpp"

namespace culvert::simulation {

class SimNetwork final : public Network {
 public:
  enum class Fate : std::uint8_t { accepts, refuses, hangs };
  // A machine at an address. Lives as long as the network.
  class Host {
   public:
    virtual Fate next_attempt() = 0;
    virtual void accept(Link& link) = 0;

   protected:
    ~Host() = default;
  };

  // `name`: of its links, for traces.
  SimNetwork(SimLoop& loop, Trace& trace, std::string name, const Weather& weather, Random random);

  // Port 0: at all ports of the address that nobody else has.
  void add(const Endpoint& at, Host& host) { hosts_.emplace(at.to_string(), &host); }
  // `seen` hears of every attempt to connect, whether somebody is there or not.
  void watch(std::function<void(const Endpoint&)> seen) { seen_ = std::move(seen); }
  // A connection from outside; culvert's side of it is for who accepts.
  Link& arrive(const Endpoint& from);

  Result<std::unique_ptr<Transport>> connect(const Address& address, const ConnectOptions& options) override;
  bool is_local(const Endpoint& address) const override;
  Result<std::unique_ptr<Acceptor>> listen(const ListenOptions& options, OnConnection on_connection,
                                           OnError on_error) override;

  std::size_t dialled() const { return dialled_.size(); }  // by culvert, so far
  // culvert's ends that are open, in all and of those that it dialled to `host`.
  std::size_t open() const;
  std::size_t open_to(const Host& host) const;

 private:
  Link& make(const Link::Ends& ends);
  Host* host_at(Endpoint address) const;

  SimLoop& loop_;
  Trace& trace_;
  const std::string name_;
  const Weather weather_;
  Random random_;
  std::map<std::string, Host*> hosts_;
  std::function<void(const Endpoint&)> seen_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<std::pair<const Host*, Link*>> dialled_;
};

// Names take time to resolve, and sometimes cannot be. What is found holds for a time that differs.
class SimResolver final : public Resolver {
 public:
  SimResolver(SimLoop& loop, Trace& trace, Random random, bool may_fail)
      : loop_(loop), trace_(trace), random_(random), may_fail_(may_fail) {}
  void add(const std::string& name, Endpoints endpoints) { names_[name] = std::move(endpoints); }
  // The hosts of a service, by names that were added; where their addresses are is not said yet.
  void add_service(const std::string& name, std::vector<NamedHost> hosts) { services_[name] = std::move(hosts); }
  // Who answers for all other names; nothing: nobody ever does.
  using Servers = std::function<std::optional<Result<Endpoints>>(const std::string& name, std::uint16_t port)>;
  void ask(Servers servers) { servers_ = std::move(servers); }
  Resolution resolve(Loop& loop, const std::string& name, std::uint16_t port, const LookupOptions& options,
                     Done done) override;
  WhereResolution locate(Loop& loop, const Address& address, const LookupOptions& options, WhereDone done) override;

 private:
  std::optional<Result<Whereabouts>> find(const Address& address);
  std::optional<Result<Endpoints>> answer(const std::string& name, std::uint16_t port);

  SimLoop& loop_;
  Trace& trace_;
  Random random_;
  const bool may_fail_;
  std::map<std::string, Endpoints> names_;
  std::map<std::string, std::vector<NamedHost>> services_;
  Servers servers_;
};

}  // namespace culvert::simulation
