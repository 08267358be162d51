// One client's connection: bytes in, requests out, answers back, strictly one after another.
//
//            first byte            head complete             answer sent, request read
//   idle ---------------> head ----------------> exchange ----------------------------> idle
//    |                      |                        |  \--- last answer, or unread body ---> lingering --> closed
//    \-- closed, timed out -+--- refused: answer ----+--------------------------------------^
//
// An idle connection holds a stream, a state and a deadline; parser, arena and both messages are a ServerTransaction,
// borrowed from the server while a request is under way.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/arena.hpp"
#include "culvert/server.hpp"
#include "http/loop_entries.hpp"
#include "net/outbox.hpp"
#include "wire/h1_parser.hpp"

namespace culvert {

struct ServerTransaction {
  ServerTransaction(ServerConnection& connection, BlockPool& blocks, wire::H1Handler& handler);
  std::byte first_room[2048];  // of the arena
  Arena arena;
  wire::H1Parser parser;
  IncomingMessage request;
  ServerResponse response;
};

class ServerConnection final : public ListHook,
                               public Retired,
                               private Watcher,
                               private wire::H1Handler,
                               private BodySource,
                               private ByteSink {
 public:
  ServerConnection(Server& server, std::unique_ptr<Transport> stream);
  ~ServerConnection() override;

  bool idle() const { return phase_ == Phase::idle; }
  void close(std::error_code reason = {});
  // What a response's head has to say about the connection.
  bool may_keep_alive() const;
  bool request_http_1_0() const;
  bool awaits_continue() const { return awaits_continue_; }
  void continued() { awaits_continue_ = false; }
  bool answers_head() const { return transaction_->request.method() == "HEAD"; }
  void last_answer() { keep_alive_ = false; }
  Server& server() { return server_; }

 private:
  friend struct ServerTransaction;
  friend struct LoopEntries<ServerConnection>;
  enum class Phase : std::uint8_t { idle, head, exchange, lingering, closed };

  void on_ready(Ready ready) noexcept override;
  TimePoint on_due(TimePoint now) noexcept;
  void on_deferred() noexcept;
  void on_flush() noexcept;

  // wire::H1Handler
  wire::BodyRule on_head() override;
  void on_body(Bytes part) override;
  void on_complete() override;
  // BodySource, ByteSink
  void flow_changed() override;
  void abort(std::error_code reason) override { close(reason); }
  Transport* transport() override { return stream_.get(); }
  net::Outbox& outbox() override { return outbox_; }
  void touched() override { loop().flush_soon(sender_); }
  bool sending() const override { return phase_ != Phase::closed; }

  Loop& loop() { return server_.loop_; }
  void read();
  void parse(Bytes bytes);
  void hold(Bytes bytes);
  void peer_finished();
  void begin_transaction();
  void emit_request();
  void end_transaction();
  void release_transaction();
  void refuse(std::error_code error, Bytes packet, std::size_t bytes_parsed);
  void linger();
  void check_progress();
  void update_interest();
  TimePoint runs_out() const;
  void ask();

  Server& server_;
  std::unique_ptr<Transport> stream_;
  net::Outbox outbox_;
  ServerTransaction* transaction_ = nullptr;
  std::vector<std::byte> held_;  // bytes of a request whose turn has not come, or of a paused body
  LoopEntries<ServerConnection>::Due due_{*this};
  LoopEntries<ServerConnection>::Later later_{*this};
  LoopEntries<ServerConnection>::Sender sender_{*this};
  TimePoint phase_since_;        // when the connection became idle, or the first byte of the head came
  TimePoint last_activity_;
  std::uint32_t served_ = 0;
  std::uint32_t dumped_bytes_ = 0;
  Phase phase_ = Phase::idle;
  bool keep_alive_ = true;
  bool peer_finished_ = false;
  bool awaits_continue_ = false;
  bool feeding_ = false;
  bool counted_out_ = false;
};

}  // namespace culvert
