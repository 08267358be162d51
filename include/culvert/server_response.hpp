// ServerResponse: what a server answers. Made by Server with each request; valid until on_close.
#pragma once
#include "culvert/outgoing_message.hpp"

namespace culvert {

class ServerConnection;

class ServerResponse final : public OutgoingMessage {
 public:
  ServerResponse(ServerConnection& connection, ByteSink& sink, Arena& arena);

  // For an implicit head (write() or end() without write_head).
  std::uint16_t status_code = 200;
  std::string_view status_message;  // empty: the standard phrase; borrowed until the head is sent
  bool send_date = true;            // adds Date where the head has none
  // Node's shouldKeepAlive: whether the connection may carry another request. Setting it to false before the head
  // makes this answer the last one (Connection: close).
  bool should_keep_alive = true;

  // Sends the head now: these lines in this order, after those set before with other names. Throws
  // ERR_HTTP_HEADERS_SENT, ERR_HTTP_INVALID_STATUS_CODE, ERR_INVALID_CHAR. Text is read before this returns.
  void write_head(std::uint16_t status, std::string_view reason, std::span<const Header> lines);
  // A 1xx answer before the final one (100, 102, 103 ...). Nothing is sent to an HTTP/1.0 client.
  void write_information(std::uint16_t status, std::string_view reason, std::span<const Header> lines);
  // Only the end of the connection will end the body (an HTTP/1.0 client, a length that is not known).
  bool close_delimited() const { return close_delimited_; }
  void write_continue() { write_information(100, "Continue", {}); }

 private:
  void send_head(std::optional<std::uint64_t> length) override;
  void compose(std::uint16_t status, std::string_view reason, std::span<const Header> lines,
               std::optional<std::uint64_t> length);

  ServerConnection& connection_;
  bool close_delimited_ = false;
};

}  // namespace culvert
