// IncomingMessage: the half of an exchange that arrives. A request on a server, a response on a client. Node's
// http.IncomingMessage, in snake_case.
//
// Created by Server or Agent and handed to `request` or `response`; valid until on_close. All calls and events on the
// thread of the loop that carries the connection.
//
// Order of events: on_data* on_end on_close, or on_data* on_aborted on_error on_close where the connection ended first.
// Nothing is delivered until somebody wants it: a data listener, resume() or pipe(). on_end needs the body consumed.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>
#include <vector>

#include "culvert/bytes.hpp"
#include "culvert/endpoint.hpp"
#include "culvert/event.hpp"
#include "culvert/headers.hpp"

namespace culvert {

class OutgoingMessage;
class Socket;
struct ClientTransaction;
namespace wire {
struct MessageHead;
}

// Why a message does not flow. Bits, so that a stall can be printed.
enum class Pause : std::uint8_t {
  unread = 1,  // nobody has asked for the body yet
  user = 2,    // pause()
  sink = 4,    // the message it is piped into is full
};

// Node's message.headers: names in lower case, repeated lines joined, dropped or listed by Node's rules. Only
// "set-cookie" is a list.
class HeaderMap : public std::map<std::string, std::variant<std::string, std::vector<std::string>>, std::less<>> {
 public:
  // The text of a header; empty where it is absent, or a list.
  std::string_view text(std::string_view name) const;
  const std::vector<std::string>& list(std::string_view name) const;  // of one; empty where it is absent, or text
};
// Node's message.headersDistinct: every line by itself.
using DistinctHeaders = std::map<std::string, std::vector<std::string>, std::less<>>;

class IncomingMessage;

// on_data: adding the first listener makes the message flow, as in Node.
class DataEvent : public Event<Bytes> {
 public:
  explicit DataEvent(IncomingMessage& owner) : owner_(owner) {}  // by the message
  // Registers a listener, and makes the message flow.
  template <class F>
  ListenerId operator()(F&& listener);

 private:
  IncomingMessage& owner_;
};

// What carries a message's body to it: a connection.
class BodySource {
 public:
  virtual void flow_changed() = 0;                   // the message's pauses changed
  virtual void abort(std::error_code reason) = 0;    // destroy(): the connection goes with the message
  virtual Socket* socket() = 0;                      // null once the connection has gone, or serves another
  virtual bool joins_duplicates() const = 0;         // the option joinDuplicateHeaders

 protected:
  ~BodySource() = default;
};

class IncomingMessage {
 public:
  using milliseconds = std::chrono::milliseconds;

  explicit IncomingMessage(BodySource& source);  // by the connection
  virtual ~IncomingMessage();  // for programs that make their own kind (ServerOptions::make_request)
  IncomingMessage(const IncomingMessage&) = delete;
  IncomingMessage& operator=(const IncomingMessage&) = delete;

  // Requests; empty for a response.
  std::string_view method() const;
  std::string_view url() const;  // the target exactly as on the request line
  // Responses; 0 and empty for a request.
  std::uint16_t status_code() const;
  std::string_view status_message() const;

  std::string_view http_version() const;  // "1.1" or "1.0"
  int http_version_major() const { return 1; }  // always
  int http_version_minor() const;         // HTTP/1.x

  const HeaderList& raw_headers() const;  // in order, with their case and repetitions
  const HeaderList& raw_trailers() const { return trailers_ ? *trailers_ : no_trailers(); }  // filled at on_end
  // Views of the above, made when they are first asked for; trailers are empty before on_end.
  const HeaderMap& headers();
  const DistinctHeaders& headers_distinct();
  const HeaderMap& trailers();
  const DistinctHeaders& trailers_distinct();

  bool has_body() const;                  // the head announces one (it may still turn out empty)
  // What Content-Length said; 0 where there was none.
  std::uint64_t content_length() const;

  bool complete() const { return complete_; }    // received and parsed to its end
  bool ended() const { return ended_; }          // on_end has been emitted: everything was consumed
  bool aborted() const { return aborted_; }      // the connection ended before that
  bool destroyed() const { return destroyed_; }  // consumed, cut short or destroyed
  std::uint64_t body_bytes() const { return body_bytes_; }  // delivered so far
  // The connection it arrives on; null once that has gone, and for a response once its exchange is over.
  Socket* socket() const { return source_.socket(); }
  [[deprecated("use socket()")]] Socket* connection() const { return socket(); }
  std::uint32_t readable_high_water_mark() const;  // bytes: that of its connection

  void pause() { stop(Pause::user); }  // no on_data until resume()
  void resume();                       // also starts a message that nobody listens to: its body is thrown away
  std::uint8_t pauses() const { return pauses_; }  // bits of Pause; 0: it flows
  // Sends the body on into `sink`, borrowing it from the read buffer: the one place that joins write() with pause(),
  // drain with resume(). With `end`, sink.end() follows on_end.
  void pipe(OutgoingMessage& sink, bool end = true);
  // What comes from now on waits for somebody else to want it.
  void unpipe() {
    if (sink_ != nullptr) part_from_sink();
  }
  // Ends the connection it arrives on.
  IncomingMessage& destroy(std::error_code reason = {});
  // Of the connection: on_timeout after so long without a byte. `listener` hears of it once.
  IncomingMessage& set_timeout(milliseconds limit, Delegate<void()> listener = {});

  DataEvent on_data;  // valid during the call
  Event<> on_end;      // everything was consumed
  Event<> on_aborted;  // the connection ended first
  Event<std::error_code> on_error;  // after on_aborted: errc::aborted, or why it was destroyed
  Event<> on_close;  // last, and once
  RareEvent<> on_timeout;  // see set_timeout(); it only tells

 private:
  friend class DataEvent;
  friend class OutgoingMessage;
  friend class ServerConnection;
  friend class ClientConnection;
  friend struct ClientTransaction;

  struct Views;

  static const HeaderList& no_trailers();
  Views& views();
  void part_from_sink();
  void stop(Pause reason);
  void go(Pause reason);
  bool flows() const { return pauses_ == 0; }

  // Called by the connection.
  void open(const wire::MessageHead& head) { head_ = &head; }
  void deliver(Bytes part);
  void received(const HeaderList& trailers);  // the last byte is there; on_end follows once it was consumed
  bool emit_end() {                           // whether on_end has been emitted
    return !complete_ || ended_ || aborted_ || !flows() ? ended_ : tell_end();
  }
  bool tell_end();
  void cut(std::error_code reason);           // the connection ended early: marks; events follow in emit_close()
  // on_aborted, then on_error: each where it has to be told, and was not yet.
  void emit_aborted() {
    if (aborted_) tell_aborted();
  }
  void tell_aborted();
  void tell_cut();
  void emit_close();

  BodySource& source_;
  const wire::MessageHead* head_ = nullptr;
  const HeaderList* trailers_ = nullptr;
  OutgoingMessage* sink_ = nullptr;
  std::unique_ptr<Views> views_;
  std::uint64_t body_bytes_ = 0;
  std::optional<std::error_code> cut_reason_;
  std::uint8_t pauses_ = static_cast<std::uint8_t>(Pause::unread);
  bool end_sink_ = false;
  bool complete_ = false;
  bool ended_ = false;
  bool aborted_ = false;
  bool aborted_told_ = false;
  bool destroyed_ = false;
};

template <class F>
ListenerId DataEvent::operator()(F&& listener) {
  const ListenerId id = Event<Bytes>::operator()(std::forward<F>(listener));
  owner_.go(Pause::unread);
  return id;
}

}  // namespace culvert
