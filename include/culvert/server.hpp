// Server: takes byte streams and makes requests of them. Node's http.Server in snake_case; listening is the business
// of whoever accepts (adopt() is Node's emit('connection', socket)).
//
// One server belongs to one loop and one thread. Requests on one connection are handled strictly one after another;
// a pipelined request waits until the answer before it has been sent.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "culvert/bytes.hpp"
#include "culvert/event.hpp"
#include "culvert/incoming_message.hpp"
#include "culvert/loop.hpp"
#include "culvert/server_response.hpp"
#include "culvert/transport.hpp"

namespace culvert {

struct ServerOptions {
  using milliseconds = std::chrono::milliseconds;
  milliseconds headers_timeout{60'000};      // from the first byte (or the connection) to the end of the head; 0: none
  milliseconds request_timeout{300'000};     // to the end of the request's body; 0: none
  milliseconds keep_alive_timeout{5'000};    // idle between requests; 0: none. The peer is told a second less
  milliseconds timeout{0};                   // no byte in either direction; 0: none
  std::uint32_t max_requests_per_socket = 0; // 0: no limit; the last answer says Connection: close
  std::uint32_t max_header_size = 16 * 1024; // bytes of the head
  std::uint32_t max_headers_count = 2000;    // lines; more are refused with 431 (Node drops them silently)
  bool require_host_header = true;           // an HTTP/1.1 request without Host is answered 400
};

// What went wrong on a client's connection before there was a request to answer, or in place of its answer: parse
// errors, timeouts. Without a listener the connection gets a bare 400, 408, 413, 431 ... as in Node.
struct ClientError {
  std::error_code error;       // a wire::ParseError, errc::ERR_HTTP_REQUEST_TIMEOUT, or the network's
  std::uint16_t status = 400;  // what an answer should say
  std::size_t bytes_parsed = 0;
  Bytes raw_packet;            // the bytes at fault, where there are any; valid during the call
  const Endpoint& remote;
  IncomingMessage* request;    // the request whose body failed; null where no head was complete
  bool writable = false;       // an answer can still be sent
  // A complete HTTP response, sent as it stands before the connection is closed. Empty: closed without an answer.
  std::string response;
};

class ServerConnection;

class Server {
 public:
  Server(Loop& loop, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Serves a stream that somebody accepted.
  void adopt(std::unique_ptr<Transport> stream);
  // No more keep-alive: idle connections are closed now, the others after their answer (Connection: close).
  // on_closed follows when none is left.
  void close();
  void close_all_connections();
  bool closing() const { return closing_; }
  std::size_t connections() const { return connections_; }

  // Read when they are needed: a change holds from the next request on.
  ServerOptions options;

  Event<IncomingMessage&, ServerResponse&> on_request;
  // For a request with Expect: 100-continue. Without a listener the server sends 100 and emits on_request.
  Event<IncomingMessage&, ServerResponse&> on_check_continue;
  Event<ClientError&> on_client_error;
  Event<const Endpoint&> on_disconnect;  // a connection has gone
  Event<> on_closed;

 private:
  friend class ServerConnection;
  friend class ServerResponse;
  struct Shared;  // memory that connections borrow while they are busy
  void released(ServerConnection& connection);

  Loop& loop_;
  std::unique_ptr<Shared> shared_;
  std::size_t connections_ = 0;
  bool closing_ = false;
};

}  // namespace culvert
