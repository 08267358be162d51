// The message model in one include: Node's http module in snake_case.
//
//   culvert::Http http;
//   auto server = http.create_server({}, [](auto& request, auto& response) { response.end("hello\n"); });
//   server->listen(8080);
//   http.run();
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "culvert/agent.hpp"
#include "culvert/client_request.hpp"
#include "culvert/incoming_message.hpp"
#include "culvert/network.hpp"
#include "culvert/outgoing_message.hpp"
#include "culvert/server.hpp"
#include "culvert/server_response.hpp"
#include "culvert/socket.hpp"
#include "culvert/status.hpp"
#include "culvert/web_socket.hpp"

// Node's http module in C++.
namespace culvert {

// One thread's use of the message model: the loop that runs it, the network, what all servers and agents of the thread
// share, and the settings that Node has for the process. Servers and agents must go before it.
class Http {
 public:
  using RequestListener = Delegate<void(IncomingMessage&, ServerResponse&)>;  // of Server::on_request
  using ResponseListener = Delegate<void(IncomingMessage&)>;                  // of ClientRequest::on_response

  Http();  // with a loop of its own, on the system's network
  Http(Loop& loop, Network& network, Resolver& resolver);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  // A server that does not listen yet; `listener` is its first one of on_request. Throws as Server does.
  std::unique_ptr<Server> create_server(ServerOptions options = {}, RequestListener listener = {});

  // Starts a request; end() must be called to finish it. `listener` hears of the response, once. Throws http_error:
  // ERR_INVALID_URL, ERR_INVALID_PROTOCOL, ERR_INVALID_HTTP_TOKEN, ERR_UNESCAPED_CHARACTERS, ERR_INVALID_CHAR.
  // With both a url and options, options win.
  ClientRequest& request(const RequestOptions& options, ResponseListener listener = {});
  ClientRequest& request(std::string_view url, RequestOptions options = {}, ResponseListener listener = {});
  // The same with GET for a default, ended at once.
  ClientRequest& get(const RequestOptions& options, ResponseListener listener = {});
  ClientRequest& get(std::string_view url, RequestOptions options = {}, ResponseListener listener = {});

  // Node's net.connect: a stream of its own. A name is looked up, and its addresses are dialled one after another until
  // one answers. on_connect follows, or on_error and on_close; what is written before waits. set_timeout() bounds it.
  std::unique_ptr<Socket> connect(const Address& address, const ConnectOptions& options = {},
                                  const LookupOptions& lookup = {});
  std::unique_ptr<Socket> connect(std::string_view host, std::uint16_t port, const ConnectOptions& options = {},
                                  const LookupOptions& lookup = {});

  // For requests that name no agent: keep_alive, and 5 s for idle connections. Another one may take its place, which
  // belongs to the caller.
  Agent& global_agent();
  void set_global_agent(Agent& agent) { global_agent_ = &agent; }

  std::uint32_t max_header_size = 16 * 1024;  // bytes of a head, where server or request does not say otherwise
  // How many parsers (with their messages' memory) are kept for reuse, of servers and agents each; default 1000. Below 1:
  // ERR_OUT_OF_RANGE.
  void set_max_idle_http_parsers(std::int64_t most);
  std::size_t idle_http_parsers() const;
  // Bytes of the messages under way and of what waits to be sent, of all servers and agents.
  std::size_t memory_in_use() const;

  // An error that nobody listens to: on_error of a request, of a response, of a server that could not listen.
  RareEvent<std::error_code> on_unhandled_error;

  // Runs the loop until nothing is left to wait for (Loop::ref), or stop(). Only where Http has a loop of its own. Throws
  // std::system_error where nobody listens to on_unhandled_error either: Node would end the process.
  void run();
  void stop();

  // What it works with. Whoever has another thread posts to the loop; nothing else may be called from there.
  Loop& loop() { return loop_; }
  Network& network() { return network_; }
  Resolver& resolver() { return resolver_; }

  // ---- for servers and agents
  struct Shared;
  Shared& shared() { return *shared_; }
  void unhandled(std::error_code error);

 private:
  struct Own;
  explicit Http(std::unique_ptr<Own> own);
  Agent& agent_for(const RequestOptions& options);

  std::unique_ptr<Own> own_;
  Loop& loop_;
  Network& network_;
  Resolver& resolver_;
  std::unique_ptr<Shared> shared_;
  std::map<const Agent*, std::unique_ptr<Agent>> own_agents_;  // each of one request, until that is over
  std::unique_ptr<Agent> default_agent_;
  Agent* global_agent_ = nullptr;
  std::error_code unhandled_;  // that run() is to throw
  bool stopped_ = false;
};

}  // namespace culvert
