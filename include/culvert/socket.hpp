// Socket: one end of a connection, a transport with what it still has to send. Node's net.Socket in snake_case.
//
// An HTTP connection drives the socket that it has; what arrives is its business, and whoever gets hold of the socket
// meanwhile (server.on_connection, request.socket()) may look at it, set its options and timeout, write to it in an
// emergency (on_client_error), or destroy it. After on_connect or on_upgrade it is a stream of its own and whoever took
// it reads from it: on_data, pause(), resume(), pipe(). So does whoever made it with Http::connect().
//
// Order of events of such a stream: on_connect (of Http::connect() only) on_data* on_end on_close, on_drain* between;
// on_error before on_close where it ended badly, also before it began. None comes from inside a call of the user's.
// Nothing is read before somebody listens to on_data or pipes it. While HTTP drives it: on_error (of the network, or what
// destroy() was given), on_close.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <system_error>

#include "culvert/bytes.hpp"
#include "culvert/event.hpp"
#include "culvert/loop.hpp"
#include "culvert/network.hpp"
#include "culvert/outbox.hpp"
#include "culvert/transport.hpp"

namespace culvert {

// A stream whose socket has gone: for who moves its bytes himself.
struct BareStream {
  std::unique_ptr<Transport> stream;  // attached to nobody: the new owner does so at once
  net::Outbox unsent;  // what was written and has not gone yet

  // With what its socket had still to send.
  BareStream(std::unique_ptr<Transport> with, net::Outbox waiting) : stream(std::move(with)), unsent(std::move(waiting)) {}
  // With nothing to be sent.
  BareStream(std::unique_ptr<Transport> with, Loop& loop) : stream(std::move(with)), unsent(loop.blocks()) {}
};

class Socket final : public Retired {
 public:
  using milliseconds = std::chrono::milliseconds;

  // What moves its bytes: an HTTP connection, or its own pump once it is a stream of its own.
  class Driver {
   public:
    virtual void touched() = 0;                        // there is something new to send, or end() was called
    virtual void destroy(std::error_code reason) = 0;  // closes it at once; events follow later in the turn
    virtual void timeout_changed() = 0;                // set_timeout(): ask again when to look
    virtual void flow_changed() {}                     // pause(), resume(), a listener for data
    virtual void leave_agent() {}                      // Node's 'agentRemove'

   protected:
    ~Driver() = default;
  };

  // on_data: adding the first listener makes it flow, as in Node.
  class DataEvent : public RareEvent<Bytes> {
   public:
    explicit DataEvent(Socket& owner) : owner_(owner) {}  // by the socket
    // Registers a listener, and makes the socket flow.
    template <class F>
    ListenerId operator()(F&& listener) {
      const ListenerId id = RareEvent<Bytes>::operator()(std::forward<F>(listener));
      owner_.flow_changed();
      return id;
    }

   private:
    Socket& owner_;
  };

  // write() answers false once this much waits (bytes), where nobody says otherwise.
  static constexpr std::uint32_t default_high_water_mark = 64 * 1024;

  Socket(Loop& loop, std::unique_ptr<Transport> transport, Driver* driver);  // by what drives it; see Http::connect()
  ~Socket() override;

  // Bytes are copied. False: much is waiting, on_drain tells when it has gone. After end() or destroy() nothing is sent.
  bool write(Bytes bytes);
  bool write(std::string_view text) { return write(as_bytes(text)); }
  // The peer sees the end of the stream after what was written.
  void end();
  void end(std::string_view last);
  // Closes it now, with what waits unsent.
  void destroy(std::error_code reason = {});
  bool destroyed() const { return transport_ == nullptr; }            // closed, or about to tell it
  bool writable() const { return transport_ != nullptr && !ended_; }  // what is written now will be sent
  bool ended() const { return ended_; }                               // end() was called
  std::size_t writable_length() const { return outbox_.size(); }      // bytes that wait
  std::uint32_t writable_high_water_mark() const { return high_water_mark_; }  // bytes

