#include "culvert/server.hpp"

#include "http/server_connection.hpp"
#include "http/server_shared.hpp"

namespace culvert {

Server::Server(Loop& loop, ServerOptions with)
    : options(with), loop_(loop), shared_(std::make_unique<Shared>()) {}

Server::~Server() {
  while (!shared_->open.empty()) delete &shared_->open.front();
}

void Server::adopt(std::unique_ptr<Transport> stream) {
  auto* connection = new ServerConnection(*this, std::move(stream));  // owned by the list of open connections
  shared_->open.push_back(*connection);
  ++connections_;
}

void Server::close() {
  closing_ = true;
  shared_->open.for_each([](ServerConnection& connection) {
    if (connection.idle()) connection.close();
  });
  if (connections_ == 0) on_closed.emit();
}

void Server::close_all_connections() {
  shared_->open.for_each([](ServerConnection& connection) { connection.close(); });
}

void Server::released(ServerConnection& connection) {
  connection.unlink();
  --connections_;
  loop_.retire(std::unique_ptr<Retired>(&connection));
  if (closing_ && connections_ == 0) on_closed.emit();
}

}  // namespace culvert
