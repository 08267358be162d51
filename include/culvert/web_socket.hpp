// WebSocket: a client of RFC 6455 with the interface of browsers, in snake_case. Node's http.WebSocket.
//
//   culvert::WebSocket chat(http, "ws://127.0.0.1:8080/chat", {.protocols = {"v2", "v1"}});
//   chat.on_open([&] { chat.send("hello"); });
//   chat.on_message([&](culvert::Bytes data, bool is_binary) { ... });
//
// Order of events: on_open on_message* on_close, with on_error before on_close where it was no proper end: it could not
// be opened, the server broke the protocol, the network failed. None comes from inside a call of the user's.
//
// Whoever made it owns it. Destroying it closes the connection at once, without events; inside its own events, hand it
// to Loop::retire() instead.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "culvert/bytes.hpp"
#include "culvert/client_request.hpp"
#include "culvert/event.hpp"
#include "culvert/loop.hpp"
#include "culvert/socket.hpp"

namespace culvert {

class Agent;
class Http;

// Text is borrowed during the call.
struct WebSocketOptions {
  using milliseconds = std::chrono::milliseconds;

  std::vector<std::string_view> protocols{};    // subprotocols, the preferred one first
  RequestOptions::Fields headers{};             // further lines of the handshake: Origin, Cookie ...
  Agent* agent = nullptr;                       // who makes the connection; null: one of its own
  milliseconds handshake_timeout{30'000};       // from the call to on_open, else errc::timed_out; 0: none
  milliseconds close_timeout{30'000};           // how long the peer may take to close once we have; 0: for ever
  std::uint64_t message_bytes_max = 64 << 20;   // of one message that arrives; more is answered with 1009
};

class WebSocket final : public Retired, private Deadline {
 public:
  using milliseconds = std::chrono::milliseconds;
  enum class ReadyState : std::uint8_t { connecting = 0, open = 1, closing = 2, closed = 3 };  // as in browsers

  static constexpr std::uint16_t abnormal_closure = 1006;  // on_close: the connection ended without the peer's close

  // Throws ERR_INVALID_URL (another scheme than ws, or a fragment), ERR_INVALID_ARG_VALUE (a subprotocol that is no
  // token or stands twice), and what Http::request() throws.
  WebSocket(Http& http, std::string_view url, const WebSocketOptions& options = {});
  ~WebSocket() override;
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // One message, text or binary. Throws ERR_INVALID_STATE before on_open, ERR_INVALID_ARG_VALUE for text that is not
  // UTF-8. Once it is closing nothing is sent, only buffered_amount() grows.
  void send(std::string_view text);
  void send(Bytes bytes);

  // Begins the closing handshake; on_close follows when the peer has answered and closed. Before on_open it gives up:
  // on_error (errc::ABORT_ERR), on_close. `code` is 1000 or from 3000 to 4999 (else ERR_OUT_OF_RANGE), `reason` UTF-8 of
  // at most 123 bytes (else ERR_INVALID_ARG_VALUE). A second call does nothing.
  void close(std::optional<std::uint16_t> code = {}, std::string_view reason = {});

  const std::string& url() const { return url_; }  // as given
  ReadyState ready_state() const;                  // as in browsers
  // Bytes given to send() that the system has not taken yet.
  std::uint64_t buffered_amount() const;
  // What on_message brings: there are no blobs here.
  static constexpr std::string_view binary_type() { return "bytes"; }
  const std::string& protocol() const { return protocol_; }  // that the server has chosen; empty: none
  static constexpr std::string_view extensions() { return {}; }  // none is ever asked for

  Event<> on_open;                // send() may be called
  Event<Bytes, bool> on_message;  // data, is_binary; valid during the call
  Event<std::error_code> on_error;  // an errc::websocket_ row, a protocol error, or the network's; on_close follows
  // code, reason, was_clean: what the peer's close frame said (1005: it had no code), or abnormal_closure.
  Event<std::uint16_t, std::string_view, bool> on_close;

 private:
  // connecting -> open -> close_sent -> both_closed -> closed, or from anywhere: -> lost -> closed
  enum class Phase : std::uint8_t {
    connecting,
    open,
    close_sent,   // ours has gone, the peer's is awaited
    both_closed,  // only the connection is still there
    lost,         // it will end without the peer's close frame
    closed,
  };
  struct Stream;  // once it is open

  void ask(Http& http, const WebSocketOptions& options);
  std::error_code judge(const IncomingMessage& response);
  void open(std::unique_ptr<Socket> socket, Bytes head);
  void receive(Bytes input);
  void receive_close(std::uint16_t code, Bytes reason);
  void answer_ping(Bytes payload);
  void send_message(Bytes payload, bool is_binary);
  void send_close(std::optional<std::uint16_t> code, std::string_view reason);
  void peer_ended();
  void fail(std::error_code why);
  void wait(milliseconds limit);
  void closed();
  TimePoint on_due(TimePoint now) noexcept override;

  Loop& loop_;
  const std::string url_;
  std::vector<std::string> offered_;  // subprotocols
  std::string key_;
  std::string protocol_;
  const milliseconds close_timeout_;
  const std::uint64_t message_bytes_max_;
  ClientRequest* request_ = nullptr;  // of the handshake, while there is one
  std::unique_ptr<Stream> stream_;
  Phase phase_ = Phase::connecting;
  TimePoint due_at_ = never;
  std::uint64_t queued_bytes_ = 0;     // of messages, since nothing waited
  std::uint64_t discarded_bytes_ = 0;  // of messages that came too late
  std::error_code error_;
  std::uint16_t close_code_ = abnormal_closure;
  std::string close_reason_;
};

}  // namespace culvert
