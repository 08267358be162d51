#include "culvert/server.hpp"

#include <algorithm>

#include "culvert/http.hpp"
#include "http/server_connection.hpp"
#include "http/server_shared.hpp"

namespace culvert {

namespace {

constexpr std::chrono::milliseconds headers_timeout_most{60'000};

Address any_address(std::uint16_t port, Endpoint::Family family) {
  return Address::of(Endpoint{.family = family, .port = port});
}

}  // namespace

Server::Server(Http& http, ServerOptions with)
    : options(std::move(with)), http_(http), loop_(http.loop()), shared_(std::make_unique<Shared>()) {
  resolve_options();
}

Server::~Server() {
  stop_listening();
  while (!shared_->open.empty()) delete &shared_->open.front();
}

void Server::resolve_options() {
  const bool bounded = options.request_timeout.count() != 0;
  if (options.headers_timeout == ServerOptions::automatic) {
    options.headers_timeout = bounded ? std::min(options.request_timeout, headers_timeout_most) : headers_timeout_most;
  }
  if (bounded && options.headers_timeout > options.request_timeout) {
    throw http_error(errc::ERR_OUT_OF_RANGE,
                     "The value of \"headersTimeout\" is out of range. It must be <= requestTimeout. Received " +
                         std::to_string(options.headers_timeout.count()));
  }
}

// ---- listening --------------------------------------------------------------------------------------------------------

Server& Server::listen(std::uint16_t port, std::string_view host, int backlog, Delegate<void()> listening) {
  ListenOptions where{.address = any_address(port, Endpoint::Family::ipv6), .backlog = backlog};
  if (!host.empty()) where.address = Address::from_host(host, port);
  return listen(where, std::move(listening));
}

Server& Server::listen(const ListenOptions& where, Delegate<void()> listening) {
  if (acceptor_ != nullptr || lookup_) throw http_error(errc::ERR_SERVER_ALREADY_LISTEN);
  if (listening) on_listening.once(std::move(listening));
  where.fd < 0 && where.address.kind == Address::Kind::name ? look_up(where) : open(where);
  return *this;
}

// As in Node, the first address of a name is the one to listen on.
void Server::look_up(const ListenOptions& where) {
  closing_ = false;
  loop_.ref();
  const Address& name = where.address;
  lookup_ = http_.resolver().resolve(loop_, name.text, name.port, {}, [this, where](Result<Endpoints> found) {
    ListenOptions first = where;
    stop_listening();
    if (!found) return tell_listening(found.error());
    first.address = Address::of(found->front());
    open(first);
  });
}

void Server::open(const ListenOptions& where) {
  ListenOptions asked = where;
  asked.no_delay = options.no_delay;
  const auto accepted = [this](std::unique_ptr<Transport> stream) { adopt(std::move(stream)); };
  const auto cannot = [this](std::error_code error) { on_error.emit(error); };
  Result<std::unique_ptr<Acceptor>> acceptor = http_.network().listen(asked, accepted, cannot);
  const bool any_ipv6 = asked.fd < 0 && asked.address == any_address(asked.address.ip.port, Endpoint::Family::ipv6);
  if (!acceptor && any_ipv6) {  // a machine without IPv6
    asked.address.ip.family = Endpoint::Family::ipv4;
    acceptor = http_.network().listen(asked, accepted, cannot);
  }
  if (acceptor) {
    closing_ = false;
    acceptor_ = std::move(*acceptor);
    loop_.ref();
  }
  tell_listening(acceptor ? std::error_code() : acceptor.error());
}

void Server::tell_listening(std::error_code error) {
  tell_later([this, error] {
    if (error) return on_error.listener_count() > 0 ? on_error.emit(error) : http_.unhandled(error);
    if (acceptor_ != nullptr) on_listening.emit();
  });
}

void Server::stop_listening() {
  if (acceptor_ == nullptr && !lookup_) return;
  acceptor_.reset();
  lookup_ = {};
  loop_.unref();
}

// ---- connections ------------------------------------------------------------------------------------------------------

void Server::adopt(std::unique_ptr<Transport> stream, Bytes first) {
  auto* connection = new ServerConnection(*this, std::move(stream));  // owned by the list of open connections
  shared_->open.push_back(*connection);
  ++connections_;
  if (on_connection.listener_count() > 0) on_connection.emit(*connection->socket());
  if (!first.empty()) connection->take_first(first);
}

Server& Server::close(Delegate<void(std::error_code)> closed) {
  if (std::exchange(closing_, true)) {
    if (closed) tell_later([closed = std::move(closed)]() mutable { closed(errc::ERR_SERVER_NOT_RUNNING); });
    return *this;
  }
  if (closed) {
    on_close.once([closed = std::move(closed)]() mutable { closed({}); });
  }
  stop_listening();
  shared_->open.for_each([](ServerConnection& connection) {
    if (connection.idle()) connection.close();
  });
  if (connections_ == 0) tell_later([this] { on_close.emit(); });
  return *this;
}

void Server::close_all_connections() {
  shared_->open.for_each([](ServerConnection& connection) { connection.close(); });
}

void Server::close_idle_connections() {
  shared_->open.for_each([](ServerConnection& connection) {
    if (connection.idle() && connection.has_served()) connection.close();
  });
}

Server& Server::set_timeout(milliseconds limit, Delegate<void(Socket&)> listener) {
  options.timeout = limit;
  if (listener) on_timeout(std::move(listener));
  return *this;
}

void Server::released(ServerConnection& connection) {
  connection.unlink();
  --connections_;
  loop_.retire(std::unique_ptr<Retired>(&connection));
  if (closing_ && connections_ == 0) on_close.emit();
}

void Server::tell_later(Delegate<void()> call) {
  shared_->calls.push_back(std::move(call));
  loop_.defer(*shared_);
}

}  // namespace culvert
