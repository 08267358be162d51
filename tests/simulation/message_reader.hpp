// Reads HTTP/1 messages as RFC 9112 writes them and nothing else: the simulation's own eyes, which share no code with
// what they look at.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "simulation/byte_queue.hpp"

namespace culvert::simulation {

using Fields = std::vector<std::pair<std::string, std::string>>;

// The first with that name, any case; null where there is none.
const std::string* find(const Fields& fields, std::string_view name);

// The code of culvert's reason for an answer of its own, in Proxy-Status; empty: it is not its own.
std::string reason_in(const Fields& fields);

class MessageReader {
 public:
  enum class Kind : std::uint8_t { request, response };

  struct Head {
    std::string method;  // of a request
    std::string target;
    int status = 0;  // of a response
    int minor_version = 1;
    Fields fields;
    bool closes() const;  // the connection ends with this message
  };

  class Reader {
   public:
    // Whether a body follows where the head says so: none does after HEAD.
    virtual bool on_head(const Head& head) = 0;
    virtual void on_body(std::string_view part) = 0;
    virtual void on_message_end(const Fields& trailers) = 0;

   protected:
    ~Reader() = default;
  };

  MessageReader(Kind kind, Reader& reader) : kind_(kind), reader_(reader) {}

  void feed(std::string_view bytes);
  void end();  // of the stream: a body without a length is complete
  // No further message comes, only bytes: the body of one that ends with the stream. After a 101 it is so by itself.
  void leave_http();
  // No message has begun.
  bool between() const { return state_ == State::head && buffer_.empty(); }
  // What was wrong with the bytes; empty so far.
  const std::string& broken() const { return broken_; }

 private:
  enum class State : std::uint8_t { head, length, chunk_size, chunk, chunk_end, trailers, until_close };

  bool step();
  bool read_head();
  bool read_chunk_size();
  bool read_trailers();
  bool take_body(State next);
  bool start_line(std::string_view line);
  void choose_framing(bool body);
  bool add_field(std::string_view line, Fields& to);
  bool fail(std::string what);
  void message_ends();

  const Kind kind_;
  Reader& reader_;
  State state_ = State::head;
  ByteQueue buffer_;
  Head head_;
  Fields trailers_;
  std::uint64_t left_ = 0;
  std::string broken_;
};

}  // namespace culvert::simulation
