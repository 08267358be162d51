// ClientRequest: a request on its way to an origin. Made by Http::request() or Agent::request(); valid until on_close.
// Node's http.ClientRequest in snake_case.
//
// Order of events:
//   success                      on_socket, on_information*, on_finish and on_response, on_close
//   it fails before an answer    on_socket (unless there was none), on_error, on_close
//   it is cut after the head     on_socket, on_response, response on_aborted, on_close, response on_error, on_close
//   CONNECT, Upgrade             on_socket, on_connect or on_upgrade, on_close
// on_response without a listener: the answer is read and thrown away.
#pragma once
#include <chrono>
#include <functional>
#include <stop_token>

#include "culvert/incoming_message.hpp"
#include "culvert/network.hpp"
#include "culvert/outgoing_message.hpp"
#include "culvert/secure_context.hpp"
#include "culvert/socket.hpp"

namespace culvert {

inline constexpr std::uint32_t unlimited = 0xffff'ffff;  // Node's Infinity

class Agent;
class ClientConnection;
class ConnectionCreated;
class Http;
struct ClientTransaction;
struct ConnectionOptions;

// What a relay says of a request on an origin that it knows (Agent::origin). Text is borrowed during the call, `headers`
// until the head is sent.
struct PooledRequest {
  using milliseconds = std::chrono::milliseconds;
  std::string_view method = "GET";           // a token
  std::string_view path = "/";               // throws ERR_UNESCAPED_CHARACTERS where it is no request target
  std::span<const Header> headers{};         // sent as they are, in this order
  bool repeatable = true;                    // may be sent twice: it is idempotent, and its body can be sent again
  Bytes preface{};                           // sent before it, on a connection that no other request gets; copied
  milliseconds connect_timeout{0};           // from now, waiting for a free place included; 0: none
  milliseconds response_timeout{0};          // without progress until the response's head; 0: none
  milliseconds idle_timeout{0};              // without progress in the response's body; 0: none
};

// Node's options of http.request(), with its defaults. Text is borrowed during the call.
struct RequestOptions {
  using milliseconds = std::chrono::milliseconds;
  using Fields = std::vector<std::pair<std::string_view, std::string_view>>;  // names and values

  std::string_view protocol{};              // empty: the agent's ("http:", by TLS "https:")
  std::string_view host{};                  // empty: "localhost"
  std::string_view hostname{};              // wins over host
  std::uint16_t port = 0;                   // 0: default_port
  std::uint16_t default_port = 0;           // left out of Host; 0: the agent's (80, by TLS 443)
  std::string_view socket_path{};           // a Unix socket in place of host and port
  std::string_view method = "GET";          // a token
  std::string_view path{};                  // empty: "/"
  Fields headers{};                         // each as set_header() would; names that repeat make several lines
  bool raw_headers = false;                 // Node's flat list: sent as they are, no Host is added
  std::string_view auth{};                  // "user:password" for Authorization: Basic
  // agent: null is the Http's global agent; own_agent is Node's `agent: false`: a new one for this request alone.
  Agent* agent = nullptr;
  bool own_agent = false;
  // Where no agent is named: makes the stream of this request alone, see Agent::create_connection.
  std::function<Result<std::unique_ptr<Transport>>(const ConnectionOptions&, ConnectionCreated)> create_connection{};
  std::optional<ConnectOptions> connect{};  // localAddress, localPort, noDelay, keepAlive ...; none: the agent's
  // Of an agent that speaks TLS: by whose rules (null: the agent's), and who has to be there (empty: the host).
  std::shared_ptr<const SecureContext> secure_context{};
  std::string_view servername{};
  int family = 0;                           // 4, 6; 0: the agent's
  int hints = 0;                            // of the lookup
  Resolver* lookup = nullptr;               // who knows names; null: the Http's
  milliseconds timeout{0};                  // of the socket, set before it is connected; see on_timeout
  std::uint32_t max_header_size = 0;        // bytes of a response's head; 0: the agent's, else Http::max_header_size
  std::optional<std::uint32_t> max_headers_count{};  // lines of a response's head; none: the agent's. 0: no limit
  bool insecure_http_parser = false;        // lenient
  bool join_duplicate_headers = false;      // of the response, see IncomingMessage::headers()
  std::vector<std::string> unique_headers{};  // lists are sent as one line, joined with "; "
  bool set_default_headers = true;          // Connection, Content-Length, Transfer-Encoding, Host
  std::optional<bool> set_host{};           // none: as set_default_headers
  std::stop_token signal{};                 // ends it with errc::ABORT_ERR, from any thread
};

// A 1xx answer other than 101. Valid during the call.
struct Information {
  // As those of IncomingMessage.
  std::uint16_t status_code;
  std::string_view status_message;
  const HeaderList& raw_headers;
  int http_version_minor = 1;
  int http_version_major() const { return 1; }
  std::string_view http_version() const { return http_version_minor == 0 ? "1.0" : "1.1"; }
  HeaderMap headers() const;
};

class ClientRequest final : public OutgoingMessage {
 public:
  ClientRequest(ClientTransaction& transaction, ByteSink& sink, Arena& arena);  // by the agent
  ~ClientRequest() override;

