#include "simulation/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace culvert::simulation {

namespace {

using namespace std::chrono_literals;
using config::milliseconds;

constexpr std::size_t large_body = 1'000'000;

Weather make_weather(Random& random) {
  static constexpr std::array<std::size_t, 4> windows{1, 700, 5'000, 64 * 1024};
  Weather weather;
  weather.delay_max = up_to(random, random.one_in(3) ? 40ms : 2ms);
  weather.delay_min = up_to(random, weather.delay_max);
  weather.window = windows[random.below(4)];
  weather.short_reads = random.one_in(2);
  return weather;
}

Address address_of(std::size_t host) { return Address::of(host_address(host)); }

config::Upstream make_upstream(const Plan& plan, Random& random, const std::string& name, std::size_t first,
                               std::size_t count) {
  config::Upstream upstream;
  upstream.name = name;
  if (random.one_in(3)) {
    const bool is_service = random.fork(3).one_in(2);
    upstream.servers.push_back(
        is_service ? Address{.kind = Address::Kind::service, .ip = {}, .text = "_http._tcp." + name + ".sim", .port = 0}
                   : Address{.kind = Address::Kind::name, .ip = {}, .text = name + ".sim", .port = 80});
  } else {
    for (std::size_t i = 0; i < count; ++i) upstream.servers.push_back(address_of(first + i));
  }
  static constexpr std::array<std::uint32_t, 4> sockets{0, 0, 1, 3};
  upstream.max_sockets = sockets[random.below(4)];
  upstream.max_free_sockets = random.one_in(4) ? 1 : 256;
  upstream.scheduling = random.one_in(2) ? config::Scheduling::lifo : config::Scheduling::fifo;
  upstream.keep_alive = !random.one_in(6);
  upstream.timeout = random.one_in(2) ? 60'000ms : 300ms;
  // A calm exchange may wait for a connection as long as others take.
  upstream.connect_timeout = plan.calm ? config::no_limit : milliseconds(random.between(200, 5'000));
  upstream.response_timeout = plan.calm ? config::no_limit : milliseconds(random.between(500, 20'000));
  if (random.one_in(2)) upstream.resolve = random.fork(2).one_in(2) ? 30'000ms : 100ms;
  Random waits = random.fork(1);
  static constexpr std::array<milliseconds, 4> checks{10ms, 10ms, 1ms, config::off};
  upstream.check_free_after = checks[waits.below(4)];
  if (!plan.calm) {
    upstream.max_pending = waits.one_in(4) ? 1 : 0;
    upstream.pending_timeout = waits.one_in(3) ? milliseconds(waits.between(1, 500)) : config::no_limit;
  }
  return upstream;
}

config::Route make_route(const std::string& name, const std::string& upstream) {
  config::Route route;
  route.name = name;
  route.match.paths.push_back({.text = "/" + upstream, .prefix = true});
  route.action = config::ToUpstream{upstream};
  return route;
}

config::Config make_config(const Plan& plan, Random& random) {
  config::Config config;
  config.log.access = config::AccessLog{
      .file = "-", .format = {}, .fields = {"url.path", "http.response.status_code", "error.type"}, .redact = {}};
  config::Listener listener{.name = "web", .addresses = {}, .max_connections = 0, .server = {}};
  config::Server& server = listener.server;
  if (!plan.calm) {
    server.headers_timeout = milliseconds(random.between(500, 10'000));
    server.request_timeout = server.headers_timeout + milliseconds(random.between(0, 20'000));
    server.timeout = random.one_in(2) ? config::no_limit : milliseconds(random.between(500, 20'000));
    server.max_body_size = random.one_in(4) ? 2'000 : 0;
    server.keep_alive_timeout = milliseconds(random.between(100, 5'000));
    server.upgrade_idle_timeout = milliseconds(random.between(500, 20'000));
    server.upgrade_max_lifetime = random.one_in(4) ? milliseconds(random.between(500, 5'000)) : config::no_limit;
  } else {
    server.request_timeout = config::no_limit;
    server.min_body_rate_interval = config::off;  // a network may carry a byte at a time
    server.upgrade_idle_timeout = config::no_limit;
  }
  server.max_requests_per_socket = random.one_in(4) ? 2 : 0;
  server.high_water_mark = random.one_in(3) ? 1024 : 64 * 1024;
  config.listeners.push_back(listener);
  config.upstreams["u0"] = make_upstream(plan, random, "u0", 0, 2);
  config.upstreams["u1"] = make_upstream(plan, random, "u1", 2, 2);
  config.routes = {make_route("first", "u0"), make_route("second", "u1")};
  return config;
}

// A reload: what changes must not disturb what does not.
config::Config change(const Plan& plan, Random& random, config::Config config) {
  switch (random.below(5)) {
    case 0:
      std::swap(config.routes[0], config.routes[1]);
      break;
    case 1:
      config.routes[0].name += "-renamed";
      break;
    case 2:
      config.upstreams["u0"].keep_alive_msecs += 1ms;
      break;  // makes it another upstream
    case 3:
      config.upstreams["u1"] = make_upstream(plan, random, "u1", 2, 2);
      break;
    case 4:
      config.listeners[0].server.via = "other";
      break;
  }
  return config;
}

RequestPlan make_request(const Plan& plan, Random& random, const ClientPlan& client, unsigned id) {
  static constexpr std::array<const char*, 6> methods{"GET", "GET", "HEAD", "POST", "PUT", "DELETE"};
  static constexpr std::array<const char*, 6> malformed{
      "GET /u0/0 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
      "GET /u0/0 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "POST /u0/0 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
      "GET /u0/0 HTTP/1.1\nHost: a\n\n",
      "POST /u0/0 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "GET /u0/0 HTTP/1.1\r\nHost: a\r\n X: folded\r\n\r\n"};
  RequestPlan request;
  request.id = id;
  request.method = methods[random.below(6)];
  request.target = "/u" + std::to_string(random.below(2)) + "/" + std::to_string(id);
  const bool body = request.method == "POST" || request.method == "PUT" || random.one_in(8);
  if (body) {
    request.framing = client.http10 || random.one_in(2) ? Framing::length : Framing::chunked;
    request.body = make_size(plan, random);
    request.trailers = request.framing == Framing::chunked && random.one_in(3);
    request.expects = !client.http10 && client.pipeline == 1 && random.one_in(4);
  }
  if (!client.http10 && client.pipeline == 1 && !request.expects && random.one_in(3)) {
    request.upgrades = true;
    request.stream = make_size(plan, random);
    request.early = random.one_in(2) ? random.size(request.stream) : 0;
  }
  request.announces_trailers = request.trailers || random.one_in(8);
  request.think = up_to(random, 300ms);
  request.pause = random.one_in(3) ? up_to(random, 50ms) : Duration::zero();
  request.piece = make_piece(random, request.body + request.stream);
  if (!plan.calm && random.one_in(6)) {
    using Mood = RequestPlan::Mood;
    static constexpr std::array moods{Mood::resets,      Mood::closes,    Mood::stalls,
                                      Mood::half_closes, Mood::malformed, Mood::malformed};
    request.mood = moods[random.below(moods.size())];
    request.mood_at = random.size(200 + request.body + request.stream);
    if (request.mood == Mood::malformed) request.malformed = malformed[random.below(malformed.size())];
  }
  return request;
}

}  // namespace

Duration up_to(Random& random, Duration most) {
  return Duration(static_cast<Duration::rep>(random.below(static_cast<std::uint64_t>(most.count()) + 1)));
}

// A window of one byte is for small bodies.
std::size_t make_size(const Plan& plan, Random& random) {
  const std::size_t window = std::min(plan.clients_weather.window, plan.upstreams_weather.window);
  const bool short_reads = plan.clients_weather.short_reads || plan.upstreams_weather.short_reads;
  const std::size_t most = window == 1 ? 60 : window < 1'000 ? 5'000 : short_reads ? 60'000 : large_body;
  if (random.one_in(16)) return most;
  return random.one_in(3) ? 0 : random.size(most);
}

// What is sent at once.
std::size_t make_piece(Random& random, std::size_t body) {
  return random.one_in(3) ? 1 + random.size(2'000) + body / 100 : large_body * 2;
}

Endpoint host_address(std::size_t number) { return *Endpoint::parse_ip("10.0.1." + std::to_string(number + 1), 80); }

ClientPlan make_client(const Plan& plan, Random& random, unsigned& next_id) {
  ClientPlan client;
  client.begins = up_to(random, 500ms);
  client.http10 = random.one_in(8);
  client.pipeline = client.http10 || random.one_in(2) ? 1 : 3;
  client.slow = random.one_in(4);
  client.stays = random.one_in(3);
  const std::uint64_t count = random.between(1, 5);
  for (std::uint64_t i = 0; i < count; ++i) client.requests.push_back(make_request(plan, random, client, next_id++));
  return client;
}

Plan make_plan(std::uint64_t seed) {
  Random random(seed);
  Plan plan;
  plan.seed = seed;
  plan.calm = random.one_in(3);
  plan.clients_weather = make_weather(random);
  plan.upstreams_weather = make_weather(random);
  config::Config config = make_config(plan, random);
  plan.config = std::make_shared<const config::Config>(config);
  for (std::size_t i = 0; i < hosts_max; ++i) {
    HostPlan host;
    if (random.one_in(3)) host.idle = up_to(random, 400ms);
    if (!plan.calm) {
      host.may_refuse = random.one_in(3);
      host.may_hang = random.one_in(4);
    }
    Random keeps = random.fork(1);
    host.idle_varies = keeps.one_in(2);
    if (keeps.one_in(3)) host.requests_max = static_cast<unsigned>(keeps.between(1, 3));
    plan.hosts.push_back(host);
  }
  unsigned next_id = 1;
  const std::uint64_t clients = random.between(1, 6);
  for (std::uint64_t i = 0; i < clients; ++i) plan.clients.push_back(make_client(plan, random, next_id));
  for (std::uint64_t i = random.below(4); i > 0; --i) {
    config = change(plan, random, config);
    plan.changes.push_back({up_to(random, 3s), std::make_shared<const config::Config>(config)});
  }
  std::ranges::sort(plan.changes, {}, &Change::when);
  for (std::uint64_t i = random.below(3); i > 0; --i) plan.jumps.push_back(up_to(random, 3s));
  if (random.one_in(3)) plan.drain = 1ms + up_to(random, 2s);
  add_tunnels(plan);
  add_proxy_headers(plan);
  add_care(plan);
  return plan;
}

ResponsePlan make_response(const Plan& plan, const RequestPlan& request, unsigned attempt) {
  static constexpr std::array statuses{200, 200, 200, 204, 304, 404, 503};
  Random random = Random(plan.seed).fork(request.id * 16 + attempt);
  ResponsePlan response;
  response.status = statuses[random.below(statuses.size())];
  response.framing = static_cast<Framing>(random.between(1, 3));
  response.body = make_size(plan, random);
  response.trailers = response.framing == Framing::chunked && random.one_in(3);
  response.early = random.one_in(6);
  response.closes = response.framing == Framing::until_close || random.one_in(6);
  response.interims = random.one_in(6) ? static_cast<unsigned>(random.between(1, 2)) : 0;
  response.think = random.one_in(2) ? up_to(random, 200ms) : Duration::zero();
  response.pause = random.one_in(3) ? up_to(random, 50ms) : Duration::zero();
  response.piece = make_piece(random, response.body);
  if (request.upgrades && random.one_in(2)) {
    response = {.status = 101,
                .framing = Framing::none,
                .body = response.body,
                .switches = true,
                .interims = response.interims,
                .think = response.think,
                .pause = response.pause,
                .piece = response.piece};
  } else if (response.status == 204 || response.status == 304 || request.method == "HEAD") {
    if (response.status != 200 || response.framing == Framing::until_close) response.framing = Framing::none;
    response.body = 0;
    response.trailers = false;
  }
  response.announces_trailers = response.trailers || random.one_in(8);
  if (!plan.calm && random.one_in(5)) {
    using Fault = ResponsePlan::Fault;
    response.fault = static_cast<Fault>(random.between(1, 8));
    response.fault_at = response.body == 0 ? 0 : random.size(response.body - 1);
    const bool no_stream = response.fault == Fault::cut || response.fault == Fault::extra_bytes;
    if (response.switches && no_stream) response.fault = Fault::reset_inside;
    const bool inside =
        response.fault == Fault::cut || response.fault == Fault::reset_inside || response.fault == Fault::stalls_inside;
    if (inside && response.body == 0) response.fault = Fault::none;
    // An end that looks like any other.
    const bool whole = response.framing == Framing::until_close;
    if (response.fault == Fault::cut && whole) response.fault = Fault::none;
    // Extra bytes that come later than the end of their answer cannot be told from the next one.
    const Weather& weather = plan.upstreams_weather;
    const bool at_once = weather.window > 60'000 && !weather.short_reads && response.body < 50'000 && !whole;
    if (response.fault == Fault::extra_bytes && !at_once) response.fault = Fault::none;
    if (response.fault == Fault::extra_bytes) response.piece = large_body * 2;
  }
  return response;
}

std::string framed(Framing framing, const std::string& body, std::size_t piece, bool whole, bool trailers) {
  if (framing != Framing::chunked) return body;
  std::string text;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t size = std::min(body.size() - at, std::max<std::size_t>(1, piece % 8'000));
    text += fmt::format("{:x}\r\n", size) + body.substr(at, size) + "\r\n";
    at += size;
  }
  if (!whole) return text;
  return text + (trailers ? "0\r\nX-Check: yes\r\n\r\n" : "0\r\n\r\n");
}

std::string Body::text() const {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = at(i);
  return bytes;
}

bool Body::has(std::size_t offset, std::string_view part) const {
  if (offset + part.size() > size) return false;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] != at(offset + i)) return false;
  }
  return true;
}

}  // namespace culvert::simulation
