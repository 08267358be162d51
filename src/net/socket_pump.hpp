// What moves the bytes of a socket that is a stream of its own: makes the connection where there is none yet, reads while
// somebody listens or a pipe takes it, sends what waits, passes the end on, and tells the events.
#pragma once
#include <vector>

#include "culvert/socket.hpp"
#include "net/loop_entries.hpp"

namespace culvert {

class Socket::Pump final : private Watcher, public Socket::Driver {
 public:
  explicit Pump(Socket& socket);
  ~Pump();

  void dial(Network& network, Resolver& resolver, const Address& address, const ConnectOptions& options,
            const LookupOptions& lookup);
  bool connecting() const { return dial_ != nullptr; }
  void pipe_to(Socket& sink);

  void touched() override { loop().flush_soon(sender_); }
  void destroy(std::error_code reason) override;
  void timeout_changed() override { ask(); }
  void flow_changed() override { update_interest(); }

 private:
  friend struct LoopEntries<Pump>;

  void on_ready(Ready ready) noexcept override;
  TimePoint on_due(TimePoint now) noexcept;
  void on_deferred() noexcept;
  void on_flush() noexcept;

  // What is needed until the connection stands.
  struct Dial {
    Network& network;
    ConnectOptions options;
    Resolution lookup{};
    Endpoints untried{};  // addresses of the name, the last one first
  };

  Loop& loop() const { return socket_.loop_; }
  void try_next();
  void try_address(const Address& address);
  void dialled(Ready ready);
  void read();
  void peer_ended();
  void close_when_both_ended();
  bool has_reader() const;
  bool flows() const;
  void update_interest();
  void unpipe();
  void ask() { loop().ask_at(due_, socket_.times_out_at()); }

  Socket& socket_;
  std::unique_ptr<Dial> dial_;
  Socket* sink_ = nullptr;    // what this one is piped into
  Socket* source_ = nullptr;  // what is piped into this one
  LoopEntries<Pump>::Due due_{*this};
  LoopEntries<Pump>::Later later_{*this};
  LoopEntries<Pump>::Sender sender_{*this};
  bool sink_full_ = false;
  bool peer_ended_ = false;
  bool end_told_ = false;
  bool fin_sent_ = false;
  bool close_told_ = false;
};

}  // namespace culvert
