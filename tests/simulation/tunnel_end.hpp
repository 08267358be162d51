// One end of a tunnel, whoever plays it: sends as planned, goes wrong as planned, and closes once both streams have
// ended.
#pragma once
#include <functional>
#include <string_view>

#include "simulation/link.hpp"
#include "simulation/trace.hpp"
#include "simulation/tunnel_plan.hpp"

namespace culvert::simulation {

class TunnelEnd {
 public:
  // `on_over` is called once, when it has closed or reset its connection.
  TunnelEnd(SimLoop& loop, Trace& trace, Link& link, const TunnelPlan::End& plan, std::function<void()> on_over);

  // More of what it has to say; with the `last` of it, its stream ends.
  void send(std::string_view bytes, bool last);
  // The other's stream has.
  void peer_ended();
  // Closes it, whatever is left.
  void leave();
  // Its connection is no more.
  void lost();
  bool has_finished() const { return finished_; }
  bool over() const { return over_; }

 private:
  void send_piece();
  void misbehave();
  void is_over();

  SimLoop& loop_;
  Trace& trace_;
  Link& link_;
  const TunnelPlan::End& plan_;
  const std::function<void()> on_over_;
  ByteQueue to_send_;
  std::size_t sent_ = 0;
  bool sending_ = false;
  bool last_ = false;      // all that it has to say is in to_send_
  bool finished_ = false;  // and gone
  bool peer_ended_ = false;
  bool mute_ = false;
  bool over_ = false;
};

}  // namespace culvert::simulation
