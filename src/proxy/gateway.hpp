// What one worker does with the requests of its listeners: finds the route, runs an Exchange for each. One gateway, one
// loop, one thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "config/config.hpp"
#include "culvert/http.hpp"
#include "culvert/network.hpp"
#include "proxy/access_log.hpp"

namespace culvert::proxy {

struct GatewayReport;
class LessonSink;
struct FleetSeat;
struct Passwords;
class Site;
class TunnelPlaces;

// A tunnel that stands, as operators see it. Views are valid during the call that gives it.
struct TunnelView {
  std::uint64_t id;         // of this worker
  Endpoint client;
  std::string_view user;    // empty where nobody is known
  std::string_view target;  // as the client asked
  std::string_view server;  // the address that was dialled
  std::string_view parent;  // the proxy that it leads through; empty: none
  std::string_view tunnel;  // [tunnel.NAME]; empty for an Upgrade
  std::string_view route;   // empty where none led there
  std::string_view rule;    // that allowed it; empty: the default
  std::uint64_t bytes_up;   // from the client
  std::uint64_t bytes_down;
  std::chrono::milliseconds age;
  std::chrono::milliseconds idle;
};

class Gateway {
 public:
  struct State;  // what the exchanges share

  // `log` may be null: no access log. `places` and what `seat` refers to are those of the process. `passwords` may be null where no configuration has
  // users, `lessons` where nothing is to be learned.
  Gateway(Http& http, LogSink* log, TunnelPlaces& places, const FleetSeat& seat, const Passwords* passwords = nullptr,
          LessonSink* lessons = nullptr);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Requests from now on are routed by `config`. What did not change keeps its pools and its users; exchanges under way
  // go on with the route that they began with.
  void apply(std::shared_ptr<const config::Config> config);
  // Makes `server` a listener of this gateway: its requests are those of [listener.NAME].
  void serve(Server& server, const std::string& listener);
  // Writes the record of a connection that is closed before it could bring a request, and an answer where the reason has one.
  void turned_away(std::string_view listener, Transport& stream, Reason reason, std::error_code cause);
  // Carries a connection of [listener.NAME] with mode = "tcp", of which somebody may have read `first`. `on_over` is called
  // once, when it has ended.
  void carry(std::string_view listener, std::unique_ptr<Transport> stream, Bytes first, Delegate<void()> on_over);
  // Cuts those of [listener.NAME].
  void close_streams(std::string_view listener);
  // Before a server is destroyed.
  void forget(const Server& server);
  // Options of the message model's server as [listener.NAME] asks for them.
  static ServerOptions server_options(const config::Server& settings);

  // Beyond so many bytes for messages and what waits to be sent, new requests are answered 503; 0: no limit.
  void set_memory_max(std::size_t bytes);

  // From now on every answer is the last one on its connection; idle upstream connections are closed. `on_last_tunnel` is
  // called when the last tunnel ends.
  void drain(std::function<void()> on_last_tunnel);
  void flush_log();
  std::size_t exchanges() const;  // under way

  // What there is to tell, each tunnel by itself where they are asked for.
  GatewayReport report(bool with_tunnels) const;
  // An operator has taken a server out of use, or back: acts on it now.
  void look_at_servers();

  std::size_t tunnels() const;    // that stand
  void for_each_tunnel(const std::function<void(const TunnelView&)>& call) const;
  bool close_tunnel(std::uint64_t id);  // whether there was one; it ends later in the turn
  void close_tunnels();

 private:
  std::unique_ptr<State> state_;
};

}  // namespace culvert::proxy
