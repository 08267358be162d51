// A request that is sent to a second server while the first still thinks about it (retry.hedge_after).
//
//   rests --hedge_after--> under way twice --one fails, or answers what nobody wants--> rests, with the other one left
//                                     \-----one answers, or the client goes-----------> over
//
// An exchange knows one request to a server, its own (up_), also while there are two: the other stands aside here. When
// something is heard of that one, the two change places first: the exchange does with it what it does with any other.
#pragma once
#include "proxy/exchange.hpp"
#include "proxy/fleet.hpp"

namespace culvert::proxy {

struct Exchange::Hedge final : private Deadline {
  explicit Hedge(Exchange& of);
  ~Hedge();

  bool is_under_way() const { return up_ != nullptr; }
  std::uint32_t count() const { return count_; }
  // The client has sent all of its request: the time of a server's answer runs from here.
  void note_request_end();
  // The exchange's own is over and has come to nothing. Whether the other one takes its place.
  bool step_in();
  // The same, where its own has an answer that is not to be passed on.
  void replace_own();
  // The exchange's own is passed on.
  void decide();
  // Nobody waits for an answer any more, or there is one.
  void end();

 private:
  TimePoint on_due(TimePoint now) noexcept override;
  bool may_begin() const;
  Backend* another(std::uint64_t& tried) const;
  bool would_wait(const Agent::Origin& origin) const;
  void begin(Backend& chosen, std::uint64_t tried);
  void change_places();
  void listen_aside();
  void drop();
  void ask_again();
  void give_back_place();

  Exchange& exchange_;
  TimePoint request_ended_ = TimePoint::min();  // the client's, where it has a body
  std::uint32_t count_ = 0;                     // of requests that were sent so
  // Of the one that stands aside.
  ClientRequest* up_ = nullptr;
  BackendUse server_;
  TimePoint sent_{};
  Tallied<std::uint32_t>* counted_by_ = nullptr;  // where the upstream's requests are limited
};

}  // namespace culvert::proxy
