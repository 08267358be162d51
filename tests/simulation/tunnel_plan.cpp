#include "simulation/tunnel_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "simulation/plan.hpp"

namespace culvert::simulation {

namespace {

using namespace std::chrono_literals;
using config::milliseconds;
using Mood = TunnelPlan::Mood;

constexpr const char* name_of_section = "egress";

milliseconds within(Random& random, unsigned least, unsigned most) { return milliseconds(random.between(least, most)); }

Egress make_egress(Random& random) {
  return {.allows_by_default = random.one_in(2),
          .denies_a_network = random.one_in(3),
          .denies_encrypted_hellos = random.one_in(3),
          .has_parents = !random.one_in(4),
          .allows_names = true};
}

void change(Egress& egress, Random& random) {
  if (random.one_in(3)) egress.allows_by_default = !egress.allows_by_default;
  if (random.one_in(4)) egress.denies_a_network = !egress.denies_a_network;
  if (random.one_in(4)) egress.allows_names = !egress.allows_names;
}

// What holds however the rules change.
config::Tunnel make_section(const Plan& plan, Random& random) {
  config::Tunnel section;
  section.name = name_of_section;
  section.hello_timeout = plan.calm ? 600'000ms : within(random, 500, 10'000);
  section.connect_timeout = plan.calm ? 10'000ms : within(random, 200, 5'000);
  section.idle_timeout = plan.calm ? config::no_limit : within(random, 500, 20'000);
  section.parent_check_interval = random.one_in(4) ? config::off : within(random, 200, 3'000);
  if (random.one_in(6)) section.bandwidth = random.between(5'000, 500'000);
  if (random.one_in(6)) section.bandwidth_per_client = random.between(5'000, 500'000);
  if (random.one_in(6)) section.max_tunnels = static_cast<std::uint32_t>(random.between(1, 3));
  if (random.one_in(6)) section.max_tunnels_per_client = 1;
  if (plan.calm) return section;
  if (random.one_in(4)) section.max_lifetime = within(random, 500, 5'000);
  if (random.one_in(6)) section.max_bytes = random.size(50'000) + 1;
  if (random.one_in(6)) {
    section.max_bytes_per_client = random.size(100'000) + 1;
    section.max_bytes_per_client_interval = within(random, 500, 20'000);
  }
  return section;
}

// Of the listener and its rules.
config::Config with_egress(const config::Config& before, const Plan& plan, const config::Tunnel& written,
                           const Egress& egress) {
  config::Config config = before;
  config::Listener listener{.name = name_of_section, .addresses = {}, .max_connections = 0, .server = {}};
  listener.server = config.listeners[0].server;
  listener.mode = config::ListenerMode::forward;
  listener.tunnel = name_of_section;
  listener.proxy_protocol = plan.tunnels.proxy_header;
  config::Tunnel section = written;
  section.default_allow = egress.allows_by_default;
  section.encrypted_client_hello =
      egress.denies_encrypted_hellos ? config::EncryptedClientHello::deny : config::EncryptedClientHello::allow;
  section.ports.clear();
  section.http_ports = {http_port};
  const auto listens_at = [&](const Destination& destination, std::uint16_t port) {
    if (!destination.host.starts_with("self") && destination.host != "10.0.0.1") return;
    const Address own = Address::of(address("10.0.0.1", port));
    if (std::ranges::find(listener.addresses, own) == listener.addresses.end()) listener.addresses.push_back(own);
  };
  for (const ClientPlan& client : plan.clients) {
    for (const RequestPlan& request : client.requests) {
      if (request.destination != nullptr) listens_at(*request.destination, request.port);
    }
  }
  for (const TunnelClientPlan& client : plan.tunnels.clients) {
    for (const TunnelPlan& tunnel : client.tunnels) {
      section.ports.push_back(static_cast<std::uint16_t>(allowed_ports + tunnel.id));
      listens_at(*tunnel.destination, tunnel.port);
    }
  }
  config::Parents parents;
  for (std::size_t i = 0; i < parents_max; ++i) parents.proxies.push_back(Address::of(parent_address(i)));
  parents.auth = "culvert:secret";
  section.rules = rules_of(egress, parents);
  config.tunnels[name_of_section] = section;
  config.listeners.push_back(listener);
  config.log.access->fields = {"http.request.method",    "url.path",   "http.response.status_code",
                               "http.request.body.size", "duration",   "http.response.body.size",
                               "culvert.server",         "error.type", "client.address"};
  return config;
}

TunnelPlan::End make_end(const Plan& plan, Random& random) {
  TunnelPlan::End end;
  end.bytes = make_size(plan, random);
  end.piece = make_piece(random, end.bytes);
  end.think = up_to(random, 100ms);
  end.pause = random.one_in(3) ? up_to(random, 50ms) : Duration::zero();
  if (plan.calm || !random.one_in(6)) return end;
  end.mood = static_cast<Mood>(random.between(1, 4));
  end.mood_at = random.size(end.bytes + 100);
  return end;
}

// Ten that are right, and two that are not.
ProxyHeader make_header(Random& random, bool right) {
  static constexpr std::array kinds{ProxyHeader::v1, ProxyHeader::v2,      ProxyHeader::v1,     ProxyHeader::v2,
                                    ProxyHeader::v1, ProxyHeader::v2,      ProxyHeader::local,  ProxyHeader::unknown,
                                    ProxyHeader::v2, ProxyHeader::unknown, ProxyHeader::broken, ProxyHeader::late};
  return kinds[random.below(right ? 10 : kinds.size())];
}

TunnelPlan make_tunnel(const Plan& plan, Random& random, unsigned id) {
  TunnelPlan tunnel;
  tunnel.id = id;
  tunnel.destination = &random.pick(destinations());
  tunnel.port = static_cast<std::uint16_t>((random.one_in(8) ? denied_ports : allowed_ports) + id);
  tunnel.http10 = random.one_in(8);
  tunnel.client = make_end(plan, random);
  tunnel.target = make_end(plan, random);
  if (tunnel.destination->host.ends_with(".tls.sim")) {
    tunnel.hello.kind = static_cast<Hello::Kind>(random.one_in(3) ? 1 : random.between(1, 9));
    const bool narrow = std::min(plan.clients_weather.window, plan.upstreams_weather.window) == 1;
    if (narrow && tunnel.hello.kind == Hello::Kind::too_large) tunnel.hello.kind = Hello::Kind::no_tls;
    if (tunnel.hello.kind == Hello::Kind::late) tunnel.client.bytes = 0;
  }
  tunnel.early = random.one_in(2) ? random.size(TunnelStream::up(tunnel).size()) : 0;
  switch (random.below(6)) {
    case 0:
      tunnel.client.waits = !tunnel.destination->host.ends_with(".tls.sim");
      break;
    case 1:
      tunnel.target.waits = true;
      break;
    default:
      break;
  }
  if (plan.tunnels.proxy_header) {
    tunnel.header = make_header(random, false);
    tunnel.speaks_for =
        address("198.51.100." + std::to_string(random.between(1, 3)), static_cast<std::uint16_t>(5'000 + id));
  }
  for (ParentAnswer& answer : tunnel.parents) {
    answer = static_cast<ParentAnswer>(random.one_in(2) ? random.below(2) : random.below(13));
  }
  return tunnel;
}

// Asks for `http://` targets, and leaves parents to tunnels.
ClientPlan make_forward_client(const Plan& plan, Random& random, unsigned& next_id) {
  ClientPlan client = make_client(plan, random, next_id);
  client.forward = true;
  for (RequestPlan& request : client.requests) {
    do {
      request.destination = &random.pick(destinations());
    } while (request.destination->host.ends_with(".far.sim"));
    request.port = random.one_in(8) ? denied_ports : http_port;
    request.target = fmt::format("http://{}:{}/fwd/{}", request.destination->host, request.port, request.id);
    request.upgrades = false;
    request.stream = request.early = 0;
  }
  return client;
}

void give_headers(Plan& plan, Random& random, bool forward) {
  for (std::size_t i = 0; i < plan.clients.size(); ++i) {
    ClientPlan& client = plan.clients[i];
    if (client.forward != forward) continue;
    client.header = make_header(random, true);
    client.speaks_for = address("198.51.100." + std::to_string(i + 1), static_cast<std::uint16_t>(5'000 + i));
  }
}

}  // namespace

Endpoint parent_address(std::size_t number) { return address("10.0.3." + std::to_string(number + 1), 3128); }

const config::Tunnel& egress_of(const Plan& plan) { return plan.config->tunnels.at(name_of_section); }

void add_tunnels(Plan& plan) {
  Random random = Random(plan.seed).fork(7);
  if (random.one_in(3)) return;
  if (random.one_in(2)) plan.clients.clear();
  TunnelsPlan& tunnels = plan.tunnels;
  tunnels.proxy_header = random.one_in(4);
  tunnels.targets_fail = !plan.calm && random.one_in(3);
  unsigned id = 1;
  for (std::uint64_t clients = random.between(1, 5); clients > 0; --clients) {
    TunnelClientPlan& client = tunnels.clients.emplace_back();
    client.begins = up_to(random, 500ms);
    client.slow = random.one_in(4);
    for (std::uint64_t count = random.between(1, 4); count > 0; --count) {
      client.tunnels.push_back(make_tunnel(plan, random, id++));
    }
  }
  unsigned next_id = 1;
  for (const ClientPlan& client : plan.clients) next_id += static_cast<unsigned>(client.requests.size());
  for (std::uint64_t clients = random.below(3); clients > 0; --clients) {
    plan.clients.push_back(make_forward_client(plan, random, next_id));
  }
  if (tunnels.proxy_header) give_headers(plan, random, true);
  if (random.one_in(4)) {
    tunnels.outage_begins = up_to(random, 500ms);
    tunnels.outage_ends = tunnels.outage_begins + up_to(random, 2s);
  }
  if (!plan.calm && random.one_in(6)) tunnels.cut_at = up_to(random, 3s);
  const config::Tunnel section = make_section(plan, random);
  tunnels.egress.push_back(make_egress(random));
  plan.config = std::make_shared<const config::Config>(with_egress(*plan.config, plan, section, tunnels.egress[0]));
  for (Change& next : plan.changes) {
    Egress egress = tunnels.egress.back();
    change(egress, random);
    tunnels.egress.push_back(egress);
    next.config = std::make_shared<const config::Config>(with_egress(*next.config, plan, section, egress));
  }
}

void add_proxy_headers(Plan& plan) {
  Random random = Random(plan.seed).fork(9);
  const bool wanted = random.one_in(6);
  if (wanted) give_headers(plan, random, false);
  static constexpr std::array kinds{config::SendProxyProtocol::none, config::SendProxyProtocol::none,
                                    config::SendProxyProtocol::none, config::SendProxyProtocol::v1,
                                    config::SendProxyProtocol::v2};
  const std::array sent{kinds[random.below(kinds.size())], kinds[random.below(kinds.size())]};
  const auto with_headers = [&](std::shared_ptr<const config::Config>& before) {
    config::Config config = *before;
    config.listeners[0].proxy_protocol = wanted;
    config.upstreams["u0"].send_proxy_protocol = sent[0];
    config.upstreams["u1"].send_proxy_protocol = sent[1];
    if (wanted && plan.tunnels.clients.empty()) config.log.access->fields.push_back("client.address");
    before = std::make_shared<const config::Config>(config);
  };
  with_headers(plan.config);
  for (Change& next : plan.changes) with_headers(next.config);
}

std::string TunnelPlan::authority() const { return fmt::format("{}:{}", destination->host, port); }

TunnelStream TunnelStream::up(const TunnelPlan& plan) {
  return {plan.hello.text(plan.destination->host), plan.id * 2 + 1'000, plan.client.bytes};
}

TunnelStream TunnelStream::down(const TunnelPlan& plan) { return {{}, plan.id * 2 + 1'001, plan.target.bytes}; }

std::string TunnelStream::text() const { return first_ + Body{salt_, bytes_}.text(); }

bool TunnelStream::has(std::size_t offset, std::string_view part) const {
  if (offset < first_.size()) {
    const std::string_view first = std::string_view(first_).substr(offset);
    const std::size_t count = std::min(first.size(), part.size());
    if (first.substr(0, count) != part.substr(0, count)) return false;
    part.remove_prefix(count);
    offset += count;
  }
  return part.empty() || Body{salt_, bytes_}.has(offset - first_.size(), part);
}

}  // namespace culvert::simulation
