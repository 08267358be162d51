// OutgoingMessage: the half of an exchange that is sent. Base of ServerResponse and ClientRequest; Node's
// http.OutgoingMessage in snake_case.
//
// Nothing leaves at once: what one event handler writes goes out in one gather-send when that handler has returned.
// The head is sent with the first write(), with end(), or by flush_headers().
//
// Order of events: on_drain* on_finish on_close, or on_error on_close. Errors of the calling program are thrown as
// http_error (a header after the head, an invalid name); those of the network are on_error.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include "culvert/bytes.hpp"
#include "culvert/event.hpp"
#include "culvert/headers.hpp"

namespace culvert {

class Arena;
class IncomingMessage;
struct ClientTransaction;
namespace net {
class Outbox;
}
namespace wire {
class HeadBuffer;
}

// What sends a message's bytes: a connection, or a request that waits for one.
class ByteSink {
 public:
  virtual net::Outbox& outbox() = 0;
  virtual void touched() = 0;                       // there is something new to send
  virtual bool sending() const = 0;                 // false: bytes are only kept for later (no connection yet)
  virtual void abort(std::error_code reason) = 0;   // destroy()

 protected:
  ~ByteSink() = default;
};

class OutgoingMessage {
 public:
  // write() answers false once this much waits (bytes).
  static constexpr std::size_t high_water_mark = 64 * 1024;

  OutgoingMessage(ByteSink& sink, Arena& arena) : sink_(&sink), arena_(arena) {}
  OutgoingMessage(const OutgoingMessage&) = delete;
  OutgoingMessage& operator=(const OutgoingMessage&) = delete;

  // Lines for the head. Throw ERR_HTTP_HEADERS_SENT, ERR_INVALID_HTTP_TOKEN, ERR_INVALID_CHAR. Text is copied.
  void set_header(std::string_view name, std::string_view value);     // replaces all lines with that name
  void append_header(std::string_view name, std::string_view value);  // adds a line
  void remove_header(std::string_view name);
  std::optional<std::string_view> get_header(std::string_view name) const;
  bool has_header(std::string_view name) const { return get_header(name).has_value(); }
  bool headers_sent() const { return headers_sent_; }
  void flush_headers();

  // Body bytes, copied. False: much is waiting, on_drain tells when it has gone. Nothing is sent where the message has
  // no body (answer to HEAD, 204, 304). After end(): throws ERR_STREAM_WRITE_AFTER_END.
  bool write(Bytes part);
  bool write(std::string_view part) { return write(as_bytes(part)); }
  // The message is complete. Where the head was not sent yet, its length is known and stated.
  void end();
  void end(Bytes last);
  void end(std::string_view last) { end(as_bytes(last)); }
  // Lines after the body; sent only with chunked coding, dropped otherwise. Borrowed until end().
  void add_trailers(std::span<const Header> trailers) { trailers_ = trailers; }
  // Ends the connection that carries the message.
  void destroy(std::error_code reason = {});

  bool writable_ended() const { return ended_; }        // end() was called
  bool writable_finished() const { return finished_; }  // everything went to the system
  bool destroyed() const { return destroyed_; }
  std::size_t writable_length() const;                  // bytes that wait
  std::uint64_t body_bytes() const { return body_bytes_; }  // written so far, without framing
  bool has_body() const { return has_body_; }
  bool chunked_encoding() const { return chunked_; }

  Event<> on_drain;
  Event<> on_finish;
  Event<std::error_code> on_error;
  Event<> on_close;  // last, and once

 protected:
  virtual ~OutgoingMessage() = default;

  // Sends the head; `length` is the whole body where that is known by now.
  virtual void send_head(std::optional<std::uint64_t> length) = 0;

  static void check_field(std::string_view name, std::string_view value);
  void head_goes_out(const wire::HeadBuffer& head);

  ByteSink* sink_;
  Arena& arena_;
  HeaderList headers_;  // set so far, for an implicit head
  bool headers_sent_ = false;
  bool has_body_ = true;
  bool chunked_ = false;

 private:
  friend class IncomingMessage;
  friend class ServerConnection;
  friend class ClientConnection;
  friend struct ClientTransaction;
  friend class ClientRequest;

  void piped(Bytes part);       // from IncomingMessage::pipe: borrowed until the flush
  void body(Bytes part, bool borrow);
  void flushed();               // by the connection, after a flush
  void cut(std::error_code reason);
  void emit_close();

  IncomingMessage* source_ = nullptr;  // what is piped into this message
  std::span<const Header> trailers_;
  std::uint64_t body_bytes_ = 0;
  std::error_code cut_reason_;
  bool ended_ = false;
  bool finished_ = false;
  bool need_drain_ = false;
  bool destroyed_ = false;
};

}  // namespace culvert
