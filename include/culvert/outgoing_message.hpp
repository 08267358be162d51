// OutgoingMessage: the half of an exchange that is sent. Base of ServerResponse and ClientRequest; Node's
// http.OutgoingMessage in snake_case.
//
// What one event handler writes goes out in one gather-send when that handler has returned. The head goes with the
// first write(), with end(), or by flush_headers().
//
// Order of events: on_drain* on_prefinish on_finish on_close, or on_error on_close. Errors of the calling program are
// thrown as http_error (a header after the head, an invalid name); those of the network are on_error. An on_error that
// nobody listens to goes to Http::on_unhandled_error.
#pragma once
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "culvert/bytes.hpp"
#include "culvert/event.hpp"
#include "culvert/headers.hpp"
#include "culvert/outgoing_headers.hpp"

namespace culvert {

class Arena;
class IncomingMessage;
class Socket;
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
  virtual net::Outbox& outbox() = 0;                // where bytes wait
  virtual void touched() = 0;                      // there is something new to send
  virtual bool sending() const = 0;                // false: bytes are only kept for later (no connection yet)
  virtual void abort(std::error_code reason) = 0;  // destroy()
  virtual Socket* socket() = 0;                    // null before there is one, and after the exchange
  virtual void look_later() = 0;                   // emit_pending() is called later in the turn
  virtual void set_timeout(std::chrono::milliseconds limit) = 0;  // of the connection
  virtual void unhandled(std::error_code error) = 0;              // nobody listens to on_error

 protected:
  ~ByteSink() = default;
};

// What Node's validateHeaderName and validateHeaderValue throw: ERR_INVALID_HTTP_TOKEN; ERR_HTTP_INVALID_HEADER_VALUE
// where there is no value, ERR_INVALID_CHAR.
void validate_header_name(std::string_view name, std::string_view label = "Header name");
void validate_header_value(std::string_view name, std::optional<std::string_view> value);
// UTF-8 text as the bytes that a header value may hold: ISO 8859-1. Nothing where it has other characters.
std::optional<std::string> to_latin1(std::u8string_view text);

class OutgoingMessage {
 public:
  using milliseconds = std::chrono::milliseconds;
  using Done = Delegate<void(std::error_code)>;  // no error: the bytes went to the system
  using Values = std::initializer_list<std::string_view>;  // {"a", "b"}

  // write() answers false once this much waits (bytes), where there is no socket with a mark of its own.
  static constexpr std::size_t default_high_water_mark = 16 * 1024;

  OutgoingMessage(ByteSink& sink, Arena& arena);  // by what derives from it
  virtual ~OutgoingMessage();
  OutgoingMessage(const OutgoingMessage&) = delete;
  OutgoingMessage& operator=(const OutgoingMessage&) = delete;

  // Headers for the head. Throw ERR_HTTP_HEADERS_SENT, ERR_INVALID_HTTP_TOKEN, ERR_INVALID_CHAR and, for no value,
  // ERR_HTTP_INVALID_HEADER_VALUE; then nothing is stored. Text is copied. A list makes several lines (one, joined with
  // "; ", for Cookie and for the names in unique_headers).
  OutgoingMessage& set_header(std::string_view name, std::string_view value);
  OutgoingMessage& set_header(std::string_view name, std::u8string_view value);  // text is sent as ISO 8859-1
  OutgoingMessage& set_header(std::string_view name, std::int64_t value);
  OutgoingMessage& set_header(std::string_view name, std::span<const std::string_view> values);
  OutgoingMessage& set_header(std::string_view name, Values values) {
    return set_header(name, std::span<const std::string_view>(values.begin(), values.size()));
  }
  OutgoingMessage& set_header(std::string_view name, std::nullopt_t);
  // Node's setHeaders: each replaces an earlier one, names that repeat within `lines` keep all their values.
  OutgoingMessage& set_headers(std::span<const std::pair<std::string_view, std::string_view>> lines);
  // One more value for a name, beside those that it has. Throws as set_header().
  OutgoingMessage& append_header(std::string_view name, std::string_view value);
  OutgoingMessage& append_header(std::string_view name, std::span<const std::string_view> values);
  OutgoingMessage& append_header(std::string_view name, Values values) {
    return append_header(name, std::span<const std::string_view>(values.begin(), values.size()));
  }
  // Of Date, Connection, Content-Length and Transfer-Encoding it also stops the automatic one.
  OutgoingMessage& remove_header(std::string_view name);
  // As it was set; views are valid until the message's close.
  std::optional<HeaderValue> get_header(std::string_view name) const;
  // Names are compared without regard to case.
  bool has_header(std::string_view name) const { return headers_.find(name) != nullptr; }
  std::vector<std::string> get_header_names() const;                    // lower case, in the order set
  std::vector<std::string_view> get_raw_header_names() const;           // with the case of the last call
  std::map<std::string, HeaderValue, std::less<>> get_headers() const;  // names in lower case; a copy
  bool headers_sent() const { return headers_sent_; }                   // the head has been made
  void flush_headers();  // the head goes now, without waiting for the body

