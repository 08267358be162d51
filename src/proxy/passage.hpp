// A client's way to a destination of its own choice: judged by its name, looked up, judged by its addresses, and for a
// tunnel dialled at one of these, all within connect_timeout.
//
//   begin -> judge name -> resolve -> judge addresses -> (CONNECT) dial -> owner.on_passage()
//                |                          |                                 ^
//                +------ by a parent -------+---------------------------------+
//
// Where parent proxies are on the way, they look the name up: it is asked for here only if a rule wants its addresses.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "culvert/network.hpp"
#include "net/dialer.hpp"
#include "net/loop_entries.hpp"
#include "proxy/access_policy.hpp"
#include "proxy/lesson_sink.hpp"
#include "proxy/route.hpp"
#include "proxy/tunnel_places.hpp"

namespace culvert::proxy {

class Passage final : private net::Dialer::Owner {
 public:
  class Owner {
   public:
    // Decided: see failure(). The passage may be destroyed in it.
    virtual void on_passage() noexcept = 0;

   protected:
    ~Owner() = default;
  };

  // What the passages of one worker need.
  struct World {
    Loop& loop;
    Connector& network;
    Resolver& resolver;
    TunnelPlaces& places;
    LessonSink* lessons = nullptr;  // null where nothing is learned
  };

  // `host` as the request has it, without brackets.
  Passage(const World& world, Ref<AccessPolicy> policy, Owner& owner, std::string_view host, std::uint16_t port,
          bool plain_http, const Endpoint& client);

  // Whether it is decided already; else owner.on_passage() tells. `user` is empty or outlives it.
  bool begin(std::string_view user);
  // Reason::none where it is allowed, and dialled.
  const Failure& failure() const { return failure_; }

  const Ref<AccessPolicy>& policy() const { return policy_; }
  const Verdict& verdict() const { return verdict_; }
  std::string_view rule_name() const {  // empty where the default decided
    return verdict_.rule != nullptr ? std::string_view(verdict_.rule->name) : std::string_view();
  }
  const Destination& destination() const { return destination_; }
  const Ref<Route>& parents() const { return parents_; }  // null: without any
  std::string authority() const;  // HOST:PORT that was judged
  const std::vector<Endpoint>& addresses() const { return addresses_; }  // all of them may be dialled
  std::unique_ptr<Transport> take_stream() { return std::move(stream_); }  // to where CONNECT wanted to go
  TunnelPlaces::Place& place() { return place_; }

 private:
  friend struct LoopEntries<Passage>;

  bool take_place();
  TimePoint on_due(TimePoint now) noexcept;
  bool go_to(Endpoints addresses);
  void note_lesson();
  void resolved(Result<Endpoints> found);
  bool refuse(Reason reason, std::error_code cause = {});
  void dialled(std::unique_ptr<Transport> stream) noexcept override;
  void not_dialled(std::error_code error) noexcept override;

  const World world_;
  const Ref<AccessPolicy> policy_;
  Owner& owner_;
  const std::string host_;
  Destination destination_;
  Verdict verdict_;
  Failure failure_;
  Ref<Route> parents_;
  TimePoint ends_at_ = never;
  LoopEntries<Passage>::Due due_{*this};
  Resolution lookup_;
  std::vector<Endpoint> addresses_;
  std::optional<net::Dialer> dialer_;
  std::unique_ptr<Transport> stream_;
  TunnelPlaces::Place place_;
};

}  // namespace culvert::proxy
