// ClientRequest: a request on its way to an origin. Made by Agent::request(); valid until on_close.
//
// Order of events: on_socket, on_information*, on_response, on_finish, on_close; where it fails, on_error and on_close.
// on_response without a listener: the answer is read and thrown away.
#pragma once
#include <chrono>

#include "culvert/incoming_message.hpp"
#include "culvert/outgoing_message.hpp"
#include "culvert/transport.hpp"

namespace culvert {

class Agent;
class ClientConnection;
struct ClientTransaction;

struct RequestOptions {
  using milliseconds = std::chrono::milliseconds;
  std::string_view method = "GET";
  std::string_view path = "/";               // throws ERR_UNESCAPED_CHARACTERS where it is no request target
  std::span<const Header> headers{};         // sent as they are, in this order; borrowed until the head is sent
  milliseconds connect_timeout{0};           // from now, waiting for a free place included; 0: none
  milliseconds response_timeout{0};          // without progress until the response's head; 0: none
  milliseconds idle_timeout{0};              // without progress in the response's body; 0: none
};

// A 1xx answer other than 101. Valid during the call.
struct Information {
  std::uint16_t status_code;
  std::string_view status_message;
  const HeaderList& raw_headers;
};

class ClientRequest final : public OutgoingMessage {
 public:
  ClientRequest(ClientTransaction& transaction, ByteSink& sink, Arena& arena);

  std::string_view method() const { return method_; }
  std::string_view path() const { return path_; }
  // It went out on a connection that had served before: a reset before any answer may just be the keep-alive race.
  bool reused_socket() const { return reused_socket_; }
  // At least one byte of an answer has arrived.
  bool answered() const { return answered_; }
  // The connection that carries it stands (false while it waits for one).
  bool connected() const { return connected_; }

  Event<> on_socket;
  Event<const Information&> on_information;
  Event<IncomingMessage&> on_response;

 private:
  friend class Agent;
  friend class ClientConnection;
  friend struct ClientTransaction;
  void start(const RequestOptions& options);
  void send_head(std::optional<std::uint64_t> length) override;
  void moved_to(ByteSink& sink) { sink_ = &sink; }

  ClientTransaction& transaction_;
  std::string_view method_;
  std::string_view path_;
  std::span<const Header> lines_;  // RequestOptions::headers
  bool reused_socket_ = false;
  bool answered_ = false;
  bool connected_ = false;
};

}  // namespace culvert
