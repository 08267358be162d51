// One client's connection: bytes in, requests out, answers back, strictly one after another.
//
//            first byte            head complete             answer sent, request read
//   idle ---------------> head ----------------> exchange ----------------------------> idle
//    |                      |                     |  |  \--- last answer, or unread body ---> lingering --> closed
//    |                      |                     |  \--- CONNECT, Upgrade: the socket goes ---> left
//    \-- closed, timed out -+--- refused ---> failed ---- the listener ends the socket ---^
//
// An idle connection holds a socket, a state and a deadline; parser, arena and both messages are a ServerTransaction,
// borrowed while a request is under way.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "culvert/server.hpp"
#include "http/held_bytes.hpp"
#include "http/server_transaction.hpp"
#include "net/loop_entries.hpp"

namespace culvert {

class ServerConnection final : public ListHook,
                               public Retired,
                               private Watcher,
                               private wire::H1Handler,
                               private BodySource,
                               private ByteSink,
                               public Socket::Driver {
 public:
  ServerConnection(Server& server, std::unique_ptr<Transport> stream);
  ~ServerConnection() override;

  bool idle() const { return phase_ == Phase::idle; }
  bool has_served() const { return served_ > 0; }
  void close(std::error_code reason = {});
  // The stream's first bytes, where somebody else has read them.
  void take_first(Bytes bytes) {
    if (!over()) parse(bytes);
  }
  // What a response's head has to say about the connection.
  bool may_keep_alive() const;
  bool says_close() const;  // the limit of requests a socket is reached
  bool request_http_1_0() const;
  bool awaits_continue() const { return awaits_continue_; }
  void continued() { awaits_continue_ = false; }
  bool answers_head() const { return transaction_->request.method() == "HEAD"; }
  void last_answer() { keep_alive_ = false; }
  BareStream detach(std::vector<std::byte>& early);
  Server& server() { return server_; }
  Http& http() { return server_.http_; }

 private:
  friend class Server;
  friend struct LoopEntries<ServerConnection>;
  enum class Phase : std::uint8_t { idle, head, exchange, failed, lingering, left, closed };

  void on_ready(Ready ready) noexcept override;
  TimePoint on_due(TimePoint now) noexcept;
  void on_deferred() noexcept;
  void on_flush() noexcept;

  // wire::H1Handler
  wire::BodyRule on_head() override;
  void on_body(Bytes part) override;
  void on_complete() override;
  // BodySource, ByteSink, Socket::Driver
  void flow_changed() override;
  void abort(std::error_code reason) override { destroy(reason); }
  void destroy(std::error_code reason) override;
  Socket* socket() override { return over() ? nullptr : socket_.get(); }
  bool joins_duplicates() const override { return server_.options.join_duplicate_headers; }
  net::Outbox& outbox() override { return socket_->outbox(); }
  void touched() override { loop().flush_soon(sender_); }
  bool sending() const override { return socket_ != nullptr; }
  void look_later() override { loop().defer(later_); }
  void set_timeout(std::chrono::milliseconds limit) override { socket_->set_timeout(limit); }
  void timeout_changed() override { ask(); }
  void unhandled(std::error_code error) override;

  Loop& loop() const { return server_.loop_; }
  bool over() const { return phase_ == Phase::closed || phase_ == Phase::left; }
  bool over_with_http() const { return phase_ == Phase::failed || phase_ == Phase::lingering; }
  void read();
  void broke(std::error_code error);
  void parse(Bytes bytes);
  void hold(Bytes bytes);
  void peer_finished();
  void begin_transaction();
  void make_transaction();
  void emit_request();
  void answer_expectation(const Header& expect);
  bool leaves_http();
  void leave(Bytes rest);
  std::unique_ptr<Socket> give_socket_away();
  void drop_request();
  void end_transaction();
  void end_events();
  void release_transaction();
  void refuse(std::error_code error, Bytes packet, std::size_t bytes_parsed);
  void socket_timed_out();
  void cut_exchange(std::error_code reason);
  void linger();
  void check_progress();
  void update_interest();
  bool waits_for_next() const;
  void begin_body_interval();
  bool body_keeps_pace(TimePoint now);
  TimePoint body_interval_end() const;
  TimePoint receive_limit() const;
  TimePoint send_limit() const;
  TimePoint busy_runs_out() const;
  TimePoint runs_out() const;
  void ask() { loop().ask_at(due_, runs_out()); }

  Server& server_;
  std::unique_ptr<Socket> socket_;
  ServerTransaction* transaction_ = nullptr;
  HeldBytes held_;  // of a request whose turn has not come, or of a paused body
  LoopEntries<ServerConnection>::Due due_{*this};
  LoopEntries<ServerConnection>::Later later_{*this};
  LoopEntries<ServerConnection>::Sender sender_{*this};
  TimePoint phase_since_;        // when the connection became idle, or the first byte of the head came
  TimePoint body_interval_since_;  // over which the rate of a request's body is measured
  TimePoint sent_at_;            // while blocked_: when the peer last took something
  std::uint64_t body_bytes_before_ = 0;
  std::uint32_t served_ = 0;
  std::uint32_t dumped_bytes_ = 0;
  Phase phase_ = Phase::idle;
  bool keep_alive_ = true;
  bool peer_finished_ = false;
  bool awaits_continue_ = false;
  bool blocked_ = false;  // the last flush left something: a head that is only held does not count
  bool body_was_paused_ = false;  // in the interval: then it is not the client that was slow
  bool feeding_ = false;
  bool counted_out_ = false;
  bool asked_for_ = false;  // the program ends it: its reason is the socket's error
};

}  // namespace culvert
