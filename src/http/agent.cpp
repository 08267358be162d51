#include "culvert/agent.hpp"

#include <algorithm>

#include "culvert/error.hpp"
#include "culvert/http.hpp"
#include "http/agent_origin.hpp"
#include "http/http_shared.hpp"
#include "http/request_asked.hpp"

namespace culvert {

Agent::Agent(Http& http, AgentOptions with)
    : options(std::move(with)), http_(http), loop_(http.loop()), tables_(std::make_unique<Tables>()) {
  if (options.max_total_sockets == 0 || options.max_sockets == 0) throw http_error(errc::ERR_OUT_OF_RANGE);
  if (options.scheduling > AgentOptions::Scheduling::fifo) throw http_error(errc::ERR_INVALID_ARG_VALUE);
  const bool by_tls = options.secure_context != nullptr;
  if (options.protocol.empty()) options.protocol = by_tls ? "https:" : "http:";
  if (options.default_port == 0) options.default_port = by_tls ? 443 : 80;
}

Agent::~Agent() {
  while (!tables_->live.empty()) {
    auto& transaction = static_cast<ClientTransaction&>(tables_->live.front());
    give_up(transaction);
    http_.shared().client_transactions.destroy(&transaction);
  }
  while (!tables_->open.empty()) delete &tables_->open.front();
}

// ---- origins ------------------------------------------------------------------------------------------------------------

namespace {

std::string_view host_of(const RequestOptions& options) {
  if (!options.hostname.empty()) return options.hostname;
  return options.host.empty() ? std::string_view("localhost") : options.host;
}

// By whose rules a request goes by TLS; null: it goes without.
const std::shared_ptr<const SecureContext>& context_of(const RequestOptions& asked, const AgentOptions& own) {
  const bool has_its_own = own.secure_context != nullptr && asked.secure_context != nullptr;
  return has_its_own ? asked.secure_context : own.secure_context;
}

std::string_view servername_of(const RequestOptions& asked) {
  return asked.servername.empty() ? host_of(asked) : asked.servername;
}

std::string local_text(const Endpoint& local) {
  return local.family == Endpoint::Family::none ? std::string() : local.ip();
}

}  // namespace

std::string host_field_of(std::string_view host, std::uint16_t port, std::uint16_t default_port) {
  const bool bare_ipv6 = host.find(':') != std::string_view::npos && host.front() != '[';
  std::string field = bare_ipv6 ? '[' + std::string(host) + ']' : std::string(host);
  if (port != default_port) field += ':' + std::to_string(port);
  return field;
}

std::string Agent::get_name(const RequestOptions& asked) const {
  std::string name(host_of(asked));
  name += ':';
  if (asked.port != 0) name += std::to_string(asked.port);
  name += ':' + local_text(asked.connect.value_or(options.connect).local);
  if (asked.family == 4 || asked.family == 6) name += ':' + std::to_string(asked.family);
  if (!asked.socket_path.empty()) name.append(":").append(asked.socket_path);
  if (const auto& context = context_of(asked, options)) {
    name.append(":").append(servername_of(asked)).append(":").append(context->name());
  }
  return name;
}

std::unique_ptr<Agent::Origin> Agent::make_origin(std::string name, Address address, std::string_view host,
                                                  std::string field, const RequestOptions& asked) const {
  Ref<net::TlsDestination> tls;
  if (const auto& context = context_of(asked, options)) {
    tls = make_ref<net::TlsDestination>(context, std::string(servername_of(asked)));
  }
  return std::make_unique<Origin>(std::move(name), std::move(address), std::string(host), std::move(field),
                                  std::move(tls));
}

// A row that nobody refers to any more is dropped: a program may talk to any number of hosts.
[[gnu::always_inline]] inline void Agent::drop_unused(Origin& origin) {
  if (origin.users == 0 && origin.kept == 0) tables_->origins.erase(tables_->origins.find(origin.name));
  tell_if_idle();
}

Agent::Origin& Agent::origin(const Address& address, std::string_view servername) {
  Origin& row = origin_once(address, servername);
  ++row.kept;
  return row;
}

void Agent::release(Origin& origin) {
  if (--origin.kept > 0) return;
  ++origin.users;  // while they go
  close_free(origin);
  --origin.users;
  drop_unused(origin);
}

Agent::Origin& Agent::origin_once(const Address& address, std::string_view servername) {
  const bool local = address.kind == Address::Kind::unix_path;
  const bool named = address.kind == Address::Kind::name;
  const std::string host = local ? "localhost" : named ? address.text : address.ip.ip();
  const std::uint16_t port = local ? std::uint16_t{0} : named ? address.port : address.ip.port;
  const RequestOptions asked{.host = host,
                             .port = port,
                             .socket_path = local ? std::string_view(address.text) : std::string_view(),
                             .servername = servername};
  const std::string name = get_name(asked);
  std::unique_ptr<Origin>& row = tables_->origins[name];
  if (!row) row = make_origin(name, address, host, local ? host : address.to_string(), asked);
  return *row;
}

Agent::Origin& Agent::origin_named(std::string name, const RequestOptions& asked) {
  std::unique_ptr<Origin>& row = tables_->origins[name];
  if (!row) {
    const std::string_view host = host_of(asked);
    const bool local = !asked.socket_path.empty();
    Address address = local ? Address{.kind = Address::Kind::unix_path, .text = std::string(asked.socket_path)}
                            : Address::from_host(host, asked.port);
    row = make_origin(std::move(name), std::move(address), host,
                      local ? "localhost" : host_field_of(host, asked.port, asked.default_port), asked);
  }
  return *row;
}

void Agent::tell_if_idle() {
  if (tables_->on_idle && tables_->live.empty() && tables_->open.empty()) tables_->on_idle();
}

// ---- requests -----------------------------------------------------------------------------------------------------------

namespace {
bool may_be_repeated(const PooledRequest& asked) { return asked.repeatable; }
bool may_be_repeated(const RequestOptions&) { return true; }  // who knows
}  // namespace

ClientRequest& Agent::request(Origin& origin, const PooledRequest& asked) {
  return start(origin, asked, asked.connect_timeout);
}

ClientRequest& Agent::request(const RequestOptions& asked) {
  if (!asked.protocol.empty() && asked.protocol != options.protocol) {
    tell_if_idle();
    throw http_error(errc::ERR_INVALID_PROTOCOL, "Protocol \"" + std::string(asked.protocol) +
                                                     "\" not supported. Expected \"" + std::string(options.protocol) + '"');
  }
  RequestOptions whole = asked;
  if (whole.default_port == 0) whole.default_port = options.default_port;
  if (whole.port == 0 && whole.socket_path.empty()) whole.port = whole.default_port;
  if (whole.family == 0) whole.family = options.family;
  return start(origin_named(get_name(whole), whole), whole, milliseconds{0});
}

template <class Asked>
ClientRequest& Agent::start(Origin& origin, const Asked& asked, milliseconds connect_timeout) {
  ClientTransaction* transaction = http_.shared().client_transactions.make(*this, origin, loop_.blocks());
  try {
    transaction->request.start(asked);
  } catch (...) {
    http_.shared().client_transactions.destroy(transaction);
    drop_unused(origin);
    throw;
  }
  tables_->live.push_back(*transaction);
  if (transaction->over()) return transaction->request;  // its signal had come before
  if (ClientConnection* connection = transaction->alone ? nullptr : take_free(origin, may_be_repeated(asked))) {
    transaction->request.reused_socket_ = true;
    ++statistics_.reused;
    ++origin.in_use;
    connection->carry(*transaction);
  } else if (may_open(origin)) {
    transaction->wait_for_connection(connect_timeout);
    open(origin, *transaction);
  } else {
    queue(*transaction, connect_timeout);
  }
  return transaction->request;
}

[[gnu::cold]] void Agent::queue(ClientTransaction& transaction, milliseconds connect_timeout) {
  Origin& origin = transaction.origin;
  if (options.max_pending != 0 && origin.pending >= options.max_pending) return transaction.fail(errc::queue_full);
  const bool waits_apart = options.pending_timeout.count() != 0;
  transaction.wait_for_connection(waits_apart ? options.pending_timeout : connect_timeout);
  if (waits_apart) transaction.connect_timeout = connect_timeout;
  origin.enqueue(transaction);
  make_room_for(origin);
}

void Agent::finished(ClientTransaction& transaction) {
  Origin& origin = transaction.origin;
  http_.shared().client_transactions.destroy(&transaction);
  drop_unused(origin);
}

// ---- connections --------------------------------------------------------------------------------------------------------

ClientConnection* Agent::take_free(Origin& origin, bool repeatable) {
  if (origin.free.empty()) return nullptr;
  const bool last = options.scheduling == AgentOptions::Scheduling::lifo;
  ClientConnection* const connection = last ? origin.free.back() : origin.free.front();
  const bool has_just_served = repeatable && loop_.now() - connection->free_since() <= options.check_free_after;
  if (!has_just_served && options.self_tuning) return take_checked(origin, repeatable);
  if (last) {
    origin.free.pop_back();
  } else {
    origin.free.erase(origin.free.begin());
  }
  return connection;
}

// One that is good as far as can be known, and beyond doubt for a request that cannot be repeated. Those that are not are
// closed on the way.
[[gnu::cold]] ClientConnection* Agent::take_checked(Origin& origin, bool repeatable) {
  std::vector<ClientConnection*>& free = origin.free;
  const bool last = options.scheduling == AgentOptions::Scheduling::lifo || !repeatable;
  while (!free.empty()) {
    ClientConnection& connection = last ? *free.back() : *free.front();
    if (connection.ends_by_limit()) continue;
    if (!repeatable && connection.is_doubtful()) break;
    if (connection.ends_by_check()) continue;
    free.erase(last ? free.end() - 1 : free.begin());
    return &connection;
  }
  // A new one, for which the one that is most in doubt gives its place where there is no other.
  while (!free.empty() && !may_open(origin)) free.front()->close({});
  return nullptr;
}

bool Agent::may_open(const Origin& origin) const {
  return origin.in_use + origin.free.size() < options.max_sockets && total_ < options.max_total_sockets;
}

// Where idle connections to other origins take all places, the one that is idle for the longest time at its origin gives
// its place to `origin`: they would stay as long as they are not used.
void Agent::make_room_for(const Origin& origin) {
  if (origin.in_use + origin.free.size() >= options.max_sockets) return;
  for (auto& [name, other] : tables_->origins) {
    if (!other->free.empty()) return other->free.front()->close({});
  }
}

bool Agent::may_keep(const Origin& origin) const {
  if (!options.keep_alive || draining_ || origin.free.size() >= options.max_free_sockets) return false;
  if (origin.in_use + origin.free.size() > options.max_sockets) return false;
  if (total_ < options.max_total_sockets) return true;
  return total_ == options.max_total_sockets &&
         std::ranges::all_of(tables_->origins, [](const auto& row) { return row.second->waiting.empty(); });
}

void Agent::open(Origin& origin, ClientTransaction& transaction) {
  ++origin.in_use;
  ++total_;
  const ClientRequest::Asked* asked = transaction.request.asked_.get();
  const ConnectionOptions how{.address = origin.address,
                              .connect = asked != nullptr ? asked->connect : options.connect,
                              .lookup = asked != nullptr ? asked->lookup : LookupOptions{.family = options.family},
                              .resolver = asked != nullptr && asked->resolver != nullptr ? asked->resolver
                                                                                         : &http_.resolver(),
                              .tls = origin.tls.get()};
  auto pending = make_ref<Pending>(*this, transaction);
  transaction.pending = pending;
  Result<std::unique_ptr<Transport>> stream = create_connection(how, ConnectionCreated(*pending));
  const bool first = pending->transaction != nullptr;
  if (first && (!stream || *stream != nullptr)) created(*pending, std::move(stream));
}

void Agent::created(Pending& pending, Result<std::unique_ptr<Transport>> stream) {
  ClientTransaction* transaction = std::exchange(pending.transaction, nullptr);
  Origin& origin = transaction->origin;
  transaction->pending = {};
  if (!stream) {
    --origin.in_use;
    --total_;
    return transaction->fail(stream.error());
  }
  auto* connection = new ClientConnection(*this, origin, std::move(*stream));  // owned by the list of open ones
  ++statistics_.opened;
  tables_->open.push_back(*connection);
  connection->carry(*transaction);
}

// Nobody waits any more for the connection that is being made for `transaction`.
void Agent::give_up(ClientTransaction& transaction) {
  if (!transaction.pending) return;
  transaction.pending->transaction = nullptr;
  transaction.pending->lookup = {};
  transaction.pending = {};
  --transaction.origin.in_use;
  --total_;
}

void Agent::give_back(ClientConnection& connection) {
  Origin& origin = connection.origin();  // where it counts as in use until it is free or gone
  if (!origin.waiting.empty()) return hand_on(connection);
  const bool kept = may_keep(origin) && keep_socket_alive(connection.socket());
  // It may have been removed or destroyed by whoever was asked.
  if (!kept || !connection.counts() || !connection.rest(options.timeout)) return connection.close({});
  --origin.in_use;
  origin.free.push_back(&connection);
}

// To the first of those that wait.
[[gnu::noinline]] void Agent::hand_on(ClientConnection& connection) {
  Origin& origin = connection.origin();
  auto& next = static_cast<ClientTransaction&>(origin.waiting.front());
  if (next.alone) return connection.close({});  // and its place is for a new one
  origin.dequeue(next);
  next.request.reused_socket_ = true;
  ++statistics_.reused;
  connection.carry(next);
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
  --origin.users;
  connection.unlink();
  loop_.retire(std::unique_ptr<Retired>(&connection));
  serve_waiting(origin);
  drop_unused(origin);
}

void Agent::serve_waiting(Origin& preferred) {
  const auto serve = [this](Origin& origin) {
    while (!origin.waiting.empty() && may_open(origin)) {
      auto& next = static_cast<ClientTransaction&>(origin.waiting.front());
      origin.dequeue(next);
      if (options.pending_timeout.count() != 0) next.wait_for_connection(next.connect_timeout);
      open(origin, next);
    }
  };
  serve(preferred);
  if (options.max_total_sockets == unlimited) return;
  for (auto& [name, origin] : tables_->origins) serve(*origin);
}

void Agent::destroy() {
  // Nobody who waits is to get a place that another one leaves.
  for (auto& row : tables_->origins) {
    Origin& origin = *row.second;
    origin.waiting.for_each([&](WaitingHook& hook) { origin.dequeue(hook); });
  }
  tables_->live.for_each([](LiveHook& hook) {
    auto& transaction = static_cast<ClientTransaction&>(hook);
    const bool ours = transaction.connection == nullptr || transaction.connection->counts();
    if (ours) transaction.request.destroy(errc::socket_hang_up);
  });
  close_free();
}

void Agent::drain() {
  draining_ = true;
  close_free();
}

void Agent::close_free() {
  for (auto& [name, origin] : tables_->origins) close_free(*origin);
}

void Agent::close_free(Origin& origin) {
  const std::vector<ClientConnection*> idle = origin.free;
  for (ClientConnection* connection : idle) connection->close({});
}

// ---- what may be overridden ---------------------------------------------------------------------------------------------

Result<std::unique_ptr<Transport>> Agent::create_connection(const ConnectionOptions& how, ConnectionCreated created) {
  Network& network = http_.network();
  if (how.address.kind != Address::Kind::name) return secured(network.connect(how.address, how.connect), how);
  Resolution& lookup = created.pending_->lookup;
  lookup = how.resolver->resolve(
      loop_, how.address.text, how.address.port, how.lookup,
      [this, &network, how, created = std::move(created)](Result<Endpoints> found) mutable {
        if (!found) return created(found.error());
        created(secured(network.connect(Address::of(found->front()), how.connect), how));
      });
  return std::unique_ptr<Transport>();
}

Result<std::unique_ptr<Transport>> Agent::secured(Result<std::unique_ptr<Transport>> wire, const ConnectionOptions& how) {
  if (!wire || how.tls == nullptr) return wire;
  return make_secure(std::move(*wire), *how.tls, "http/1.1");
}

Result<std::unique_ptr<Transport>> Agent::connect(Origin& origin) {
  Result<std::unique_ptr<Transport>> wire = http_.network().connect(origin.address, options.connect);
  if (!wire || !origin.tls) return wire;
  return make_secure(std::move(*wire), *origin.tls, {});
}

std::unique_ptr<Transport> Agent::make_secure(std::unique_ptr<Transport> wire, net::TlsDestination& destination,
                                              std::string_view alpn) {
  return std::make_unique<net::TlsTransport>(loop_, http_.shared().tls(), std::move(wire),
                                             Ref<net::TlsDestination>(&destination), alpn);
}

ConnectionCreated::ConnectionCreated(Pending& pending) : pending_(Ref<Pending>(&pending).release()) {}
ConnectionCreated::ConnectionCreated(ConnectionCreated&& other) noexcept
    : pending_(std::exchange(other.pending_, nullptr)) {}
ConnectionCreated::~ConnectionCreated() { Ref<Pending>::take_over(pending_); }

void ConnectionCreated::operator()(Result<std::unique_ptr<Transport>> stream) {
  if (pending_->transaction == nullptr) return;
  Agent& agent = pending_->agent;
  Agent::Origin& origin = pending_->transaction->origin;
  const bool failed = !stream;
  agent.created(*pending_, std::move(stream));
  if (failed) agent.serve_waiting(origin);  // the place is free again
}

bool Agent::keep_socket_alive(Socket& socket) {
  socket.set_keep_alive(true, options.keep_alive_msecs);
  return true;
}

void Agent::reuse_socket(Socket&, ClientRequest&) {}

// ---- what there is ------------------------------------------------------------------------------------------------------

std::map<std::string, std::vector<Socket*>> Agent::sockets() const {
  std::map<std::string, std::vector<Socket*>> rows;
  tables_->open.for_each([&](ClientConnection& connection) {
    if (connection.counts() && !connection.is_free()) rows[connection.origin().name].push_back(&connection.socket());
  });
  return rows;
}

std::map<std::string, std::vector<Socket*>> Agent::free_sockets() const {
  std::map<std::string, std::vector<Socket*>> rows;
  for (const auto& [name, origin] : tables_->origins) {
    for (ClientConnection* connection : origin->free) rows[name].push_back(&connection->socket());
  }
  return rows;
}

std::map<std::string, std::vector<ClientRequest*>> Agent::requests() const {
  std::map<std::string, std::vector<ClientRequest*>> rows;
  for (const auto& entry : tables_->origins) {
    entry.second->waiting.for_each(
        [&](WaitingHook& hook) { rows[entry.first].push_back(&static_cast<ClientTransaction&>(hook).request); });
  }
  return rows;
}

void Agent::when_idle(Delegate<void()> call) { tables_->on_idle = std::move(call); }

std::size_t Agent::sockets(const Origin& origin) const { return origin.in_use; }
std::size_t Agent::free_sockets(const Origin& origin) const { return origin.free.size(); }
std::size_t Agent::requests(const Origin& origin) const { return origin.pending; }

}  // namespace culvert
