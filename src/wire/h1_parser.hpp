// HTTP/1 bytes to messages: start_line.hpp for the first line, llhttp for the chunks, a guard of our own in front of all
// lines (head_guard.hpp) so that every packaged llhttp is equally strict, and framing.hpp for the one judgement of where
// a message ends. No I/O.
//
//   idle --first byte--> head --blank line--> on_head --> body --last byte--> on_complete --> idle
//                                                  \--> stopped (CONNECT, Upgrade: the rest is not HTTP)
//
// One parser serves one direction of one connection. Text of the head is copied into the arena given to begin();
// body bytes are views into what was fed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

#include "base/arena.hpp"
#include "culvert/bytes.hpp"
#include "culvert/headers.hpp"
#include "wire/head_guard.hpp"
#include "wire/message_head.hpp"
#include "wire/parse_error.hpp"

namespace culvert::wire {

// What the owner knows of the body that the message itself cannot say.
enum class BodyRule : std::uint8_t {
  as_framed,  // read what the framing announces
  none,       // response to HEAD: no body whatever the head says
  stop,       // the head is the end of HTTP here: leave the rest of the bytes alone (CONNECT 2xx, 101)
};

class H1Handler {
 public:
  // The head is complete and its framing judged. Called once for each message; 1xx responses are messages of their own.
  virtual BodyRule on_head() = 0;
  virtual void on_body(Bytes part) = 0;
  // The message is complete; trailers(), if any, are filled, without the names that may not be trailers (framing,
  // hop-by-hop, protected_). Feeding stops after this call.
  virtual void on_complete() = 0;

 protected:
  ~H1Handler() = default;
};

struct Fed {
  std::size_t consumed = 0;   // bytes used; fewer than offered when the message was complete, paused or stopped
  std::error_code error;      // a ParseError: the connection cannot go on, and `consumed` says only about where
};

class H1Parser {
 public:
  H1Parser(MessageKind kind, H1Handler& handler);
  ~H1Parser() = default;
  H1Parser(const H1Parser&) = delete;
  H1Parser& operator=(const H1Parser&) = delete;

  // Starts on a new message whose text goes into `arena`; forgets the last one.
  void begin(Arena& arena, const ParserLimits& limits);
  // Parses until the bytes are used up, the message is complete, pause() was called, or something is wrong.
  Fed feed(Bytes bytes);
  // The stream has ended: completes a message that is delimited by the end, else an error (HPE_INVALID_EOF_STATE),
  // or nothing where no message had begun.
  std::error_code finish();
  // From inside on_head or on_body: feed() returns after this callback. The next feed() goes on.
  void pause();

  MessageHead& head();
  HeaderList& trailers();
  bool has_begun() const;      // at least one byte of the message has been seen (blank lines before it do not count)
  bool in_line() const;        // some of a line of the head is kept until the rest arrives: perhaps only its CR
  bool head_complete() const;
  bool complete() const;
  bool stopped() const;        // the owner's on_head said BodyRule::stop
  std::uint64_t body_bytes() const;  // of this message, without chunk framing

 private:
  struct State;
  State& state() { return *reinterpret_cast<State*>(storage_); }
  const State& state() const { return *reinterpret_cast<const State*>(storage_); }
  // Inline, so that a parser costs no allocation; opaque, so that llhttp.h stays in its room.
  alignas(std::max_align_t) std::byte storage_[272];
};

}  // namespace culvert::wire