  // As asked for.
  std::string_view method() const { return method_; }
  std::string_view path() const { return path_; }
  std::string_view host() const;
  std::string_view protocol() const;  // "http:"
  Agent& agent() const;               // who makes and keeps its connection
  // It went out on a connection that had served before: a reset before any answer may just be the keep-alive race. The
  // library never retries by itself.
  bool reused_socket() const { return reused_socket_; }
  // At least one byte of an answer has arrived.
  bool answered() const { return answered_; }
  // The connection that carries it stands (false while it waits for one).
  bool connected() const { return connected_; }

  // Once there is a connected socket.
  ClientRequest& set_no_delay(bool on = true);
  ClientRequest& set_socket_keep_alive(bool on = true, milliseconds initial_delay = milliseconds{0});

  [[deprecated("use destroy()")]] void abort();
  [[deprecated("use destroyed()")]] bool aborted() const { return aborted_; }

  std::uint32_t max_headers_count = 2000;  // lines of the response's head; 0: no limit. More are ignored

  RareEvent<Socket&> on_socket;  // new or reused; not for a PooledRequest, whose relay has no use for it
  RareEvent<> on_continue;  // 100: the peer wants the body
  Event<const Information&> on_information;  // 1xx but 101
  Event<IncomingMessage&> on_response;       // its head is there; the body flows when somebody listens
  // The socket has left the agent and is a stream of its own, with the bytes that came behind the head; the listener
  // takes it (std::move), else it is closed. Without a listener the connection is closed.
  RareEvent<IncomingMessage&, std::unique_ptr<Socket>&, Bytes> on_connect;
  RareEvent<IncomingMessage&, std::unique_ptr<Socket>&, Bytes> on_upgrade;
  RareEvent<> on_abort;

 private:
  friend class Agent;
  friend class Http;
  friend class ClientConnection;
  friend struct ClientTransaction;
  struct Asked;  // what few requests ask for

  void start(const PooledRequest& options);
  void start(const RequestOptions& options);
  void take_headers(const RequestOptions& options);
  void take_socket_options(const RequestOptions& options);
  void watch(const std::stop_token& signal);
  Asked& asked();
  // What was asked for before there was a socket.
  void apply_to_assigned(Socket& socket);
  void apply_to_connected(Socket& socket);
  void timeout_once_connected(milliseconds limit);
  void send_head(std::optional<std::uint64_t> length) override;
  void frame_body(wire::HeadBuffer& head, std::optional<std::uint64_t> length, bool has_trailer);

  ClientTransaction& transaction_;
  std::string_view method_;
  std::string_view path_;
  std::span<const Header> lines_;  // PooledRequest::headers
  std::unique_ptr<Asked> asked_;
  bool reused_socket_ = false;
  bool answered_ = false;
  bool connected_ = false;
  bool aborted_ = false;
  bool frames_by_default_ = true;     // a body of unknown length is chunked (Node's useChunkedEncodingByDefault)
  bool set_host_ = true;
};

}  // namespace culvert
