// ServerResponse: what a server answers. Made by Server with each request; valid until on_close. Node's
// http.ServerResponse in snake_case.
//
// Lines of a head on the wire: status line, the program's own in the order set, Date, Connection, Keep-Alive, then
// Content-Length or Transfer-Encoding.
#pragma once
#include <cstddef>
#include <vector>

#include "culvert/outgoing_message.hpp"
#include "culvert/socket.hpp"

namespace culvert {

class ServerConnection;

class ServerResponse : public OutgoingMessage {
 public:
  // Where a response belongs; for programs that make their own kind (ServerOptions::make_response).
  struct Place {
    // What a constructor hands on.
    ServerConnection& connection;
    ByteSink& sink;
    Arena& arena;
    IncomingMessage& request;
  };
  explicit ServerResponse(const Place& place);  // by the server, or for it

  // For an implicit head (write() or end() without write_head); afterwards, what was sent.
  std::uint16_t status_code = 200;
  std::string_view status_message;  // empty: the standard phrase; borrowed until the head is made
  bool send_date = true;            // adds Date where the head has none
  // Node's shouldKeepAlive: whether the connection may carry another request. Setting it to false before the head
  // makes this answer the last one (Connection: close).
  bool should_keep_alive = true;
  IncomingMessage& req;  // what is answered

  // Makes the head now: these lines in this order, after those set before with other names. The bytes go with the first
  // write(), end() or flush_headers(). Throws ERR_HTTP_HEADERS_SENT, ERR_HTTP_INVALID_STATUS_CODE,
  // ERR_INVALID_HTTP_TOKEN, ERR_INVALID_CHAR, ERR_HTTP_TRAILER_INVALID. Text is read before this returns.
  ServerResponse& write_head(std::uint32_t status, std::string_view reason, std::span<const Header> lines);
  ServerResponse& write_head(std::uint32_t status) { return write_head(status, {}, std::span<const Header>()); }
  // Node's flat list: name, value, name, value ... An odd number is ERR_INVALID_ARG_VALUE.
  ServerResponse& write_head(std::uint32_t status, std::string_view reason, Values flat);
  ServerResponse& write_head(std::uint32_t status, Values flat) { return write_head(status, {}, flat); }
  // For relays, whose lines were checked when they came in.
  void relay_head(std::uint16_t status, std::string_view reason, std::span<const Header> lines);

  // 1xx answers before the final one. Nothing is sent to an HTTP/1.0 client. After the head: ERR_HTTP_HEADERS_SENT.
  void write_continue(Done done = {});
  void write_processing(Done done = {});
  // 103 with one Link line of these links, and further lines. No link: nothing is sent. A malformed link is
  // ERR_INVALID_ARG_VALUE; a relay, which must not judge, uses write_information().
  void write_early_hints(std::span<const std::string_view> links, std::span<const Header> lines = {}, Done done = {});
  void write_early_hints(Values links, std::span<const Header> lines = {}, Done done = {}) {
    write_early_hints(std::span<const std::string_view>(links.begin(), links.size()), lines, std::move(done));
  }
  // Any 1xx but 101, with these lines as they are.
  void write_information(std::uint16_t status, std::string_view reason, std::span<const Header> lines, Done done = {});

  // Beyond Node: the last that HTTP says on this connection, a head of these lines and nothing else (101, or 200 to
  // CONNECT), still to be sent. The stream is the caller's then, with what the client had sent behind its request (`early`);
  // both messages close later in this turn. Only once the request is complete, and before any other head.
  BareStream switch_protocols(std::uint16_t status, std::string_view reason, std::span<const Header> lines,
                              std::vector<std::byte>& early);

  // Only the end of the connection will end the body (an HTTP/1.0 client, a length that is not known).
  bool close_delimited() const { return close_delimited_; }
  Socket* socket() const override { return writable_finished() ? nullptr : OutgoingMessage::socket(); }

 private:
  friend class ServerConnection;
  void send_head(std::optional<std::uint64_t> length) override;
  void send_bare_head(std::uint16_t status, std::string_view reason, std::span<const Header> lines);
  void compose(std::uint16_t status, std::string_view reason, std::span<const Header> lines,
               std::optional<std::uint64_t> length);

  ServerConnection& connection_;
  bool close_delimited_ = false;
};

}  // namespace culvert
