// One upstream as a worker uses it: its servers, of which one is chosen for each request, and the agent that keeps
// connections to them. Every address of a server, as written or found by its name, is a Backend of its own; so is every
// address of every target of a service.
//
// Held by the routes that lead to it (and so by the exchanges under them): a reload that does not change it carries it
// over with its pool, one that removes it lets those under way finish. What is known of a server's health is the process's
// (Fleet) and outlives both.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/intrusive_list.hpp"
#include "base/ref.hpp"
#include "config/config.hpp"
#include "culvert/agent.hpp"
#include "culvert/network.hpp"
#include "net/loop_entries.hpp"
#include "proxy/backend.hpp"
#include "proxy/balancer.hpp"
#include "proxy/failure.hpp"
#include "proxy/family_watch.hpp"
#include "proxy/fleet.hpp"
#include "proxy/health_check.hpp"
#include "proxy/health_probe.hpp"
#include "proxy/held_requests.hpp"
#include "proxy/outlier_judge.hpp"
#include "proxy/report.hpp"
#include "proxy/retry_budget.hpp"

namespace culvert::proxy {

class Upstream final : public RefCounted, private HealthCheck::Owner, private OutlierJudge::Owner {
 public:
  using Waiter = UpstreamWaiter;

  Upstream(const config::Upstream& written, Http& http, const FleetSeat& seat);
  ~Upstream();

  // The backend that is next and that `tried` (a bit a backend, the first 64) does not name. Those that are left out come
  // last. Null where none is left, or where names are still being looked up (resolving()). `key`: see balance.
  Backend* choose(std::uint64_t& tried, std::uint64_t key = 0) {
    const bool nothing_new = loop_.now() < look_around_at_ && fleet_->changes() == changes_seen_;
    if (nothing_new && balancer_.is_plain()) [[likely]] {
      Backend* const next = balancer_.take_turn();
      if ((tried & next->bit) == 0) [[likely]] {
        tried |= next->bit;
        return next;
      }
    }
    return choose_otherwise(tried, key);
  }
  // Another address of the same server; null where there is none that was not tried.
  Backend* sibling(const Backend& backend, std::uint64_t tried) const;
  // Neither this one nor another address of its server is worth trying.
  void rule_out(const Backend& backend, std::uint64_t& tried) const;
  // Where a client's cookie leads; null where it leads nowhere that can be used.
  Backend* by_id(std::uint64_t id, std::uint64_t& tried);

  // Nothing could be chosen, since a name is being looked up.
  bool resolving() const;
  void wait(Waiter& waiter) { waiting_.push_back(waiter); }
  // Why a server has no address; none where each has some.
  std::error_code name_error() const;
  // Why nobody can be asked, where nobody was.
  Failure why_nobody() const;

  // What became of a request there: an answer (`after` it was sent), or a failure.
  void answered(Backend& backend, std::uint16_t status, Duration after) {
    if (judges_by_means() || is_news_of(backend, status)) judge(backend, status, after);
  }
  // Whether an answer changes what is known of a backend, where means do not matter.
  static bool is_news_of(const Backend& backend, std::uint16_t status) {
    return status >= 400 || backend.state->failures_in_a_row() != 0;
  }
  bool judges_by_means() const { return settings.outlier.error_percent != 0 || settings.outlier.latency_factor != 0; }
  void failed(Backend& backend, Reason why);

  // A server could not be reached: it is left out until it can be, where the upstream looks after that (check_interval).
  void set_aside(const Backend& backend, std::error_code why);
  // The same for those whose names are still being looked up.
  void set_unresolved_aside(std::error_code why);

  std::string label() const;  // the section that it was written in
  std::size_t servers() const { return hosts_; }  // that are not addresses of the same name
  Agent& agent() { return agent_; }
  RetryBudget& retry_budget() { return retry_budget_; }
  HeldRequests& held() { return held_; }
  bool is_full() const { return settings.max_requests != 0 && fleet_->under_way() >= settings.max_requests; }
  Fleet::UnderWay& under_way() { return fleet_->under_way(worker_); }
  // Another thread has changed what is known of the servers: acts on it without waiting for a request.
  void look_again() { arrange(); }
  UpstreamReport report() const;
  // Keeps no idle connection and looks at no server from now on.
  void drain();

