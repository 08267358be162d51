#include "simulation/simulation.hpp"

#include <memory>
#include <vector>

#include "base/block_pool.hpp"
#include "culvert/http.hpp"
#include "daemon/places.hpp"
#include "daemon/service.hpp"
#include "net/tls_transport.hpp"
#include "proxy/gateway.hpp"
#include "simulation/client.hpp"
#include "simulation/ledger.hpp"
#include "simulation/origin.hpp"
#include "simulation/plan.hpp"

namespace culvert::simulation {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t turns_max = 3'000'000;
constexpr std::uint64_t turns_without_time_max = 100'000;
constexpr std::size_t blocks_a_connection_max = 160 * 1024 / Block::total_bytes;

struct Records final : proxy::LogSink {
  explicit Records(Ledger& to) : ledger(to) {}
  void submit(std::string& buffer, std::uint32_t) override {
    ledger.record(buffer);
    buffer.clear();
  }
  Ledger& ledger;
};

class World {
 public:
  World(const Plan& plan, bool print);
  Verdict run();

 private:
  void begin();
  Link* dial(std::size_t client);
  void reload(const std::shared_ptr<const config::Config>& config);
  void drain();
  void client_done();
  void check_turn();
  void check_end();

  const Plan& plan_;
  Random random_;
  Trace trace_;
  SimLoop loop_;
  Ledger ledger_;
  SimNetwork upstreams_;
  SimNetwork clients_network_;
  SimResolver resolver_;
  std::vector<std::unique_ptr<Origin>> origins_;
  std::vector<std::unique_ptr<Client>> clients_;
  // culvert, as a worker has it
  Records records_;
  daemon::Limits limits_;
  daemon::ConnectionLimit listener_limit_;
  net::TlsBuffers tls_buffers_;
  Http http_;
  proxy::Gateway gateway_;
  std::unique_ptr<daemon::Service> service_;
  std::uint64_t turns_ = 0;
};

World::World(const Plan& plan, bool print)
    : plan_(plan),
      random_(Random(plan.seed).fork(1)),
      trace_(print),
      loop_(plan.seed),
      ledger_(loop_, trace_, plan),
      upstreams_(loop_, trace_, "up", plan.upstreams_weather, random_.fork(2)),
      clients_network_(loop_, trace_, "client", plan.clients_weather, random_.fork(3)),
      resolver_(loop_, trace_, random_.fork(4), !plan.calm),
      records_(ledger_),
      limits_{daemon::ConnectionLimit([] {}), daemon::ClientLimit([](std::uint64_t) {})},
      listener_limit_([] {}),
      http_(loop_, upstreams_, resolver_),
      gateway_(http_, &records_, limits_.tunnels) {
  for (std::size_t i = 0; i < plan.hosts.size(); ++i) {
    origins_.push_back(std::make_unique<Origin>(loop_, trace_, ledger_, plan, plan.hosts[i], random_.fork(10 + i)));
    upstreams_.add(host_address(i), *origins_.back());
  }
  resolver_.add("u0.sim", {host_address(0), host_address(1)});
  resolver_.add("u1.sim", {host_address(2), host_address(3)});
}

void World::begin() {
  gateway_.apply(plan_.config);
  const config::Listener& listener = plan_.config->listeners[0];
  service_ = std::make_unique<daemon::Service>(http_, gateway_, listener_limit_, tls_buffers_, listener, nullptr);
  for (std::size_t i = 0; i < plan_.clients.size(); ++i) {
    clients_.push_back(std::make_unique<Client>(
        loop_, trace_, ledger_, plan_.clients[i], random_.fork(100 + i), [this, i] { return dial(i); },
        [this] { client_done(); }));
  }
  for (const Change& change : plan_.changes) loop_.after(change.when, [this, &change] { reload(change.config); });
  for (const Duration when : plan_.jumps) {
    loop_.after(when, [this] {
      trace_.add(loop_.elapsed(), "the clock jumps");
      loop_.jump(plan_.calm ? 0s : 2s, random_.one_in(2) ? 1h : -1h);
    });
  }
  if (plan_.drain.count() > 0) loop_.after(500ms + plan_.drain, [this] { drain(); });
}

Link* World::dial(std::size_t client) {
  if (ledger_.draining) return nullptr;
  Endpoint from = *Endpoint::parse_ip("192.0.2." + std::to_string(client + 1), 40'000);
  Link& link = clients_network_.arrive(from);
  bool waiting = false;
  limits_.clients.take(from, loop_.now());
  limits_.process.take(waiting);
  listener_limit_.take(waiting);
  std::unique_ptr<Transport> stream = link.near();
  auto places = std::make_unique<daemon::Places>(limits_, listener_limit_, from);
  daemon::Places& taken = *places;
  stream->carry(std::move(places));
  service_->adopt(std::move(stream), taken);
  return &link;
}

void World::reload(const std::shared_ptr<const config::Config>& config) {
  trace_.add(loop_.elapsed(), "reload");
  gateway_.apply(config);
  service_->apply(config->listeners[0], nullptr);
}

void World::drain() {
  if (std::exchange(ledger_.draining, true)) return;
  trace_.add(loop_.elapsed(), "drain");
  service_->finish([this] { trace_.add(loop_.elapsed(), "drained"); });
  gateway_.drain({});
}

void World::client_done() {
  for (const auto& client : clients_) {
    if (!client->done()) return;
  }
  drain();
}

Verdict World::run() {
  begin();
  while (ledger_.first_broken().empty() && loop_.turn()) {
    ++turns_;
    check_turn();
  }
  if (ledger_.first_broken().empty()) check_end();

  return {ledger_.first_broken(), trace_.digest(), turns_, plan_.calm};
}

void World::check_turn() {
  if (turns_ > turns_max) ledger_.broken("the world does not come to an end");
  if (loop_.turns_at_this_time() > turns_without_time_max) ledger_.broken("the loop never rests");
  // A read buffer and what may wait for a slow peer, in each direction, and the heads.
  const std::size_t connections = clients_network_.open() + upstreams_.open();
  if (loop_.blocks().in_use() > blocks_a_connection_max * connections)
    ledger_.broken("more is kept in memory than may wait");
  // What a reload has replaced may keep connections of its own for a while.
  if (!plan_.changes.empty()) return;
  for (const auto& [name, upstream] : plan_.config->upstreams) {
    if (upstream.max_sockets == 0 || upstream.servers[0].kind == Address::Kind::name) continue;
    const std::size_t first = name == "u0" ? 0 : 2;
    for (std::size_t i = first; i < first + 2; ++i) {
      const std::size_t http = upstreams_.open_to(*origins_[i]) - origins_[i]->streams();
      if (http > upstream.max_sockets) ledger_.broken("more than max_sockets connections");
    }
  }
}

void World::check_end() {
  gateway_.flush_log();
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    if (!clients_[i]->done()) ledger_.broken("client {} waits for ever", i);
  }
  if (!service_->finished()) ledger_.broken("the service never finished");
  if (gateway_.tunnels() > 0) ledger_.broken("{} streams are left", gateway_.tunnels());
  if (gateway_.exchanges() > 0) ledger_.broken("{} exchanges are left", gateway_.exchanges());
  if (clients_network_.open() > 0) ledger_.broken("{} connections of clients are left", clients_network_.open());
  if (upstreams_.open() > 0) ledger_.broken("{} connections to upstreams are left", upstreams_.open());
  if (loop_.blocks().in_use() > 0) ledger_.broken("{} blocks of memory are left", loop_.blocks().in_use());
  if (limits_.process.taken() > 0) ledger_.broken("{} places are not given back", limits_.process.taken());
  if (loop_.referenced()) ledger_.broken("the loop still waits for something");
  ledger_.judge();
}

}  // namespace

Verdict simulate(std::uint64_t seed, bool print) {
  const Plan plan = make_plan(seed);
  return World(plan, print).run();
}

}  // namespace culvert::simulation
