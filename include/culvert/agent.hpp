// Agent: connections to origins, kept for reuse. Node's http.Agent in snake_case. One agent, one loop, one thread.
//
// Not to be destroyed from inside an event of its requests or sockets: there, hand it to Loop::retire().
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "culvert/client_request.hpp"
#include "culvert/network.hpp"
#include "culvert/secure_context.hpp"
#include "culvert/socket.hpp"

namespace culvert {

class Http;
namespace net {
class TlsDestination;
}

// Node's options of new http.Agent(), with its defaults.
struct AgentOptions {
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds no_check = std::chrono::hours(1'000'000);  // see check_free_after
  enum class Scheduling : std::uint8_t { lifo, fifo };  // the free connection used last, or first

  bool keep_alive = false;                      // connections are kept for the next request
  milliseconds keep_alive_msecs{1000};          // delay of the first TCP keep-alive probe on a free connection
  std::uint32_t max_sockets = unlimited;        // to one origin
  std::uint32_t max_total_sockets = unlimited;  // to all; 0: ERR_OUT_OF_RANGE
  std::uint32_t max_free_sockets = 256;         // idle, to one origin
  Scheduling scheduling = Scheduling::lifo;     // which of the free ones is taken
  milliseconds timeout{0};                      // of sockets; an idle one is closed after it. 0: none
  // Borrowed; what requests may ask for, see ERR_INVALID_PROTOCOL. Empty: "http:", by TLS "https:".
  std::string_view protocol{};
  std::uint16_t default_port = 0;               // left out of Host. 0: 80, by TLS 443
  // For every socket that the agent makes, where the request does not say otherwise.
  ConnectOptions connect{};
  int family = 0;
  // By TLS: Node's https.Agent. Null: without. Requests may have another one, and another name.
  std::shared_ptr<const SecureContext> secure_context{};
  // Of responses, where the request does not say otherwise; see RequestOptions.
  std::uint32_t max_header_size = 0;            // bytes; 0: Http::max_header_size
  std::uint32_t max_headers_count = 2000;       // lines; 0: no limit
  bool insecure_http_parser = false;            // lenient
  // Beyond Node: RFC 9112 where Node departs from it, see wire::Rules.
  bool strict = false;
  // Beyond Node: how long each origin keeps idle connections is obeyed where it says so (also `max` of Keep-Alive), and
  // learned where it does not; one that was free for more than a moment is looked at before it carries a request, and a
  // request that cannot be repeated gets none whose time may be up. See docs/pool.md.
  bool self_tuning = false;
  milliseconds check_free_after{10};  // of self_tuning: the moment. no_check: only where it cannot be repeated
  // Beyond Node: requests that wait for a place, to one origin; one more fails with errc::queue_full. 0: no limit
  std::uint32_t max_pending = 0;
  // Beyond Node: how long one waits, before its connect_timeout begins. 0: within its connect_timeout
  milliseconds pending_timeout{0};
};

// What has become of an agent's connections so far.
struct AgentStatistics {
  std::uint64_t opened = 0;           // connections
  std::uint64_t reused = 0;           // requests on a connection that had served before
  std::uint64_t closed_promised = 0;  // free, or to become free: before the origin, as it had said
  std::uint64_t closed_learned = 0;   // the same, as was learned
  std::uint64_t closed_by_origin = 0; // while they were free
  std::uint64_t stale_at_check = 0;   // closed by the origin as well, which was seen when it was to be used
  std::uint64_t stale_at_use = 0;     // which was seen when it had been used
};

// What a connection is made from: one row of what get_name() tells apart.
struct ConnectionOptions {
  const Address& address;    // where to: resolved, a name, or a path
  ConnectOptions connect;    // of the socket
  LookupOptions lookup;      // of the name
  Resolver* resolver;        // who knows names
  net::TlsDestination* tls;  // whom to speak TLS with on it, by secured(); null: without
};

class ClientConnection;
struct ClientTransaction;

// Where a stream is delivered that create_connection() could not return at once. Only the first result counts; after it,
// or when nobody waits any more, a call does nothing. Dropped without a call, the request waits for ever.
class ConnectionCreated {
 public:
  struct Pending;
  explicit ConnectionCreated(Pending& pending);  // by the agent
  ConnectionCreated(ConnectionCreated&& other) noexcept;
  ConnectionCreated& operator=(ConnectionCreated&& other) = delete;
  ~ConnectionCreated();
  void operator()(Result<std::unique_ptr<Transport>> stream);  // here it is, or why there is none

 private:
  friend class Agent;
  Pending* pending_;  // counted
};

class Agent : public Retired {
 public:
  using milliseconds = std::chrono::milliseconds;
  // Everything that makes two connections interchangeable, with what is open to it: a row of Node's sockets,
  // freeSockets and requests tables.
  class Origin;

