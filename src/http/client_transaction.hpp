// One request of an agent with its answer: both messages and the memory behind them, borrowed from the thread's slab.
// It waits for a connection (queued, being made, or connecting), is carried by one, and outlives it until its last event.
#pragma once
#include <cstdint>
#include <optional>

#include "base/arena.hpp"
#include "base/ref.hpp"
#include "culvert/agent.hpp"
#include "culvert/outbox.hpp"
#include "wire/h1_parser.hpp"

namespace culvert {

struct WaitingHook : ListHook {};
struct LiveHook : ListHook {};

struct ClientTransaction final : WaitingHook,
                                 LiveHook,
                                 private Deadline,
                                 private Deferred,
                                 private wire::H1Handler,
                                 private ByteSink,
                                 private BodySource {
  ClientTransaction(Agent& owner, Agent::Origin& to, BlockPool& blocks);
  ~ClientTransaction();

  Agent& agent;
  Agent::Origin& origin;
  std::byte first_room[2048];  // of the arena
  Arena arena;
  wire::H1Parser parser;
  net::Outbox early;   // what is written before there is a connection
  ClientRequest request;
  IncomingMessage response;
  ClientConnection* connection = nullptr;
  Ref<ConnectionCreated::Pending> pending;  // while a connection is being made
  std::chrono::milliseconds response_timeout{0};
  std::chrono::milliseconds idle_timeout{0};
  std::chrono::milliseconds connect_timeout{0};  // that begins when it has waited, see AgentOptions::pending_timeout
  std::uint32_t max_header_size = 0;  // 0: the thread's
  bool joins = false;                 // option joinDuplicateHeaders
  bool lenient = false;               // option insecureHTTPParser
  bool alone = false;                 // its connection is for no other (PooledRequest::preface)
  bool response_begun = false;
  bool announces = false;             // on_socket is told; a relay (PooledRequest) does not ask

  static constexpr std::uint32_t informations_max = 16;  // of a strict agent

  // No connection within `limit` from now ends it; 0: it waits as long as it takes.
  void wait_for_connection(std::chrono::milliseconds limit);
  // It has a socket, which may still be connecting.
  void assigned(ClientConnection& to);
  // The next message that arrives is an answer to this request (the first, or one after a 1xx).
  void expect_answer();
  // The connection stands: what was written goes out.
  void connected();
  // The connection is done with it.
  void let_go() { connection = nullptr; }
  // The answer was the end of HTTP: the socket is the listener's, with the bytes behind the head.
  void leave(std::unique_ptr<Socket> socket, Bytes rest);
  // It ends with an error; its events follow later in this turn.
  void fail(std::error_code reason);
  // Looks whether events are due, later in this turn.
  void look_later() override;
  // The socket was quiet for as long as somebody asked for.
  void tell_timeout() { request.on_timeout.emit(); }
  bool answer_complete() const { return parser.complete() && !informational_; }
  bool leaves_http() const { return parser.stopped(); }
  // The origin has sent more 1xx answers than anybody has a use for. Node reads them for ever.
  bool informs_too_often() const { return agent.options.strict && informations_ > informations_max; }
  bool has_listener_for_leaving() const;
  bool allows_reuse() const { return reusable_; }                     // by what the answer says
  std::optional<std::uint32_t> keep_alive_promise() const { return promised_seconds_; }  // Keep-Alive: timeout=
  bool done() const { return request.writable_finished() && response.complete(); }
  bool over() const { return over_; }

 private:
  TimePoint on_due(TimePoint now) noexcept override;
  void on_deferred() noexcept override;
  wire::BodyRule on_head() override;
  void on_information();
  void read_keep_alive(std::string_view field);
  void on_body(Bytes part) override;
  void on_complete() override;
  net::Outbox& outbox() override;
  void touched() override;
  bool sending() const override { return connection != nullptr && request.connected(); }
  void abort(std::error_code reason) override;
  void flow_changed() override;
  Socket* socket() override;
  bool joins_duplicates() const override { return joins; }
  void set_timeout(std::chrono::milliseconds limit) override;
  void unhandled(std::error_code error) override;
  void is_over();
  void end_events();

  TimePoint gives_up_ = never;
  std::optional<std::uint32_t> promised_seconds_;
  std::uint32_t informations_ = 0;
  bool informational_ = false;  // the message under way is a 1xx
  bool reusable_ = false;
  bool announce_socket_ = false;
  bool over_ = false;
};

}  // namespace culvert
