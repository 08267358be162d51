// One upstream as a worker uses it: its servers in turn, and the agent that keeps connections to them.
//
// Held by the routes that lead to it (and so by the exchanges under them): a reload that does not change it carries it
// over with its pool, one that removes it lets those under way finish.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/intrusive_list.hpp"
#include "base/ref.hpp"
#include "config/config.hpp"
#include "culvert/agent.hpp"
#include "culvert/network.hpp"
#include "proxy/health_probe.hpp"

namespace culvert::proxy {

class Upstream final : public RefCounted {
 public:
  // Somebody who waits until a server's name has been resolved.
  class Waiter : public ListHook {
   public:
    virtual void on_resolved() noexcept = 0;  // look again: an address, or an error

   protected:
    ~Waiter() = default;
  };

  class Server final : private HealthProbe::Owner {
   public:
    Server(Upstream& owner, const Address& written);
    const std::string& text() const { return text_; }  // as written, for logs and Host
    // The connections to it; null while its name is being resolved (wait()) and where that failed (error()).
    Agent::Origin* origin();
    std::error_code error() const { return error_; }
    std::size_t addresses() const { return origins_.size(); }
    void wait(Waiter& waiter) { waiting_.push_back(waiter); }
    // It could not be reached: it is left out until it can be, where the upstream is checked.
    void set_aside(std::error_code why);
    bool is_set_aside() const { return probe_ != nullptr; }

   private:
    friend class Upstream;
    void on_reachable() noexcept override;
    void resolve();
    void resolved(Result<std::vector<Endpoint>> answer);

    Upstream& owner_;
    const Address address_;
    const std::string text_;
    const std::string server_name_;  // for TLS
    std::vector<Agent::Origin*> origins_;  // of the addresses last found; kept while a new answer is awaited
    std::size_t next_ = 0;
    TimePoint fresh_until_{};
    Resolution resolution_;
    std::error_code error_;
    IntrusiveList<Waiter> waiting_;
    std::unique_ptr<HealthProbe> probe_;  // while it is set aside
  };

  Upstream(const config::Upstream& written, Http& http);

  // The next server in turn that `tried` (a bit a server, the first 64) does not name; null where none is left.
  Server* choose(std::uint64_t& tried);
  // The same in the order of the list, which is the order of preference. Those set aside come last.
  Server* choose_first(std::uint64_t& tried);
  std::size_t servers() const { return servers_.size(); }
  Agent& agent() { return agent_; }
  // Keeps no idle connection and looks at no server from now on.
  void drain();

  const config::Upstream settings;
  const std::string authorization;  // what to say where the client says nothing; empty: nothing
  const std::string proxy_authorization;

 private:
  Loop& loop_;
  Resolver& resolver_;
  const HealthProbe::World probes_;
  Agent agent_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::size_t turn_;
  bool drained_ = false;
};

}  // namespace culvert::proxy
