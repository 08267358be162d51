#include "simulation/simulation.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "base/block_pool.hpp"
#include "culvert/http.hpp"
#include "daemon/places.hpp"
#include "daemon/service.hpp"
#include "proxy/fleet.hpp"
#include "proxy/gateway.hpp"
#include "simulation/client.hpp"
#include "simulation/ledger.hpp"
#include "simulation/origin.hpp"
#include "simulation/parent.hpp"
#include "simulation/plan.hpp"
#include "simulation/target.hpp"
#include "simulation/tunnel_client.hpp"

namespace culvert::simulation {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t turns_max = 3'000'000;
constexpr std::size_t dialled_max = 10'000;  // by health checks, which go on for as long as somebody is there
constexpr std::uint64_t turns_without_time_max = 100'000;
Endpoint black_hole(std::size_t host) { return *Endpoint::parse_ip("2001:db8::" + std::to_string(host + 1), 80); }

constexpr std::size_t blocks_a_connection_max = 224 * 1024 / Block::total_bytes;

struct Records final : proxy::LogSink {
  Records(Ledger& of_exchanges, TunnelLedger& of_tunnels) : exchanges(of_exchanges), tunnels(of_tunnels) {}
  void submit(std::string& buffer, std::uint32_t) override {
    std::string_view lines = buffer;
    while (!lines.empty()) {
      const std::string_view line = lines.substr(0, lines.find('\n'));
      lines.remove_prefix(std::min(lines.size(), line.size() + 1));
      const bool of_tunnel =
          line.find("\"CONNECT\"") != std::string_view::npos || line.find("\"proxy_header") != std::string_view::npos;
      of_tunnel ? tunnels.record(line) : exchanges.record(line);
    }
    buffer.clear();
  }
  Ledger& exchanges;
  TunnelLedger& tunnels;
};

class World {
 public:
  World(const Plan& plan, bool print);
  Verdict run();

 private:
  struct Door {  // one of culvert's listeners
    std::unique_ptr<daemon::ConnectionLimit> limit;
    std::unique_ptr<daemon::Service> service;
  };

