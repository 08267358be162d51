// What an exchange has besides where its client names the destination: the passage there, and the hop that is under way.
#pragma once
#include <string>

#include "net/loop_entries.hpp"
#include "proxy/exchange.hpp"
#include "proxy/gateway_state.hpp"
#include "wire/request_target.hpp"

namespace culvert::proxy {

struct Exchange::Journey final : Passage::Owner {
  Journey(Exchange& going, const Ref<AccessPolicy>& policy, const wire::Authority& to, bool plain_http)
      : exchange(going),
        passage(going.gateway_.passages, policy, *this, to.host, to.port, plain_http, going.view_.client),
        led_by(going.route_) {}
  void on_passage() noexcept override { exchange.on_passage(); }
  // To be with a parent, and for CONNECT to have its answer, may take so long, from the first of these calls on.
  void begin_hop() {
    const auto limit = passage.policy()->settings.connect_timeout;
    if (limit.count() == 0 || hop_ends_at != never) return;
    hop_ends_at = exchange.gateway_.loop.now() + limit;
    exchange.gateway_.loop.ask_at(due, hop_ends_at);
  }
  void end_hop() { hop_ends_at = never; }
  TimePoint on_due(TimePoint now) noexcept {
    if (now < hop_ends_at) return hop_ends_at;
    end_hop();
    exchange.hop_is_late();
    return never;
  }
  void describe(AccessRecord& record) const {
    record.server = tried;
    if (passage.parents()) record.parent = tried;
    if (exchange.wants_tunnel()) {  // by a route of the operator's, if any
      record.route = led_by ? std::string_view(led_by->settings.name) : std::string_view();
      record.upstream = {};
    }
    record.tunnel = passage.policy()->settings.name;
    record.rule = passage.rule_name();
  }

  Exchange& exchange;
  Passage passage;
  const Ref<Route> led_by;  // the route that has led here; null: none has
  std::string tried;        // the address that was tried last: of the destination, or a parent's
  std::string authority;    // of the CONNECT to a parent
  TimePoint hop_ends_at = never;
  LoopEntries<Journey>::Due due{*this};
};

}  // namespace culvert::proxy