  // Throws ERR_OUT_OF_RANGE, ERR_INVALID_ARG_VALUE.
  explicit Agent(Http& http, AgentOptions options = {});
  ~Agent() override;
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // For relays: the row of an address, which stays until it is released as often as it was asked for, and a request on it.
  // Starts on a free connection, else on a new one, else it waits its turn. Events follow later, never from inside this call.
  // `servername`: who has to be there, by TLS; empty: whom the address names.
  Origin& origin(const Address& address, std::string_view servername = {});
  // Its idle connections are closed, requests under way go on.
  void release(Origin& origin);
  // Its idle connections are closed; those that become idle later are kept.
  void close_free(Origin& origin);
  // The same for a request that follows at once: the row goes when nobody uses it any more.
  Origin& origin_once(const Address& address, std::string_view servername = {});
  ClientRequest& request(Origin& origin, const PooledRequest& options);
  ClientRequest& request(const Address& address, const PooledRequest& asked) {
    return request(origin_once(address), asked);
  }
  // A stream to an origin whose address is resolved, made as connections of the agent are, for who speaks no HTTP on it. It
  // is none of the agent's. See Connector::connect.
  Result<std::unique_ptr<Transport>> connect(Origin& origin);
  // Node's http.request({agent: this, ...}); see Http::request.
  ClientRequest& request(const RequestOptions& options);

  // Closes every connection, free and busy; requests under way or waiting get errc::socket_hang_up. Sockets that have
  // left it (Socket::agent_remove) stay. It may be used again.
  void destroy();
  // Closes those that nobody uses, and keeps none from now on.
  void drain();

  // "host:port:local_address", ":family" where it is 4 or 6, ":path" of a Unix socket, ":servername:context" by TLS. What
  // differs in it never shares a connection; agents of other transports add what makes theirs differ.
  virtual std::string get_name(const RequestOptions& options) const;

  // Node's sockets, freeSockets and requests: by name, rows without entries are left out. Snapshots.
  std::map<std::string, std::vector<Socket*>> sockets() const;
  std::map<std::string, std::vector<Socket*>> free_sockets() const;
  std::map<std::string, std::vector<ClientRequest*>> requests() const;
  std::size_t sockets(const Origin& origin) const;       // in use
  std::size_t free_sockets(const Origin& origin) const;  // idle
  std::size_t requests(const Origin& origin) const;      // waiting
  std::size_t total_sockets() const { return total_; }   // open, of all origins
  const AgentStatistics& statistics() const { return statistics_; }  // since it was made

  // Called (later in the turn) when nothing is open or under way.
  void when_idle(Delegate<void()> call);

  // Read when they are needed: limits hold from the next request or release on.
  AgentOptions options;

 protected:
  friend class Http;

  // Makes the stream for a connection: returns it, or an error, or nothing where `created` is called with it later. The
  // first of the two counts. By default: looks the name up where it is one, then dials; by TLS where it is to.
  virtual Result<std::unique_ptr<Transport>> create_connection(const ConnectionOptions& options,
                                                               ConnectionCreated created);
  // `wire`, on its way to be connected, as a stream of the agent's: by TLS where `options` say so.
  Result<std::unique_ptr<Transport>> secured(Result<std::unique_ptr<Transport>> wire, const ConnectionOptions& options);
  // A response has ended and `socket` could be kept: false closes it. By default turns TCP keep-alive probes on.
  virtual bool keep_socket_alive(Socket& socket);
  // A free socket is about to carry `request`.
  virtual void reuse_socket(Socket& socket, ClientRequest& request);

 private:
  friend class ClientConnection;
  friend class ClientRequest;
  friend struct ClientTransaction;
  friend class ConnectionCreated;
  using Pending = ConnectionCreated::Pending;

  std::unique_ptr<Origin> make_origin(std::string name, Address address, std::string_view host, std::string field,
                                      const RequestOptions& asked) const;
  Origin& origin_named(std::string name, const RequestOptions& options);
  void drop_unused(Origin& origin);
  void tell_if_idle();
  template <class Asked>
  ClientRequest& start(Origin& origin, const Asked& asked, milliseconds connect_timeout);
  ClientConnection* take_free(Origin& origin, bool repeatable);
  ClientConnection* take_checked(Origin& origin, bool repeatable);
  void queue(ClientTransaction& transaction, milliseconds connect_timeout);
  bool may_open(const Origin& origin) const;
  bool may_keep(const Origin& origin) const;
  void make_room_for(const Origin& origin);
  void open(Origin& origin, ClientTransaction& transaction);
  void created(Pending& pending, Result<std::unique_ptr<Transport>> stream);
  void give_up(ClientTransaction& transaction);
  void give_back(ClientConnection& connection);
  void hand_on(ClientConnection& connection);
  void forget(ClientConnection& connection, bool was_free);
  void gone(ClientConnection& connection);
  void serve_waiting(Origin& preferred);
  void close_free();
  void finished(ClientTransaction& transaction);
  std::unique_ptr<Transport> make_secure(std::unique_ptr<Transport> wire, net::TlsDestination& destination,
                                         std::string_view alpn);

  Http& http_;
  Loop& loop_;
  struct Tables;
  std::unique_ptr<Tables> tables_;
  std::size_t total_ = 0;
  AgentStatistics statistics_;
  bool draining_ = false;
};

}  // namespace culvert
