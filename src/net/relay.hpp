// Two streams that are one from now on: what arrives on either side is sent on the other, byte by byte in order.
//
//   open both ways --FIN--> open one way --FIN--> over, in order
//        \----------------------\--- reset, limit, stop() ---> over, and both peers see a reset
//
// A slow side stops the reading of the other, so that little waits here; idle, a relay holds no buffer. Where both are
// plain sockets and much comes one way, the bytes go through a pipe and not through us.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <system_error>

#include "culvert/loop.hpp"
#include "culvert/outbox.hpp"
#include "culvert/socket.hpp"
#include "culvert/transport.hpp"
#include "net/account.hpp"
#include "net/loop_entries.hpp"
#include "net/pipe.hpp"

namespace culvert::net {

struct RelayLimits {
  std::chrono::milliseconds idle_timeout{0};  // without a byte in either direction; 0: none
  std::chrono::milliseconds max_lifetime{0};  // 0: none
  std::uint64_t max_bytes = 0;                // both directions together; 0: none
  std::uint64_t bytes_per_second = 0;         // of each direction; 0: as fast as it goes
  Account* account = nullptr;                 // that it shares with others, and that outlives it; null: none
};

enum class RelayEnd : std::uint8_t {
  in_order, downstream_broken, upstream_broken, idle, too_old, too_many_bytes, account_overspent, stopped
};

class Relay final {
 public:
  class Owner {
   public:
    // Both streams are closed. Told once, later in the turn; the relay may be destroyed in it.
    virtual void relay_ended(RelayEnd how, std::error_code cause) noexcept = 0;

   protected:
    ~Owner() = default;
  };

  // `pipes` may be null: then every byte is copied.
  Relay(Loop& loop, Owner& owner, const RelayLimits& limits, BareStream downstream, BareStream upstream, PipePool* pipes);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Bytes of the relay that were read from a stream before it began; copied. Before start().
  void pass_on(Bytes from_downstream, Bytes from_upstream);
  void start();
  // Ends it now.
  void stop() { end(RelayEnd::stopped, {}); }

  std::uint64_t bytes_up() const { return down_.bytes; }  // from downstream to upstream
  std::uint64_t bytes_down() const { return up_.bytes; }
  TimePoint active_at() const { return active_at_; }

 private:
  friend struct LoopEntries<Relay>;

  // One stream, and the way of its bytes to the other side.
  struct Side final : Watcher {
    Side(Relay& owner, BareStream with) : relay(owner), stream(std::move(with.stream)), out(std::move(with.unsent)) {}
    void on_ready(Ready ready) noexcept override { relay.on_ready(*this, ready); }
    std::size_t piped() const { return pipe == nullptr ? 0 : pipe->filled(); }

    Relay& relay;
    std::unique_ptr<Transport> stream;
    Outbox out;                  // what waits to be sent to it
    std::unique_ptr<Pipe> pipe;  // what came from it, while much comes
    std::uint64_t bytes = 0;     // that came from it
    TimePoint reads_from{};      // when its share of the bandwidth lets it go on
    std::uint8_t large_reads = 0;  // one after another
    bool ended = false;          // it sends no more
    bool fin_sent = false;       // and knows that the other does not
  };

  Side& other(const Side& side) { return &side == &down_ ? up_ : down_; }
  bool waits_for(const Side& to) { return !to.out.empty() || other(to).piped() > 0; }
  bool over() const { return down_.stream == nullptr; }
  void on_ready(Side& side, Ready ready);
  TimePoint on_due(TimePoint now) noexcept;
  void on_deferred() noexcept;
  bool read(Side& from);
  bool splice(Side& from);
  bool flush(Side& to);
  bool finish(Side& from);
  void count(Side& from, std::size_t bytes);
  void charge(Side& from, std::size_t bytes);
  bool may_splice(const Side& from) const;
  bool broke(Side& side, std::error_code error);
  void end(RelayEnd how, std::error_code cause);
  void update_interest();
  TimePoint runs_out() const;
  TimePoint next_look() const;

  Loop& loop_;
  Owner& owner_;
  PipePool* pipes_;  // null: bytes are copied
  const RelayLimits limits_;
  Side down_;
  Side up_;
  LoopEntries<Relay>::Due due_{*this};
  LoopEntries<Relay>::Later later_{*this};
  const TimePoint began_;
  TimePoint active_at_;
  RelayEnd how_ = RelayEnd::in_order;
  std::error_code cause_;
};

}  // namespace culvert::net