  void begin();
  void people_tunnels();
  Link* dial(Door& door, const Endpoint& from);
  void reload(std::size_t change);
  void drain();
  void close_tunnels();
  void client_done();
  void check_turn();
  void check_standing();
  void check_end();
  void check_places();

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
  TunnelLedger tunnels_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::vector<std::unique_ptr<Origin>> far_origins_;
  std::vector<std::unique_ptr<Parent>> parents_;
  std::vector<std::unique_ptr<TunnelClient>> tunnel_clients_;
  // culvert, as a worker has it
  Records records_;
  daemon::Limits limits_;
  daemon::HandshakeLimit handshakes_{loop_, [] {}};
  Http http_;
  proxy::Fleets fleets_{1};
  proxy::Gateway gateway_;
  std::vector<Door> doors_;  // as the configuration has its listeners
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
      tunnels_(loop_, trace_, ledger_, plan),
      records_(ledger_, tunnels_),
      limits_{daemon::ConnectionLimit([] {}), daemon::ClientLimit([](std::uint64_t) {})},
      http_(loop_, upstreams_, resolver_),
      gateway_(http_, &records_, limits_.tunnels, {fleets_, 0}) {
  for (std::size_t i = 0; i < plan.hosts.size(); ++i) {
    const config::Upstream& upstream = plan.config->upstreams.at(i < 2 ? "u0" : "u1");
    const bool with_header = upstream.send_proxy_protocol != config::SendProxyProtocol::none;
    origins_.push_back(
        std::make_unique<Origin>(loop_, trace_, ledger_, plan, plan.hosts[i], with_header, random_.fork(10 + i)));
    upstreams_.add(host_address(i), *origins_.back());
  }
  resolver_.add("u0.sim", {host_address(0), host_address(1)});
  resolver_.add("u1.sim", {host_address(2), host_address(3)});
  for (const std::size_t first : {0U, 2U}) {
    std::vector<NamedHost> hosts;
    for (std::size_t i = first; i < first + 2; ++i) {
      const std::string name = "h" + std::to_string(i) + ".sim";
      // Beside it, where requests do not have all the time there is: an address where nobody is, and nothing says so.
      resolver_.add(name, plan.calm ? Endpoints{host_address(i)} : Endpoints{black_hole(i), host_address(i)});
      const bool is_backup = plan.seed % 2 == 0 && i > first;
      hosts.push_back({.host = name,
                       .port = 80,
                       .priority = static_cast<std::uint16_t>(is_backup ? 1 : 0),
                       .weight = static_cast<std::uint16_t>(i),
                       .endpoints = {}});
    }
    resolver_.add_service("_http._tcp.u" + std::to_string(first / 2) + ".sim", std::move(hosts));
  }
  if (!plan.tunnels.clients.empty()) people_tunnels();
}

void World::people_tunnels() {
  // The last two are nobody's to reach.
  static constexpr const char* machines[] = {"9.9.0.1",  "9.9.0.2",  "9.9.0.3",  "9.9.0.4",        "2620:fe::1",
                                             "9.9.66.1", "10.9.0.1", "10.7.0.1", "169.254.169.254"};
  static constexpr std::size_t machines_with_origins = 7;
  Random random = random_.fork(5);
  for (const char* const ip : machines) {
    targets_.push_back(
        std::make_unique<Target>(loop_, trace_, tunnels_, random.fork(targets_.size()), plan_.tunnels.targets_fail));
    upstreams_.add(address(ip, 0), *targets_.back());
  }
  for (std::size_t i = 0; i < parents_max; ++i) {
    parents_.push_back(std::make_unique<Parent>(loop_, trace_, tunnels_, ledger_, plan_, i, random.fork(20 + i)));
    upstreams_.add(parent_address(i), *parents_.back());
  }
  for (std::size_t i = 0; i < machines_with_origins; ++i) {
    const HostPlan& host = plan_.hosts[i % plan_.hosts.size()];
    far_origins_.push_back(std::make_unique<Origin>(loop_, trace_, ledger_, plan_, host, false, random.fork(30 + i)));
    upstreams_.add(address(machines[i], http_port), *far_origins_.back());
  }
  upstreams_.watch([this](const Endpoint& to) { tunnels_.dialled(to); });
  resolver_.ask([this](const std::string& name, std::uint16_t port) { return tunnels_.look_up(name, port); });
}

void World::begin() {
  ledger_.applied(*plan_.config);
  gateway_.apply(plan_.config);
  for (const config::Listener& listener : plan_.config->listeners) {
    Door& door = doors_.emplace_back();
    door.limit = std::make_unique<daemon::ConnectionLimit>([] {});
    door.service = std::make_unique<daemon::Service>(http_, gateway_, *door.limit, handshakes_, listener, nullptr);
  }
  for (std::size_t i = 0; i < plan_.clients.size(); ++i) {
    const Endpoint from = address("192.0.2." + std::to_string(i + 1), 40'000);
    clients_.push_back(std::make_unique<Client>(
        loop_, trace_, ledger_, tunnels_, plan_.clients[i], random_.fork(100 + i),
        [this, from, door = plan_.clients[i].forward ? 1 : 0] { return dial(doors_[door], from); },
        [this] { client_done(); }));
  }
  for (std::size_t i = 0; i < plan_.tunnels.clients.size(); ++i) {
    const Endpoint from = address("192.0.2." + std::to_string(i + 101), 40'000);
    tunnel_clients_.push_back(std::make_unique<TunnelClient>(
        loop_, trace_, tunnels_, ledger_, plan_.tunnels.clients[i], random_.fork(200 + i),
        [this, from] { return dial(doors_[1], from); }, [this] { client_done(); }));
  }
  for (std::size_t i = 0; i < plan_.changes.size(); ++i) {
    loop_.after(plan_.changes[i].when, [this, i] { reload(i); });
  }
  for (const Duration when : plan_.jumps) {
    loop_.after(when, [this] {
      trace_.add(loop_.elapsed(), "the clock jumps");
      loop_.jump(plan_.calm ? 0s : 2s, random_.one_in(2) ? 1h : -1h);
    });
  }
  if (plan_.drain.count() > 0) loop_.after(500ms + plan_.drain, [this] { drain(); });
  if (plan_.tunnels.cut_at.count() > 0) loop_.after(plan_.tunnels.cut_at, [this] { close_tunnels(); });
}

Link* World::dial(Door& door, const Endpoint& from) {
  if (ledger_.draining) return nullptr;
  Link& link = clients_network_.arrive(from);
  const Endpoint client = door.service->is_client(from) ? from : Endpoint{};
  bool waiting = false;
  limits_.clients.take(client, loop_.now());
  limits_.process.take(waiting);
  door.limit->take(waiting);
  std::unique_ptr<Transport> stream = link.near();
  auto places = std::make_unique<daemon::Places>(limits_, *door.limit, client);
  daemon::Places& taken = *places;
  stream->carry(std::move(places));
  door.service->adopt(std::move(stream), taken);
  return &link;
}

void World::reload(std::size_t change) {
  const std::shared_ptr<const config::Config>& config = plan_.changes[change].config;
  if (ledger_.draining) return;  // as the daemon: there is nothing to reload for
  trace_.add(loop_.elapsed(), "reload");
  if (!tunnel_clients_.empty()) tunnels_.rules_change(plan_.tunnels.egress[change + 1]);
  ledger_.applied(*config);
  gateway_.apply(config);
  for (std::size_t i = 0; i < doors_.size(); ++i) doors_[i].service->apply(config->listeners[i], nullptr);
}

void World::drain() {
  if (std::exchange(ledger_.draining, true)) return;
  trace_.add(loop_.elapsed(), "drain");
  for (const Door& door : doors_) door.service->finish([this] { trace_.add(loop_.elapsed(), "drained"); });
  gateway_.drain({});
}

void World::close_tunnels() {
  trace_.add(loop_.elapsed(), "all tunnels are closed");
  tunnels_.closed_by_operator();
  gateway_.close_tunnels();
}

void World::client_done() {
  for (const auto& client : clients_) {
    if (!client->done()) return;
  }
  for (const auto& client : tunnel_clients_) {
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
  if (turns_ > turns_max || upstreams_.dialled() > dialled_max) ledger_.broken("the world does not come to an end");
  if (loop_.turns_at_this_time() > turns_without_time_max) ledger_.broken("the loop never rests");
  // A read buffer and what may wait for a slow peer, in each direction, the heads, and a body that may have to be sent
  // again.
  const std::size_t connections = clients_network_.open() + upstreams_.open();
  if (loop_.blocks().in_use() > blocks_a_connection_max * connections)
    ledger_.broken("more is kept in memory than may wait");
  check_standing();
  // What a reload has replaced may keep connections of its own for a while.
  if (!plan_.changes.empty()) return;
  for (const auto& [name, upstream] : plan_.config->upstreams) {
    const std::size_t first = name == "u0" ? 0 : 2;
    if (upstream.max_requests != 0 &&
        origins_[first]->under_way() + origins_[first + 1]->under_way() > upstream.max_requests)
      ledger_.broken("more than max_requests requests");
    const bool has_others = upstream.health || upstream.servers[0].address.kind != Address::Kind::ip;
    if (upstream.max_sockets == 0 || has_others) continue;
    for (std::size_t i = first; i < first + 2; ++i) {
      const std::size_t http = upstreams_.open_to(*origins_[i]) - origins_[i]->streams();
      if (http > upstream.max_sockets) ledger_.broken("more than max_sockets connections");
    }
  }
}

void World::check_standing() {
  if (tunnel_clients_.empty()) return;
  const std::size_t most = egress_of(plan_).max_tunnels;
  if (most == 0 || gateway_.tunnels() <= most) return;
  std::size_t standing = 0;
  gateway_.for_each_tunnel([&](const proxy::TunnelView& tunnel) { standing += tunnel.tunnel.empty() ? 0U : 1U; });
  if (standing > most) ledger_.broken("{} tunnels stand, and {} may", standing, most);
}

void World::check_end() {
  gateway_.flush_log();
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    if (!clients_[i]->done()) ledger_.broken("client {} waits for ever", i);
  }
  for (std::size_t i = 0; i < tunnel_clients_.size(); ++i) {
    if (!tunnel_clients_[i]->done()) ledger_.broken("client {} of tunnels waits for ever", i);
  }
  for (const Door& door : doors_) {
    if (!door.service->finished()) ledger_.broken("the service never finished");
    if (door.limit->taken() > 0) ledger_.broken("{} places of a listener are not given back", door.limit->taken());
  }
  if (gateway_.tunnels() > 0) ledger_.broken("{} streams are left", gateway_.tunnels());
  if (gateway_.exchanges() > 0) ledger_.broken("{} exchanges are left", gateway_.exchanges());
  if (clients_network_.open() > 0) ledger_.broken("{} connections of clients are left", clients_network_.open());
  if (upstreams_.open() > 0) ledger_.broken("{} connections to upstreams are left", upstreams_.open());
  if (loop_.blocks().in_use() > 0) ledger_.broken("{} blocks of memory are left", loop_.blocks().in_use());
  if (limits_.process.taken() > 0) ledger_.broken("{} places are not given back", limits_.process.taken());
  if (loop_.referenced()) ledger_.broken("the loop still waits for something");
  check_places();
  ledger_.judge();
  tunnels_.judge();
}

// That all are free again is seen by taking them.
void World::check_places() {
  if (tunnel_clients_.empty()) return;
  const config::Tunnel& section = egress_of(plan_);
  std::vector<proxy::TunnelPlaces::Place> taken(section.max_tunnels);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const std::string client = "after " + std::to_string(i);
    const auto tunnel = proxy::TunnelPlaces::Use::tunnel;
    if (limits_.tunnels.take(section, client, tunnel, loop_.now(), taken[i]) != proxy::Reason::none)
      ledger_.broken("places of tunnels are not given back");
  }
  taken.clear();
  if (section.max_bytes_per_client == 0 && limits_.tunnels.clients(section.name) > 0)
    ledger_.broken("places of tunnels are kept for {} clients", limits_.tunnels.clients(section.name));
}

}  // namespace

Verdict simulate(std::uint64_t seed, bool print) {
  const Plan plan = make_plan(seed);
  return World(plan, print).run();
}

}  // namespace culvert::simulation
