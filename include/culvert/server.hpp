// Server: takes byte streams and makes requests of them. Node's http.Server in snake_case. It listens by itself
// (listen()), or takes the streams that somebody else accepted (adopt(), Node's emit('connection', socket)).
//
// One server belongs to one loop and one thread. Requests on one connection are handled strictly one after another;
// a pipelined request waits until the answer before it has been sent.
//
// Events of a request, in order: on_request (or on_check_continue, on_check_expectation, on_drop_request), then those of
// the two messages: request on_end, response on_prefinish, on_finish, on_close, request on_close.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "culvert/bytes.hpp"
#include "culvert/event.hpp"
#include "culvert/incoming_message.hpp"
#include "culvert/network.hpp"
#include "culvert/server_response.hpp"
#include "culvert/socket.hpp"

namespace culvert {

class Http;

// Node's options of http.createServer(), with its defaults.
struct ServerOptions {
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds automatic{-1};  // for headers_timeout

  // Bounds on receiving a request; on expiry 408. 0: none. headers_timeout: from the first byte (or the connection) to the
  // end of the head; automatic is request_timeout, at most a minute. More than request_timeout: ERR_OUT_OF_RANGE.
  milliseconds headers_timeout = automatic;
  milliseconds request_timeout{300'000};     // to the end of the request's body
  milliseconds connections_checking_interval{30'000};  // how often they are looked at: a 408 may be so much late; 0: never late
  milliseconds keep_alive_timeout{5'000};    // idle between requests; 0: none. We wait a second longer than we promise
  milliseconds timeout{0};                   // of sockets: no byte in either direction, see on_timeout; 0: none
  std::uint32_t max_requests_per_socket = 0; // 0: no limit; the last answer says Connection: close, later ones 503
  std::uint32_t max_header_size = 0;         // bytes of a head; 0: Http::max_header_size. More: 431
  std::uint32_t max_headers_count = 2000;    // lines; 0: no limit. More are ignored (with `strict`: 431)
  bool require_host_header = true;           // an HTTP/1.1 request without Host is answered 400
  bool insecure_http_parser = false;         // lenient: bare LF, Content-Length beside chunked ... To be avoided
  bool join_duplicate_headers = false;       // message.headers() joins the lines of which it otherwise keeps the first
  bool reject_non_standard_body_writes = false;  // a body for HEAD, 204, 304 throws ERR_HTTP_BODY_NOT_ALLOWED
  std::vector<std::string> unique_headers;   // of responses: lists are sent as one line, joined with "; "
  std::uint32_t high_water_mark = Socket::default_high_water_mark;  // bytes; of sockets, requests and responses
  bool no_delay = true;                      // TCP_NODELAY of accepted connections
  bool keep_alive = false;                   // SO_KEEPALIVE of accepted connections ...
  milliseconds keep_alive_initial_delay{0};  // ... first probe after; 0: the system's choice
  // Beyond Node, for those who face the Internet. `strict`: RFC 9110 and 9112 where Node departs from them: ambiguous
  // requests are refused, CONNECT without listener is a request, the last answer of a socket closes it.
  bool strict = false;
  std::uint64_t min_body_rate = 0;           // bytes a second of a request's body while it is read, else 408; 0: none
  milliseconds min_body_rate_interval{10'000};  // over which that is measured
  milliseconds send_timeout{0};              // then a client that takes nothing of its answer is let go; 0: never
  bool allow_half_open = false;              // an answer is still sent to a client that has shut its sending side
  // Programs with message types of their own; empty: IncomingMessage, ServerResponse.
  std::function<std::unique_ptr<IncomingMessage>(BodySource&)> make_request;
  std::function<std::unique_ptr<ServerResponse>(const ServerResponse::Place&)> make_response;
};

// What went wrong on a client's connection before there was a request to answer, or in place of its answer: parse
// errors, timeouts.
struct ClientError {
  std::error_code error;       // a wire::ParseError, errc::ERR_HTTP_REQUEST_TIMEOUT, or the network's
  std::uint16_t status = 400;  // what an answer should say
  std::size_t bytes_parsed = 0;  // of raw_packet, before the fault
  Bytes raw_packet;            // the bytes at fault, where there are any; valid during the call
  IncomingMessage* request;    // the request whose body failed; null where no head was complete
  bool head_sent = false;      // an answer has begun: another would be taken for a part of it
};

class ServerConnection;

class Server {
 public:
  using milliseconds = std::chrono::milliseconds;

  // Throws ERR_OUT_OF_RANGE (timeouts that contradict each other).
  explicit Server(Http& http, ServerOptions options = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds and listens; on_listening or on_error follow later. Throws ERR_SERVER_ALREADY_LISTEN. A host that is a name
  // is looked up first. Without a host: every address, of both families where there is IPv6. Port 0: a free one, see
  // address().
  Server& listen(std::uint16_t port = 0, std::string_view host = {}, int backlog = 511, Delegate<void()> listening = {});
  Server& listen(std::uint16_t port, std::string_view host, Delegate<void()> listening) {
    return listen(port, host, 511, std::move(listening));
  }
  Server& listen(const ListenOptions& options, Delegate<void()> listening = {});
  bool listening() const { return acceptor_ != nullptr; }  // until close()
  Endpoint address() const { return acceptor_->local(); }  // while it listens: with the port that was chosen

  // Serves a stream that somebody accepted. `first`: what he has read of it already, in the loop's scratch buffer or
  // anywhere else until this returns.
  void adopt(std::unique_ptr<Transport> stream, Bytes first = {});
  // No more connections and no more keep-alive: idle connections are closed now, the others after their answer
  // (Connection: close). on_close follows when none is left; `closed` hears of it, or ERR_SERVER_NOT_RUNNING where the
  // server was closed before.
  Server& close(Delegate<void(std::error_code)> closed = {});
  void close_all_connections();   // but those that were upgraded
  void close_idle_connections();  // which have served a request and wait for the next
  bool closing() const { return closing_; }                // close() was called
  std::size_t connections() const { return connections_; }  // open, idle ones included

  // Of sockets from now on; they only tell where somebody listens, else they are destroyed.
  Server& set_timeout(milliseconds limit, Delegate<void(Socket&)> listener = {});

  // Read when they are needed: a change holds from the next request on (that of timeout: from the next connection).
  ServerOptions options;

  // The head of a request has arrived. Without a listener it is never answered.
  Event<IncomingMessage&, ServerResponse&> on_request;
  // For a request with Expect: 100-continue, in place of on_request. Without a listener the server sends 100.
  Event<IncomingMessage&, ServerResponse&> on_check_continue;
  // For any other expectation, in place of on_request. Without a listener: 417.
  RareEvent<IncomingMessage&, ServerResponse&> on_check_expectation;
  // A socket has had its max_requests_per_socket; 503 is on its way.
  RareEvent<IncomingMessage&, Socket&> on_drop_request;
  // CONNECT, Upgrade: the socket is a stream of its own now, with the bytes that came behind the head. The listener
  // takes it (std::move); else it is closed. The request is valid until its on_close, later in this turn. Without a
  // listener for CONNECT the connection is closed, an Upgrade is an ordinary request.
  RareEvent<IncomingMessage&, std::unique_ptr<Socket>&, Bytes> on_connect;
  RareEvent<IncomingMessage&, std::unique_ptr<Socket>&, Bytes> on_upgrade;
  // The listener ends or destroys the socket, now or later; it may write a whole response first where that is still
  // writable. Without a listener: a bare 400, 408, 413, 431 ... and the connection is closed.
  Event<ClientError&, Socket&> on_client_error;
  // A stream was taken. The socket is the connection's.
  RareEvent<Socket&> on_connection;
  RareEvent<Socket&> on_timeout;         // see set_timeout()
  RareEvent<> on_listening;              // follows listen()
  RareEvent<std::error_code> on_error;   // could not listen, or not accept
  Event<> on_close;                      // follows close(), when no connection is left

 private:
  friend class ServerConnection;
  friend class ServerResponse;
  struct Shared;  // what its connections share
  void resolve_options();
  void look_up(const ListenOptions& where);
  void open(const ListenOptions& where);
  void tell_listening(std::error_code error);
  void stop_listening();
  void released(ServerConnection& connection);
  void tell_later(Delegate<void()> call);

  Http& http_;
  Loop& loop_;
  std::unique_ptr<Shared> shared_;
  std::unique_ptr<Acceptor> acceptor_;
  Resolution lookup_;  // of the name to listen on
  std::size_t connections_ = 0;
  bool closing_ = false;
};

}  // namespace culvert