  // Http::connect() has not got through yet: what is written waits.
  bool connecting() const;
  // Not after destroy(). Family::none before on_connect.
  const Endpoint& local() const { return transport_->local(); }
  const Endpoint& remote() const { return transport_->remote(); }
  // By which a client of TLS has proved who it is; null where it has not. Node's getPeerCertificate().
  std::shared_ptr<const PeerCertificate> peer_certificate() const {
    return transport_ == nullptr ? nullptr : transport_->peer_certificate();
  }
  // The very stream that was adopted, or that Agent::create_connection made; null after destroy().
  Transport* transport() const { return transport_.get(); }

  // Gives the stream away. The socket is empty then: it tells nothing more, and its owner drops it.
  BareStream detach();

  // on_timeout after so long without a byte in either direction; 0: never. It only tells. `listener` hears of it once.
  Socket& set_timeout(milliseconds limit);
  Socket& set_timeout(milliseconds limit, Delegate<void()> listener);
  milliseconds timeout() const { return timeout_; }  // 0: none
  Socket& set_no_delay(bool on = true);              // TCP_NODELAY
  // Probes of a quiet connection, the first after `initial_delay` (whole seconds, rounded up; 0: the system's choice).
  Socket& set_keep_alive(bool on = true, milliseconds initial_delay = milliseconds{0});
  // Node's 'agentRemove': the agent forgets it, what it carries goes on.
  void agent_remove();

  // Of a stream of its own: nothing is read between the two, and the peer is slowed down.
  void pause();
  void resume();
  bool paused() const { return paused_; }  // by pause()
  // Everything that arrives goes to `to`, the end as well; whoever is slow slows the other down. One target.
  void pipe(Socket& to);
  // From now on it belongs to its loop, and lives until its on_close.
  static Socket& let_live(std::unique_ptr<Socket> socket);

  RareEvent<> on_connect;        // Http::connect() has got through
  DataEvent on_data{*this};      // valid during the call
  RareEvent<> on_end;            // the peer sends no more
  RareEvent<> on_drain;          // write() had answered false: what waited has gone
  RareEvent<> on_timeout;        // see set_timeout()
  RareEvent<std::error_code> on_error;  // why it ends: the network's, or destroy()'s
  RareEvent<> on_close;          // last, and once

  // ---- for the HTTP connection that drives it
  Loop& loop() const { return loop_; }
  net::Outbox& outbox() { return outbox_; }
  void set_high_water_mark(std::uint32_t bytes) { high_water_mark_ = bytes; }
  // A byte went or came.
  void stamp() {
    active_at_ = loop_.now();
    timeout_told_ = false;
  }
  TimePoint times_out_at() const { return timeout_.count() == 0 || timeout_told_ ? never : active_at_ + timeout_; }
  // on_timeout, once until the next byte.
  void tell_timeout();
  // The transport is broken: nothing can be sent any more.
  void set_unwritable() { ended_ = true; }
  // Closes it for a reason that on_error tells; none: it ends in order.
  void close_transport(std::error_code reason);
  // on_error, where there was a reason, and on_close: what the driver tells last.
  void tell_close();
  // From now on it is a stream of its own.
  void stand_alone();
  // A stream of its own to `address`, whose name is looked up first.
  static std::unique_ptr<Socket> dial(Loop& loop, Network& network, Resolver& resolver, const Address& address,
                                      const ConnectOptions& options, const LookupOptions& lookup);

 private:
  class Pump;
  friend class Pump;
  void flow_changed() {
    if (driver_ != nullptr) driver_->flow_changed();
  }

  Loop& loop_;
  std::unique_ptr<Transport> transport_;
  net::Outbox outbox_;
  Driver* driver_;
  std::unique_ptr<Pump> pump_;  // of a stream of its own
  std::error_code failure_;     // why it was closed
  TimePoint active_at_;
  milliseconds timeout_{0};
  std::int32_t probes_after_s_ = -1;  // what the transport was told of TCP keep-alive; -1: nothing
  std::uint32_t high_water_mark_ = default_high_water_mark;
  bool ended_ = false;
  bool paused_ = false;
  bool need_drain_ = false;
  bool timeout_told_ = false;
};

}  // namespace culvert
