// What the exchanges of one worker share. Everything here belongs to one thread.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/intrusive_list.hpp"
#include "base/slab.hpp"
#include "proxy/counts.hpp"
#include "proxy/exchange.hpp"
#include "proxy/fleet.hpp"
#include "proxy/gateway.hpp"
#include "proxy/passage.hpp"
#include "proxy/site.hpp"
#include "proxy/stream.hpp"
#include "proxy/tunnel.hpp"

namespace culvert::proxy {

// A server of this worker and the policy of the listener it stands for; the policy changes with a reload.
struct Door {
  Server& server;
  std::string listener;
  Ref<ListenerPolicy> policy;
};

struct Gateway::State final : private Deferred {
  State(Http& with, LogSink* sink, TunnelPlaces& places, const FleetSeat& seat, const Passwords* checked_by,
        LessonSink* lessons)
      : http(with), loop(with.loop()), log_sink(sink), passwords(checked_by), fleets(seat),
        passages{loop, with.network(), with.resolver(), places, lessons} {}

  // Drops the last reference to a route later in this turn: with it an upstream goes that a reload has removed, and its
  // agent must not go from inside one of its own events.
  void let_go(Ref<Route> route) {
    leaving.push_back(std::move(route));
    loop.defer(*this);
  }
  void on_deferred() noexcept override { leaving.clear(); }

  // Whether a new request has to be turned away. The log hears of it once, until there is room again.
  bool overloaded() { return memory_max != 0 && (sheds_load || memory_in_use() > memory_max) && judge_load(); }
  std::size_t memory_in_use() const { return http.memory_in_use() + exchanges.bytes_in_use(); }
  bool judge_load();

  void begin_tunnel(TunnelOrigin origin, const net::RelayLimits& limits, BareStream downstream, BareStream upstream,
                    Bytes from_downstream, Bytes from_upstream);
  void tunnel_ended(Tunnel& tunnel);

  Http& http;
  Loop& loop;
  LogSink* const log_sink;
  const Passwords* const passwords;
  const FleetSeat fleets;
  std::unique_ptr<AccessLog> access_log;
  config::AccessLog access_settings;
  Counts counts;
  Site site;
  std::vector<std::unique_ptr<Door>> doors;
  Slab<Exchange> exchanges;
  IntrusiveList<LiveHook> live;
  std::size_t live_count = 0;
  IntrusiveList<StreamHook> streams;  // owned
  net::PipePool pipes;
  std::size_t memory_max = 0;  // 0: no limit
  bool sheds_load = false;
  const Passage::World passages;
  Slab<Tunnel> tunnels;
  IntrusiveList<Tunnel> standing;
  std::size_t tunnel_count = 0;
  std::uint64_t next_tunnel_id = 1;
  std::function<void()> on_last_tunnel;  // once it drains
  std::vector<Ref<Route>> leaving;
  std::vector<Header> lines;  // where heads are put together
  Captures captures;          // where a route's expression puts what it matches
};

}  // namespace culvert::proxy
