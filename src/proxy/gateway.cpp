#include "proxy/gateway.hpp"

#include <algorithm>
#include <cassert>

#include "base/log.hpp"
#include "proxy/error_page.hpp"
#include "proxy/gateway_state.hpp"

namespace culvert::proxy {

namespace {

void begin_exchange(Gateway::State& state, Door& door, IncomingMessage& request, ServerResponse& response,
                    bool expects_continue) {
  Exchange* exchange = state.exchanges.make(state, door.policy, request, response, expects_continue);
  state.live.push_back(*exchange);
  ++state.live_count;
  state.overloaded() ? exchange->turn_away() : exchange->start();
}

// The answer where there is no message to answer with.
std::string raw_refusal(Reason reason, Loop& loop, const config::Server& settings) {
  return raw_error_response(reason, loop.http_date(), settings.server_header,
                            settings.via.empty() ? "culvert" : settings.via);
}

// A request that could not be read. Where its head was complete, its exchange writes the record when it closes.
void refuse(Gateway::State& state, Door& door, ClientError& error, Socket& socket) {
  const bool broken = error.error.category() == std::system_category();
  if (broken && error.request == nullptr) return;  // a client that goes between two requests concerns nobody
  const Reason reason = request_failure(error.error, error.request != nullptr);
  const config::Server& settings = door.policy->server;
  const bool answers = socket.writable() && !error.head_sent && row(reason).status != 0;
  if (answers) {
    socket.end(raw_refusal(reason, state.loop, settings));
  }
  if (error.request != nullptr) {
    state.live.for_each([&](LiveHook& hook) {
      auto& exchange = static_cast<Exchange&>(hook);
      if (exchange.request() == error.request) exchange.request_failed(reason, error.error);
    });
    return;
  }
  state.counts.failed(reason);
  if (!state.access_log) return;
  AccessRecord record;
  record.time = state.loop.wall_now();
  record.client = record.peer = socket.remote();
  const std::shared_ptr<const PeerCertificate> shown = socket.peer_certificate();
  record.certificate = shown.get();
  record.listener = door.listener;
  record.status = answers ? row(reason).status : std::uint16_t{0};
  record.reason = reason;
  record.cause = error.error;
  state.access_log->record(record);
}

}  // namespace

Gateway::Gateway(Http& http, LogSink* log, TunnelPlaces& places, const FleetSeat& seat, const Passwords* passwords,
                 LessonSink* lessons)
    : state_(std::make_unique<State>(http, log, places, seat, passwords, lessons)) {}

Gateway::~Gateway() {
  while (!state_->streams.empty()) delete static_cast<Stream*>(&state_->streams.front());
  while (!state_->live.empty()) state_->exchanges.destroy(static_cast<Exchange*>(&state_->live.front()));
  while (!state_->standing.empty()) state_->tunnels.destroy(&state_->standing.front());
}

void Gateway::apply(std::shared_ptr<const config::Config> config) {
  State& state = *state_;
  const auto make_upstream = [&state](const config::Upstream& written) {
    return make_ref<Upstream>(written, state.http, state.fleets);
  };
  const auto make_authenticator = [&state](const config::Auth& written) {
    assert(state.passwords != nullptr);
    return make_ref<Authenticator>(written, state.loop, *state.passwords);
  };
  state.site = Site(*config, state.site, state.counts, make_upstream, make_authenticator);
  for (auto& door : state.doors) {
    if (Ref<ListenerPolicy> policy = state.site.listener(door->listener)) door->policy = policy;
  }
  if (state.log_sink == nullptr || !config->log.access) {
    state.access_log.reset();
  } else if (!state.access_log || state.access_settings != *config->log.access) {
    state.access_settings = *config->log.access;
    state.access_log = std::make_unique<AccessLog>(state.access_settings, state.loop, *state.log_sink);
  }
}

void Gateway::serve(Server& server, const std::string& listener) {
  State& state = *state_;
  auto& door = state.doors.emplace_back(std::make_unique<Door>(Door{server, listener, state.site.listener(listener)}));
  server.on_request([&state, &door = *door](IncomingMessage& request, ServerResponse& response) {
    begin_exchange(state, door, request, response, false);
  });
  server.on_check_continue([&state, &door = *door](IncomingMessage& request, ServerResponse& response) {
    begin_exchange(state, door, request, response, true);
  });
  server.on_client_error([&state, &door = *door](ClientError& error, Socket& socket) {
    refuse(state, door, error, socket);
    if (!socket.ended()) socket.destroy(error.error);
  });
}

void Gateway::turned_away(std::string_view listener, Transport& stream, Reason reason, std::error_code cause) {
  const std::uint16_t status = row(reason).status;
  if (status != 0) {
    const Ref<ListenerPolicy> policy = state_->site.listener(listener);
    std::string answer = raw_refusal(reason, state_->loop, policy->server);
    const iovec all{.iov_base = answer.data(), .iov_len = answer.size()};
    (void)stream.write({&all, 1});  // as much as goes at once: nobody waits for it
  }
  state_->counts.failed(reason);
  if (!state_->access_log) return;
  AccessRecord record;
  record.time = state_->loop.wall_now();
  record.client = record.peer = stream.remote();
  record.listener = listener;
  record.status = status;
  record.reason = reason;
  record.cause = cause;
  state_->access_log->record(record);
}

void Gateway::carry(std::string_view listener, std::unique_ptr<Transport> stream, Bytes first,
                    Delegate<void()> on_over) {
  State& state = *state_;
  Ref<StreamPolicy> policy = state.site.streams_of(listener);
  // It lives until it is over.
  auto* const carried = new Stream(state, std::move(policy), std::move(stream), std::move(on_over));
  state.streams.push_back(*carried);
  carried->start(first);
}

void Gateway::close_streams(std::string_view listener) {
  state_->streams.for_each([&](StreamHook& hook) {
    auto& stream = static_cast<Stream&>(hook);
    if (stream.policy().name == listener) stream.close();
  });
}

void Gateway::forget(const Server& server) {
  std::erase_if(state_->doors, [&](const auto& door) { return &door->server == &server; });
}

ServerOptions Gateway::server_options(const config::Server& settings) {
  const bool crossed = settings.request_timeout.count() != 0 && settings.headers_timeout > settings.request_timeout;
  return {.headers_timeout = crossed ? settings.request_timeout : settings.headers_timeout,
          .request_timeout = settings.request_timeout,
          .connections_checking_interval = settings.connections_checking_interval,
          .keep_alive_timeout = settings.keep_alive_timeout,
          .timeout = settings.timeout,
          .max_requests_per_socket = settings.max_requests_per_socket,
          .max_header_size = settings.max_header_size,
          .max_headers_count = settings.max_headers_count,
          .require_host_header = settings.require_host_header,
          .insecure_http_parser = settings.insecure_http_parser,
          .high_water_mark = settings.high_water_mark,
          .no_delay = settings.no_delay,
          .keep_alive = settings.keep_alive,
          .keep_alive_initial_delay = settings.keep_alive_initial_delay,
          .strict = true,
          .min_body_rate = settings.min_body_rate_interval == config::off ? 0 : settings.min_body_rate,
          .min_body_rate_interval = settings.min_body_rate_interval,
          .send_timeout = settings.send_timeout,
          .allow_half_open = settings.allow_half_open};
}

void Gateway::set_memory_max(std::size_t bytes) { state_->memory_max = bytes; }

// Room again means a tenth of it, so that a worker at its limit does not go to and fro.
[[gnu::noinline]] bool Gateway::State::judge_load() {
  const std::size_t bytes = memory_in_use();
  if (!sheds_load) {
    log::warn("limits.memory: {} bytes in use by a worker, {} is its share: new requests are answered 503", bytes, memory_max);
    sheds_load = true;
  } else if (bytes < memory_max / 10 * 9) {
    log::info("limits.memory: {} bytes in use by the worker: requests are served again", bytes);
    sheds_load = false;
  }
  return sheds_load;
}

void Gateway::drain(std::function<void()> on_last_tunnel) {
  state_->on_last_tunnel = std::move(on_last_tunnel);
  state_->site.drain();
}

// ---- tunnels --------------------------------------------------------------------------------------------------------

void Gateway::State::begin_tunnel(TunnelOrigin origin, const net::RelayLimits& limits, BareStream downstream,
                                  BareStream upstream, Bytes from_downstream, Bytes from_upstream) {
  Tunnel* tunnel = tunnels.make(*this, next_tunnel_id++, std::move(origin));
  standing.push_back(*tunnel);
  ++tunnel_count;
  const TunnelView view = tunnel->view();
  ++counts.of(view.tunnel, view.route).begun;
  tunnel->start(limits, std::move(downstream), std::move(upstream), from_downstream, from_upstream);
}

void Gateway::State::tunnel_ended(Tunnel& tunnel) {
  const TunnelView view = tunnel.view();
  counts.of(view.tunnel, view.route).end(view.bytes_up, view.bytes_down);
  tunnel.unlink();
  --tunnel_count;
  tunnels.destroy(&tunnel);
  if (tunnel_count == 0 && on_last_tunnel) on_last_tunnel();
}

std::size_t Gateway::tunnels() const { return state_->tunnel_count; }

void Gateway::for_each_tunnel(const std::function<void(const TunnelView&)>& call) const {
  state_->standing.for_each([&](Tunnel& tunnel) { call(tunnel.view()); });
}

bool Gateway::close_tunnel(std::uint64_t id) {
  bool found = false;
  state_->standing.for_each([&](Tunnel& tunnel) {
    if (tunnel.view().id != id) return;
    tunnel.close();
    found = true;
  });
  return found;
}

void Gateway::close_tunnels() {
  state_->standing.for_each([](Tunnel& tunnel) { tunnel.close(); });
}

void Gateway::flush_log() {
  if (state_->access_log) state_->access_log->flush();
}

std::size_t Gateway::exchanges() const { return state_->live_count; }

}  // namespace culvert::proxy
