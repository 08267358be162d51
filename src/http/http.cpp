#include "culvert/http.hpp"

#include <utility>

#include "http/http_shared.hpp"
#include "net/epoll_loop.hpp"
#include "net/pool_resolver.hpp"
#include "net/socket_network.hpp"
#include "wire/url.hpp"

namespace culvert {

struct Http::Own {
  net::EpollLoop loop;
  net::SocketNetwork network{loop};
  net::PoolResolver resolver;
};

namespace {

// An agent for one request, which makes its connection as the request says.
class OwnAgent final : public Agent {
 public:
  OwnAgent(Http& http, const RequestOptions& asked) : Agent(http), create_(asked.create_connection) {}

 private:
  Result<std::unique_ptr<Transport>> create_connection(const ConnectionOptions& how, ConnectionCreated created) override {
    return create_ ? create_(how, std::move(created)) : Agent::create_connection(how, std::move(created));
  }
  decltype(RequestOptions::create_connection) create_;
};

ClientRequest& ended(ClientRequest& request) {
  request.end();
  return request;
}

}  // namespace

Http::Http() : Http(std::make_unique<Own>()) {}

Http::Http(std::unique_ptr<Own> own) : Http(own->loop, own->network, own->resolver) { own_ = std::move(own); }

Http::Http(Loop& loop, Network& network, Resolver& resolver)
    : loop_(loop), network_(network), resolver_(resolver), shared_(std::make_unique<Shared>()) {
  set_max_idle_http_parsers(1000);
}

Http::~Http() = default;

std::unique_ptr<Server> Http::create_server(ServerOptions options, RequestListener listener) {
  auto server = std::make_unique<Server>(*this, std::move(options));
  if (listener) server->on_request(std::move(listener));
  return server;
}

// ---- requests -----------------------------------------------------------------------------------------------------------

ClientRequest& Http::request(const RequestOptions& options, ResponseListener listener) {
  ClientRequest& request = agent_for(options).request(options);
  if (listener) request.on_response.once(std::move(listener));
  return request;
}

ClientRequest& Http::request(std::string_view url, RequestOptions options, ResponseListener listener) {
  Result<wire::Url> parsed = wire::parse_url(url);
  if (!parsed) throw http_error(errc::ERR_INVALID_URL);
  const std::string protocol = parsed->scheme + ':';
  const std::string path = parsed->target();
  const std::string auth = parsed->user.empty() ? std::string() : parsed->user + ':' + parsed->password;
  if (options.protocol.empty()) options.protocol = protocol;
  if (options.host.empty() && options.hostname.empty()) options.host = parsed->host;
  if (options.port == 0) options.port = parsed->port.value_or(0);
  if (options.path.empty()) options.path = path;
  if (options.auth.empty()) options.auth = auth;
  return request(options, std::move(listener));
}

ClientRequest& Http::get(const RequestOptions& options, ResponseListener listener) {
  return ended(request(options, std::move(listener)));
}

ClientRequest& Http::get(std::string_view url, RequestOptions options, ResponseListener listener) {
  return ended(request(url, std::move(options), std::move(listener)));
}

std::unique_ptr<Socket> Http::connect(const Address& address, const ConnectOptions& options,
                                      const LookupOptions& lookup) {
  return Socket::dial(loop_, network_, resolver_, address, options, lookup);
}

std::unique_ptr<Socket> Http::connect(std::string_view host, std::uint16_t port, const ConnectOptions& options,
                                      const LookupOptions& lookup) {
  return connect(Address::from_host(host, port), options, lookup);
}

Agent& Http::agent_for(const RequestOptions& options) {
  if (options.agent != nullptr) return *options.agent;
  if (!options.own_agent && !options.create_connection) return global_agent();
  auto own = std::make_unique<OwnAgent>(*this, options);
  OwnAgent& agent = *own;
  agent.when_idle([this, &agent] {
    if (auto row = own_agents_.extract(&agent)) loop_.retire(std::move(row.mapped()));
  });
  own_agents_.emplace(&agent, std::move(own));
  return agent;
}

Agent& Http::global_agent() {
  if (global_agent_ == nullptr) {
    default_agent_ = std::make_unique<Agent>(
        *this, AgentOptions{.keep_alive = true, .timeout = std::chrono::milliseconds(5'000)});
    global_agent_ = default_agent_.get();
  }
  return *global_agent_;
}

void Http::set_max_idle_http_parsers(std::int64_t most) {
  if (most < 1) throw http_error(errc::ERR_OUT_OF_RANGE);
  shared_->server_transactions.keep_at_most(static_cast<std::size_t>(most));
  shared_->client_transactions.keep_at_most(static_cast<std::size_t>(most));
}

std::size_t Http::idle_http_parsers() const {
  return shared_->server_transactions.kept() + shared_->client_transactions.kept();
}

std::size_t Http::memory_in_use() const {
  return loop_.blocks().bytes_in_use() + shared_->server_transactions.bytes_in_use() +
         shared_->client_transactions.bytes_in_use();
}

// ---- the loop -----------------------------------------------------------------------------------------------------------

void Http::run() {
  stopped_ = false;
  own_->loop.turn(Duration::zero());  // what is to be told already: that nobody could listen, say
  while (loop_.referenced() && !stopped_ && !unhandled_) own_->loop.turn(Duration::max());
  if (const std::error_code error = std::exchange(unhandled_, {})) throw std::system_error(error);
}

void Http::stop() { stopped_ = true; }

void Http::unhandled(std::error_code error) {
  if (on_unhandled_error.listener_count() > 0) return on_unhandled_error.emit(error);
  unhandled_ = error;
}

}  // namespace culvert
