#include "culvert/agent.hpp"

#include <algorithm>

#include "culvert/error.hpp"
#include "http/agent_origin.hpp"

namespace culvert {

Agent::Agent(Loop& loop, Connector& connector, AgentOptions options)
    : loop_(loop), connector_(connector), options_(options), shared_(std::make_unique<Shared>()) {
  if (options_.max_total_sockets == 0 || options_.max_sockets == 0) throw http_error(errc::ERR_OUT_OF_RANGE);
}

Agent::~Agent() {
  while (!shared_->open.empty()) delete &shared_->open.front();
  while (!shared_->live.empty()) shared_->transactions.destroy(static_cast<ClientTransaction*>(&shared_->live.front()));
}

std::string Agent::get_name(const Address& address) {
  switch (address.kind) {
    case Address::Kind::ip: return address.ip.ip() + ':' + std::to_string(address.ip.port) + ':';
    case Address::Kind::name: return address.text + ':' + std::to_string(address.port) + ':';
    case Address::Kind::unix_path: return "localhost:::" + address.text;
  }
  return {};
}

Agent::Origin& Agent::origin(const Address& address) {
  for (auto& known : origins_) {
    if (known->address == address) return *known;
  }
  const std::string host = address.kind == Address::Kind::unix_path ? "localhost" : address.to_string();
  return *origins_.emplace_back(std::make_unique<Origin>(get_name(address), address, host));
}

ClientRequest& Agent::request(Origin& origin, const RequestOptions& options) {
  ClientTransaction* transaction = shared_->transactions.make(*this, origin, loop_.blocks());
  try {
    transaction->request.start(options);
  } catch (...) {
    shared_->transactions.destroy(transaction);
    throw;
  }
  shared_->live.push_back(*transaction);
  if (ClientConnection* connection = take_free(origin)) {
    transaction->request.reused_socket_ = true;
    ++origin.in_use;
    connection->carry(*transaction);
  } else {
    transaction->wait_for_connection(options.connect_timeout);
    if (may_open(origin)) {
      open(origin, *transaction);
    } else {
      origin.waiting.push_back(*transaction);
    }
  }
  return transaction->request;
}

ClientConnection* Agent::take_free(Origin& origin) {
  if (origin.free.empty()) return nullptr;
  ClientConnection* connection = nullptr;
  if (options_.scheduling == AgentOptions::Scheduling::lifo) {
    connection = origin.free.back();
    origin.free.pop_back();
  } else {
    connection = origin.free.front();
    origin.free.erase(origin.free.begin());
  }
  return connection;
}

bool Agent::may_open(const Origin& origin) const {
  return origin.in_use + origin.free.size() < options_.max_sockets && total_ < options_.max_total_sockets;
}

void Agent::open(Origin& origin, ClientTransaction& transaction) {
  Result<std::unique_ptr<Transport>> stream = connector_.connect(origin.address, {});
  if (!stream) return transaction.fail(stream.error());
  auto* connection = new ClientConnection(*this, origin, std::move(*stream));  // owned by the list of open ones
  shared_->open.push_back(*connection);
  ++origin.in_use;
  ++total_;
  connection->carry(transaction);
}

void Agent::give_back(ClientConnection& connection) {
  Origin& origin = connection.origin();  // where it counts as in use until it is free or gone
  if (!origin.waiting.empty()) {
    auto& next = static_cast<ClientTransaction&>(origin.waiting.front());
    next.WaitingHook::unlink();
    next.request.reused_socket_ = true;
    return connection.carry(next);
  }
  const bool keep = options_.keep_alive && !draining_ && origin.free.size() < options_.max_free_sockets;
  if (!keep || !connection.rest(options_.timeout, options_.keep_alive_msecs)) return connection.close({});
  --origin.in_use;
  origin.free.push_back(&connection);
  serve_waiting(origin);
}

void Agent::forget(ClientConnection& connection, bool was_free) {
  Origin& origin = connection.origin();
  if (was_free) {
    origin.free.erase(std::find(origin.free.begin(), origin.free.end(), &connection));
  } else {
    --origin.in_use;
  }
  --total_;
}

void Agent::gone(ClientConnection& connection) {
  Origin& origin = connection.origin();
  connection.unlink();
  loop_.retire(std::unique_ptr<Retired>(&connection));
  serve_waiting(origin);
}

void Agent::serve_waiting(Origin& preferred) {
  const auto serve = [this](Origin& origin) {
    while (!origin.waiting.empty() && may_open(origin)) {
      auto& next = static_cast<ClientTransaction&>(origin.waiting.front());
      next.WaitingHook::unlink();
      open(origin, next);
    }
  };
  serve(preferred);
  if (options_.max_total_sockets == unlimited) return;
  for (auto& origin : origins_) serve(*origin);
}

void Agent::finished(ClientTransaction& transaction) { shared_->transactions.destroy(&transaction); }

void Agent::destroy() {
  drain();
  shared_->live.for_each([](LiveHook& hook) {
    auto& transaction = static_cast<ClientTransaction&>(hook);
    if (transaction.connection == nullptr) transaction.fail(errc::socket_hang_up);
  });
  shared_->open.for_each([](ClientConnection& connection) { connection.close(errc::socket_hang_up); });
}

void Agent::drain() {
  draining_ = true;
  for (auto& origin : origins_) {
    const std::vector<ClientConnection*> idle = origin->free;
    for (ClientConnection* connection : idle) connection->close({});
  }
}

std::size_t Agent::sockets(const Origin& origin) const { return origin.in_use; }
std::size_t Agent::free_sockets(const Origin& origin) const { return origin.free.size(); }
std::size_t Agent::requests(const Origin& origin) const {
  std::size_t count = 0;
  const_cast<Origin&>(origin).waiting.for_each([&](WaitingHook&) { ++count; });
  return count;
}

}  // namespace culvert
