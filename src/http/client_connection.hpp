// One connection to an origin: a request out, its answer in, then free for the next.
//
//   connecting --> busy <--> free --> closed
//                   \--- CONNECT, Upgrade: the socket goes ---> closed
//
// Busy, it carries exactly one ClientTransaction. Free, it waits in its origin; whatever arrives then belongs to nobody
// and closes it.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "culvert/agent.hpp"
#include "culvert/loop.hpp"
#include "culvert/socket.hpp"
#include "http/held_bytes.hpp"
#include "net/loop_entries.hpp"

namespace culvert {

class ClientConnection final : public ListHook, public Retired, private Watcher, public Socket::Driver {
 public:
  ClientConnection(Agent& agent, Agent::Origin& origin, std::unique_ptr<Transport> stream);

  // Takes a transaction on; the connection is new (still connecting) or free.
  void carry(ClientTransaction& transaction);
  // Ends it now. A transaction that it carries ends with `reason`.
  void close(std::error_code reason);
  Agent::Origin& origin() { return origin_; }
  Socket& socket() { return *socket_; }
  bool counts() const { return counted_; }
  bool is_free() const { return phase_ == Phase::free; }
  bool is_closed() const { return phase_ == Phase::closed; }

  // For the transaction that it carries.
  net::Outbox& outbox() { return socket_->outbox(); }
  void touched() override { loop().flush_soon(sender_); }
  void flow_changed() override;
  // Marks it free (by the agent), or refuses: the origin will close it too soon for it to be worth keeping.
  bool rest(std::chrono::milliseconds own_limit);

  // While it is free.
  TimePoint free_since() const { return last_progress_; }
  // Whether the origin may be about to close it: for what must not be sent twice, that is too much.
  bool is_doubtful() const;
  // Each says whether it has ended: it has been free for too long, or a look at it tells that the origin has closed it.
  bool ends_by_limit();
  bool ends_by_check();

 private:
  friend struct LoopEntries<ClientConnection>;
  enum class Phase : std::uint8_t { connecting, busy, free, closed };
  enum class Limit : std::uint8_t { own, promised, learned };  // what says how long it may be free

  void on_ready(Ready ready) noexcept override;
  TimePoint on_due(TimePoint now) noexcept;
  void on_deferred() noexcept;
  void on_flush() noexcept;
  // Socket::Driver
  void destroy(std::error_code reason) override { close(reason); }
  void timeout_changed() override { ask(); }
  void leave_agent() override;

  Loop& loop() const { return agent_.loop_; }
  void on_ready_while_free(Ready ready);
  void origin_has_closed();
  void run_out();
  void count_limit();
  void note_stale();
  void note_good();
  Duration free_for() const { return loop().now() - last_progress_; }
  void restrict(Duration limit, Limit by);
  bool learns_from(Duration free_for) const {
    return agent_.options.self_tuning && free_for > agent_.options.check_free_after;
  }
  void connected();
  void read();
  void parse(Bytes bytes);
  void leave(Bytes rest);
  void peer_finished();
  void check_done();
  void out_of_service();
  void update_interest();
  TimePoint transaction_runs_out() const;
  TimePoint runs_out() const;
  void ask() { loop().ask_at(due_, runs_out()); }

  Agent& agent_;
  Agent::Origin& origin_;
  std::unique_ptr<Socket> socket_;
  ClientTransaction* transaction_ = nullptr;
  HeldBytes held_;                          // of a paused body
  LoopEntries<ClientConnection>::Due due_{*this};
  LoopEntries<ClientConnection>::Later later_{*this};
  LoopEntries<ClientConnection>::Sender sender_{*this};
  TimePoint last_progress_;
  Duration free_limit_{0};
  Duration was_free_for_{0};                       // before the request that it carries; 0: for a moment at most
  std::optional<std::uint32_t> promised_seconds_;  // Keep-Alive: timeout= of the last answer
  Limit limited_by_ = Limit::own;  // free_limit_
  Phase phase_ = Phase::connecting;
  bool counted_ = true;    // by the agent, until leave_agent()
  bool poisoned_ = false;  // bytes after the answer, or one side has stopped: not for another request
  bool feeding_ = false;
};

}  // namespace culvert
