// Connects to the first of several addresses that answers (RFC 8305): the next is tried when one has failed, or has not
// answered for a while, and the others are dropped as soon as one stands. The families take turns, so that one that leads
// nowhere holds nobody up for longer than one address does.
#pragma once
#include <chrono>
#include <memory>
#include <system_error>
#include <vector>

#include "culvert/network.hpp"
#include "net/loop_entries.hpp"

namespace culvert::net {

class Dialer final {
 public:
  class Owner {
   public:
    // One of the two, once, never from inside dial(). The dialer may be destroyed in it; the stream is to be attached.
    virtual void dialled(std::unique_ptr<Transport> stream) noexcept = 0;
    virtual void not_dialled(std::error_code error) noexcept = 0;  // the last one's, or errc::timed_out

   protected:
    ~Owner() = default;
  };

  // How long one address has to answer before the next is tried beside it.
  static constexpr std::chrono::milliseconds attempt_delay{250};

  Dialer(Loop& loop, Connector& network, Owner& owner) : loop_(loop), network_(network), owner_(owner) {}
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  // `addresses`: at least one, in the order of preference. `limit`: for all of them together; 0: none.
  void dial(const std::vector<Endpoint>& addresses, const ConnectOptions& options, std::chrono::milliseconds limit);
  const Endpoint& connected_to() const { return connected_to_; }  // once dialled

 private:
  friend struct LoopEntries<Dialer>;

  struct Attempt final : Watcher {
    Attempt(Dialer& owner, const Endpoint& at, std::unique_ptr<Transport> with)
        : dialer(owner), address(at), stream(std::move(with)) {}
    void on_ready(Ready ready) noexcept override { dialer.on_ready(*this, ready); }
    Dialer& dialer;
    const Endpoint address;
    std::unique_ptr<Transport> stream;
  };

  void on_ready(Attempt& attempt, Ready ready);
  TimePoint on_due(TimePoint now) noexcept;
  void on_deferred() noexcept;
  void try_next();
  void give_up(std::error_code error);
  TimePoint next_look() const;

  Loop& loop_;
  Connector& network_;
  Owner& owner_;
  ConnectOptions options_;
  std::vector<Endpoint> untried_;  // the last one first
  std::vector<std::unique_ptr<Attempt>> attempts_;
  TimePoint next_at_ = never;  // when the next is tried
  TimePoint ends_at_ = never;
  std::error_code error_;
  Endpoint connected_to_;
  LoopEntries<Dialer>::Due due_{*this};
  LoopEntries<Dialer>::Later later_{*this};
};

}  // namespace culvert::net