  // Body bytes, copied. False: much is waiting, on_drain tells when it has gone. Nothing is sent where the message has
  // no body (answer to HEAD, 204, 304). `done` is called when the bytes have gone, unless there were none. After end():
  // false, and ERR_STREAM_WRITE_AFTER_END as on_error and to `done`. With strict_content_length: throws
  // ERR_HTTP_CONTENT_LENGTH_MISMATCH.
  bool write(Bytes part, Done done = {});
  bool write(std::string_view part, Done done = {}) { return write(as_bytes(part), std::move(done)); }
  // The message is complete. Where the head was not sent yet, its length is known and stated. A second end() does
  // nothing; `done` is called with on_finish, or with ERR_STREAM_ALREADY_FINISHED.
  OutgoingMessage& end();
  OutgoingMessage& end(Done done);
  OutgoingMessage& end(Bytes last, Done done = {});
  OutgoingMessage& end(std::string_view last, Done done = {}) { return end(as_bytes(last), std::move(done)); }
  // Trailers: lines after the body; sent only with chunked coding, dropped otherwise. Checked and copied.
  void add_trailers(std::span<const std::pair<std::string_view, std::string_view>> lines);
  // For relays: lines that were checked already, borrowed until end().
  void borrow_trailers(std::span<const Header> lines) { trailers_ = lines; }
  // Between cork() and as many uncork(), or end(), nothing of the body is sent; chunks written meanwhile become one.
  void cork() { ++corked_; }
  void uncork();
  // Ends the connection that carries the message.
  OutgoingMessage& destroy(std::error_code reason = {});
  // Of the connection, once there is one: on_timeout after so long without a byte. `listener` hears of it once.
  OutgoingMessage& set_timeout(milliseconds limit, Delegate<void()> listener = {});

  bool strict_content_length = false;  // compare Content-Length with the bytes of the body; set before the head

  std::uint32_t writable_corked() const { return corked_; }  // calls of cork() that still hold
  bool writable_ended() const { return ended_; }  // end() was called
  [[deprecated("use writable_ended()")]] bool finished() const { return ended_; }
  bool writable_finished() const { return finished_; }  // everything went to the system
  bool destroyed() const { return destroyed_; }         // cut short, or over
  std::size_t writable_length() const;  // bytes that wait
  std::size_t writable_high_water_mark() const;         // bytes, from which on write() answers false
  static constexpr bool writable_object_mode = false;   // bytes, never objects
  std::uint64_t body_bytes() const { return body_bytes_; }  // written so far, without framing
  bool has_body() const { return has_body_; }           // false: an answer to HEAD, 204, 304
  bool chunked_encoding() const { return chunked_; }    // once the head has been made
  // The connection that carries it; null before there is one and after the exchange (a response: once it is sent).
  virtual Socket* socket() const { return destroyed_ ? nullptr : sink_->socket(); }
  [[deprecated("use socket()")]] Socket* connection() const { return socket(); }

  Event<> on_drain;          // write() had answered false: what waited has gone
  RareEvent<> on_prefinish;  // end() was called and everything has been handed over
  Event<> on_finish;         // everything went to the system
  Event<std::error_code> on_error;  // the network's, destroy()'s, or ERR_STREAM_WRITE_AFTER_END
  Event<> on_close;  // last, and once
  RareEvent<> on_timeout;    // see set_timeout(); it only tells

 protected:
  // Node's _implicitHeader: sends the head; `length` is the whole body where that is known by now. A message that does
  // not know how throws ERR_METHOD_NOT_IMPLEMENTED.
  virtual void send_head(std::optional<std::uint64_t> length);

  // ---- for the messages that derive from it
  // The head waits in the outbox; it goes with what comes next.
  void head_is_made(const wire::HeadBuffer& head);
  // It was not taken out by remove_header().
  bool may_add(HeaderId automatic) const { return suppressed_ == 0 || !suppresses(automatic); }
  void suppress_automatic_headers() { suppressed_ = 0xff; }

  void call_when_sent(Done done);  // the bytes that wait now

  ByteSink* sink_;
  Arena& arena_;
  OutgoingHeaders headers_;                       // set so far, for an implicit head
  std::span<const std::string> unique_headers_;   // option uniqueHeaders, lower case
  std::optional<std::uint64_t> declared_length_;  // what the head's Content-Length says
  bool headers_sent_ = false;
  bool has_body_ = true;
  bool chunked_ = false;
  bool writing_ = false;       // there are bytes of a body, and more may follow
  bool refuses_body_ = false;  // option rejectNonStandardBodyWrites
  std::uint8_t suppressed_ = 0;

 private:
  friend class IncomingMessage;
  friend class ServerConnection;
  friend class ClientConnection;
  friend struct ClientTransaction;
  friend class ClientRequest;

  struct Extras;

  Extras& extras();
  void check_sent() const;
  bool suppresses(HeaderId automatic) const;
  void write_after_end(Done done);
  void check_length(std::size_t more, bool last) const {
    if (strict_content_length) compare_length(more, last);
  }
  void compare_length(std::size_t more, bool last) const;
  void piped(Bytes part);  // from IncomingMessage::pipe: borrowed until the flush
  void body(Bytes part, bool borrow);
  void frame(Bytes part, bool borrow);
  void frame_chunk(Bytes part, bool borrow);
  void put(Bytes part, bool borrow);
  void end_chunks();
  void flushed(std::size_t sent);  // by the connection, after a flush
  void all_sent();
  void call_finished();
  void call_waiting(std::size_t sent);
  void cut(std::error_code reason);
  // Errors and callbacks that must not come from inside write().
  void emit_pending() {
    if (extras_) tell_refused();
  }
  void tell_refused();
  void emit_error(std::error_code error);
  void emit_failure() {  // on_error, where it was cut for a reason that was not told yet
    if (cut_reason_) tell_cut();
  }
  void tell_cut();
  void emit_close();

  IncomingMessage* source_ = nullptr;  // what is piped into this message
  std::span<const Header> trailers_;
  std::unique_ptr<Extras> extras_;  // what few programs use
  std::uint64_t body_bytes_ = 0;
  std::optional<std::error_code> cut_reason_;
  std::uint32_t corked_ = 0;
  bool ended_ = false;
  bool finished_ = false;
  bool need_drain_ = false;
  bool destroyed_ = false;
};

}  // namespace culvert
