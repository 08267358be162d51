// Agent: connections to origins, kept for reuse. Node's http.Agent in snake_case. One agent, one loop, one thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "culvert/client_request.hpp"
#include "culvert/loop.hpp"
#include "culvert/network.hpp"

namespace culvert {

inline constexpr std::uint32_t unlimited = 0xffff'ffff;

struct AgentOptions {
  using milliseconds = std::chrono::milliseconds;
  enum class Scheduling : std::uint8_t { lifo, fifo };

  bool keep_alive = false;
  milliseconds keep_alive_msecs{1000};          // delay of the first TCP keep-alive probe on a free connection
  std::uint32_t max_sockets = unlimited;        // to one origin
  std::uint32_t max_total_sockets = unlimited;  // to all
  std::uint32_t max_free_sockets = 256;         // idle, to one origin
  Scheduling scheduling = Scheduling::lifo;
  milliseconds timeout{0};                      // an idle connection is closed after this; 0: none
};

class ClientConnection;
struct ClientTransaction;

class Agent {
 public:
  // Everything that makes two connections interchangeable, with what is open to it: a row of Node's sockets,
  // freeSockets and requests tables. Lives as long as the agent.
  class Origin;

  Agent(Loop& loop, Connector& connector, AgentOptions options);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  Origin& origin(const Address& address);
  // Starts a request: on a free connection, else on a new one, else it waits its turn. Events follow later, never
  // from inside this call.
  ClientRequest& request(Origin& origin, const RequestOptions& options);
  ClientRequest& request(const Address& address, const RequestOptions& options) {
    return request(origin(address), options);
  }
  // Closes every connection, free and busy; requests under way get errc::socket_hang_up.
  void destroy();
  // Closes those that nobody uses, and keeps none from now on.
  void drain();

  // Node's getName(): "host:port:" (local address and family follow where they are set).
  static std::string get_name(const Address& address);

  std::size_t sockets(const Origin& origin) const;       // in use
  std::size_t free_sockets(const Origin& origin) const;  // idle
  std::size_t requests(const Origin& origin) const;      // waiting
  std::size_t total_sockets() const { return total_; }
  const AgentOptions& options() const { return options_; }

 private:
  friend class ClientConnection;
  friend class ClientRequest;
  friend struct ClientTransaction;
  struct Shared;

  void assign(Origin& origin, ClientTransaction& transaction);
  ClientConnection* take_free(Origin& origin);
  bool may_open(const Origin& origin) const;
  void open(Origin& origin, ClientTransaction& transaction);
  void give_back(ClientConnection& connection);
  void forget(ClientConnection& connection, bool was_free);
  void gone(ClientConnection& connection);
  void serve_waiting(Origin& preferred);
  void finished(ClientTransaction& transaction);

  Loop& loop_;
  Connector& connector_;
  AgentOptions options_;
  std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Origin>> origins_;
  std::size_t total_ = 0;
  bool draining_ = false;
};

}  // namespace culvert