  std::uint64_t retries = 0;  // of this worker, since it has it
  const config::Upstream settings;
  const std::string authorization;  // what to say where the client says nothing; empty: nothing
  const std::string proxy_authorization;

 private:
  // As written; a name stands for any number of addresses.
  class Server final : private HealthProbe::Owner, private FamilyWatch::Owner {
   public:
    Server(Upstream& owner, const config::UpstreamServer& written);

    // Where there is no address yet, or it is not known which families lead to it.
    bool is_pending() const {
      return backends.empty() ? bool(resolution) : std::ranges::all_of(backends, [](const auto& each) { return each->is_aside; });
    }
    void set_aside(std::error_code why);
    void not_connected(const Backend& backend);
    void drain();

    const config::UpstreamServer written;
    const std::string text;
    std::vector<Ref<Backend>> backends;
    std::size_t hosts = 1;  // that it stands for: more where it is a service
    WhereResolution resolution;
    std::error_code error;
    std::unique_ptr<HealthProbe> probe;  // while it is set aside

   private:
    friend struct LoopEntries<Server>;

    void on_reachable() noexcept override;
    void on_families() noexcept override;
    void watch_families(const std::vector<BackendPlace>& places);
    void arrange_families();
    TimePoint on_due(TimePoint now) noexcept;
    void look_up();
    void found(Result<Whereabouts> answer);
    TimePoint use(const Whereabouts& where);
    TimePoint do_without(std::error_code why);
    void look_up_at(TimePoint time);
    std::vector<BackendPlace> places(const Whereabouts& where) const;
    BackendPlace place(const Address& address) const;

    Upstream& owner_;
    TimePoint looks_up_at_ = never;
    std::uint32_t failures_ = 0;  // of lookups, in a row
    std::map<std::string, std::unique_ptr<FamilyWatch>> families_;  // of each host, by the text of its backends
    LoopEntries<Server>::Due due_{*this};
  };

  void judge(Backend& backend, std::uint16_t status, Duration after);
  void family_failed(const Backend& backend);
  void on_health(Backend& backend, bool passes, std::string_view why) noexcept override;
  std::vector<Backend*> all_backends() noexcept override;
  void on_outlier(Backend& backend, const std::string& why) noexcept override;
  Ref<Backend> make_backend(const Server& server, const BackendPlace& place);
  void set_backends(Server& server, const std::vector<BackendPlace>& places);
  void let_go(Backend& backend);
  bool can_be_used(const Server& server, const Backend& backend) const;
  Backend* choose_otherwise(std::uint64_t& tried, std::uint64_t key);
  Backend* choose_in_order(std::uint64_t tried, bool& pending);
  Backend* last_resort(std::uint64_t tried);
  void arrange();

  Http& http_;
  Loop& loop_;
  const HealthProbe::World probes_;
  const unsigned worker_;
  const bool looks_after_;  // the servers, for all workers
  const std::shared_ptr<Fleet> fleet_;
  Agent agent_;
  Balancer balancer_;
  RetryBudget retry_budget_;
  HeldRequests held_;
  std::optional<OutlierJudge> judge_;
  std::vector<std::unique_ptr<HealthCheck>> checks_;
  std::vector<std::unique_ptr<Server>> servers_;
  std::size_t hosts_ = 0;
  std::vector<Ref<Backend>> gone_;  // that may still have requests
  IntrusiveList<Waiter> waiting_;  // for a name
  std::uint32_t changes_seen_ = 0;
  TimePoint look_around_at_{};  // at the latest
  std::uint64_t next_bit_ = 1;
  bool drained_ = false;
};

}  // namespace culvert::proxy
