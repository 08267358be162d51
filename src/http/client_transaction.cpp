#include "http/client_transaction.hpp"

#include "base/intrusive_list.hpp"
#include "culvert/error.hpp"
#include "culvert/http.hpp"
#include "http/agent_origin.hpp"
#include "http/client_connection.hpp"
#include "wire/header_names.hpp"

namespace culvert {

namespace {

// The number behind `key` in a Keep-Alive field.
std::optional<std::uint32_t> number_behind(std::string_view key, std::string_view field) {
  const std::size_t at = field.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view digits = field.substr(at + key.size());
  if (digits.empty() || digits.front() < '0' || digits.front() > '9') return std::nullopt;
  std::uint32_t number = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9' || number > 1'000'000) break;
    number = number * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return number;
}

}  // namespace

ClientTransaction::ClientTransaction(Agent& owner, Agent::Origin& to, BlockPool& blocks)
    : agent(owner),
      origin(to),
      arena(blocks, first_room),
      parser(wire::MessageKind::response, *this),
      early(blocks),
      request(*this, *this, arena),
      response(*this) {
  max_header_size = agent.options.max_header_size;
  lenient = agent.options.insecure_http_parser;
  request.max_headers_count = agent.options.max_headers_count;
  ++origin.users;
  agent.loop_.ref();
}

ClientTransaction::~ClientTransaction() {
  --origin.users;
  agent.loop_.unref();
}

// ---- its connection ---------------------------------------------------------------------------------------------------

void ClientTransaction::wait_for_connection(std::chrono::milliseconds limit) {
  gives_up_ = limit.count() == 0 ? never : agent.loop_.now() + limit;
  agent.loop_.ask_at(*this, gives_up_);
}

void ClientTransaction::assigned(ClientConnection& to) {
  connection = &to;
  request.apply_to_assigned(to.socket());
  if (announces) {
    announce_socket_ = true;
    look_later();
  }
}

void ClientTransaction::connected() {
  if (gives_up_ != never) agent.loop_.forget(*this);
  gives_up_ = never;
  request.connected_ = true;
  request.apply_to_connected(connection->socket());
  expect_answer();
}

void ClientTransaction::expect_answer() {
  informational_ = false;
  parser.begin(arena, {.header_bytes_max = max_header_size != 0 ? max_header_size : agent.http_.max_header_size,
                       .headers_max = request.max_headers_count,
                       .rules = lenient                ? wire::Rules::insecure
                                : agent.options.strict ? wire::Rules::strict
                                                       : wire::Rules::node});
}

Socket* ClientTransaction::socket() { return connection == nullptr ? nullptr : &connection->socket(); }

net::Outbox& ClientTransaction::outbox() { return sending() ? connection->outbox() : early; }

void ClientTransaction::touched() {
  if (sending()) connection->touched();
}

void ClientTransaction::set_timeout(std::chrono::milliseconds limit) {
  if (sending()) {
    connection->socket().set_timeout(limit);
  } else {
    request.timeout_once_connected(limit);
  }
}

// ---- the answer -------------------------------------------------------------------------------------------------------

wire::BodyRule ClientTransaction::on_head() {
  const wire::MessageHead& head = parser.head();
  const bool strict = agent.options.strict;
  if (head.status < 200 && head.status != 101) {
    informational_ = true;
    ++informations_;
    if (!informs_too_often()) on_information();
    if (over_) parser.pause();
    return wire::BodyRule::as_framed;
  }
  const bool tunnel = request.method() == "CONNECT" && (!strict || head.status < 300);
  if (tunnel || head.status == 101) {
    response.open(head);
    return wire::BodyRule::stop;
  }
  response_begun = true;
  response.open(head);
  reusable_ = head.keep_alive && head.framing.kind != wire::Framing::Kind::until_close;
  if (const Header* field = head.headers.find(HeaderId::keep_alive)) read_keep_alive(field->value);
  if (request.on_response.listener_count() == 0) {
    response.resume();
  } else {
    request.on_response.emit(response);
  }
  if (request.method() == "HEAD") return wire::BodyRule::none;
  if (over_ || (response.has_body() && !response.flows())) parser.pause();
  return wire::BodyRule::as_framed;
}

[[gnu::cold]] void ClientTransaction::read_keep_alive(std::string_view field) {
  promised_seconds_ = number_behind("timeout=", field);
  const bool was_last = agent.options.self_tuning && number_behind("max=", field) == 0U;
  if (!was_last || !reusable_) return;
  reusable_ = false;
  ++agent.statistics_.closed_promised;
}

void ClientTransaction::on_information() {
  const wire::MessageHead& head = parser.head();
  if (head.status == 100) request.on_continue.emit();
  request.on_information.emit(Information{head.status, head.reason, head.headers, head.minor_version});
}

void ClientTransaction::on_body(Bytes part) {
  response.deliver(part);
  if (over_ || !response.flows()) parser.pause();
}

void ClientTransaction::on_complete() {
  if (!informational_) response.received(parser.trailers());
}

bool ClientTransaction::has_listener_for_leaving() const {
  return (request.method() == "CONNECT" ? request.on_connect : request.on_upgrade).listener_count() > 0;
}

void ClientTransaction::leave(std::unique_ptr<Socket> socket, Bytes rest) {
  over_ = true;
  request.destroyed_ = true;
  response.destroyed_ = true;
  look_later();
  (request.method() == "CONNECT" ? request.on_connect : request.on_upgrade).emit(response, socket, rest);
}

// ---- the end ----------------------------------------------------------------------------------------------------------

// The network or the peer ends it.
void ClientTransaction::fail(std::error_code reason) {
  if (over_) return;
  if (response_begun) {
    response.cut(reason);
    request.cut({});
  } else {
    response.destroyed_ = true;
    request.cut(reason ? reason : make_error_code(errc::socket_hang_up));
  }
  is_over();
}

// The program ends it. Node's abort() makes no error of it where there was no socket yet.
void ClientTransaction::abort(std::error_code reason) {
  if (over_) return;
  if (response_begun) {
    response.cut(errc::aborted);
    request.cut(reason);
  } else {
    const bool silent = request.aborted_ && connection == nullptr;
    response.destroyed_ = true;
    request.cut(reason || silent ? reason : make_error_code(errc::socket_hang_up));
  }
  ClientConnection* const carrying = connection;
  is_over();
  if (carrying != nullptr) {
    carrying->close({});
  } else {
    agent.serve_waiting(origin);
  }
}

void ClientTransaction::is_over() {
  over_ = true;
  origin.dequeue(*this);
  agent.give_up(*this);
  look_later();
}

void ClientTransaction::look_later() { agent.loop_.defer(static_cast<Deferred&>(*this)); }

TimePoint ClientTransaction::on_due(TimePoint now) noexcept {
  if (gives_up_ > now) return gives_up_;
  abort(WaitingHook::linked() ? errc::no_free_connection : errc::timed_out);
  return never;
}

void ClientTransaction::on_deferred() noexcept {
  if (std::exchange(announce_socket_, false) && connection != nullptr) request.on_socket.emit(connection->socket());
  request.emit_pending();
  if (over_) return end_events();
  if (!response.complete() || !response.emit_end()) return;  // under way, or its reader pauses
  if (!over_ && connection != nullptr) return;               // the request is still being sent
  end_events();
}

// The one finishing function: every order of closing events is written here.
void ClientTransaction::end_events() {
  if (request.aborted_) request.on_abort.emit();
  request.emit_failure();
  response.emit_aborted();
  request.emit_close();
  if (response_begun) response.emit_close();
  agent.finished(*this);
}

void ClientTransaction::flow_changed() {
  if (connection != nullptr) connection->flow_changed();
  if (response.complete()) look_later();
}

void ClientTransaction::unhandled(std::error_code error) { agent.http_.unhandled(error); }

}  // namespace culvert
