#include "http/client_transaction.hpp"

#include "base/intrusive_list.hpp"
#include "culvert/error.hpp"
#include "http/agent_origin.hpp"
#include "http/client_connection.hpp"
#include "wire/header_names.hpp"

namespace culvert {

namespace {

// Keep-Alive: timeout=N of an answer, in seconds; 0 where it says nothing.
std::uint32_t keep_alive_promised_by(const HeaderList& headers) {
  const Header* field = headers.find(HeaderId::keep_alive);
  if (field == nullptr) return 0;
  constexpr std::string_view key = "timeout=";
  const std::size_t at = field->value.find(key);
  if (at == std::string_view::npos) return 0;
  std::uint32_t seconds = 0;
  for (const char c : field->value.substr(at + key.size())) {
    if (c < '0' || c > '9' || seconds > 1'000'000) break;
    seconds = seconds * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return seconds;
}

}  // namespace

ClientTransaction::ClientTransaction(Agent& owner, Agent::Origin& to, BlockPool& blocks)
    : agent(owner),
      origin(to),
      arena(blocks, first_room),
      parser(wire::MessageKind::response, *this),
      early(blocks),
      request(*this, *this, arena),
      response(*this) {}

void ClientTransaction::wait_for_connection(std::chrono::milliseconds limit) {
  if (limit.count() == 0) return;
  gives_up_ = agent.loop_.now() + limit;
  agent.loop_.ask_at(*this, gives_up_);
}

void ClientTransaction::connected() {
  if (gives_up_ != never) agent.loop_.forget(*this);
  gives_up_ = never;
  request.connected_ = true;
  expect_answer();
  if (request.on_socket.listener_count() > 0) {
    announce_socket_ = true;
    look_later();
  }
}

void ClientTransaction::expect_answer() {
  informational_ = false;
  parser.begin(arena, {});
}

wire::BodyRule ClientTransaction::on_head() {
  const wire::MessageHead& head = parser.head();
  if (head.status < 200 && head.status != 101) {
    informational_ = true;
    request.on_information.emit(Information{head.status, head.reason, head.headers});
    if (over_) parser.pause();
    return wire::BodyRule::as_framed;
  }
  response_begun = true;
  response.open(head);
  reusable_ = head.keep_alive && head.framing.kind != wire::Framing::Kind::until_close && head.status != 101;
  promised_seconds_ = keep_alive_promised_by(head.headers);
  if (request.on_response.listener_count() == 0) {
    response.resume();
  } else {
    request.on_response.emit(response);
  }
  if (request.method() == "HEAD") return wire::BodyRule::none;
  if (over_ || (response.has_body() && !response.flows())) parser.pause();
  return wire::BodyRule::as_framed;
}

void ClientTransaction::on_body(Bytes part) {
  response.deliver(part);
  if (over_ || !response.flows()) parser.pause();
}

void ClientTransaction::on_complete() {
  if (!informational_) response.received(parser.trailers());
}

void ClientTransaction::fail(std::error_code reason) {
  if (over_) return;
  over_ = true;
  WaitingHook::unlink();
  if (response_begun) {
    response.cut(reason);
    request.cut({});
  } else {
    response.destroyed_ = true;
    request.cut(reason ? reason : make_error_code(errc::socket_hang_up));
  }
  look_later();
}

void ClientTransaction::look_later() { agent.loop_.defer(static_cast<Deferred&>(*this)); }

TimePoint ClientTransaction::on_due(TimePoint now) noexcept {
  if (gives_up_ > now) return gives_up_;
  abort(WaitingHook::linked() ? errc::no_free_connection : errc::timed_out);
  return never;
}

// The one finishing function: every order of closing events is written here.
void ClientTransaction::on_deferred() noexcept {
  if (std::exchange(announce_socket_, false) && !over_) request.on_socket.emit();
  if (response.complete()) {
    if (!response.emit_end()) return;  // its reader pauses
    if (!over_ && connection != nullptr) return;  // the request is still being sent
  } else if (!over_) {
    return;
  }
  if (response.aborted_) response.emit_cut();
  request.emit_close();
  if (response_begun) response.emit_close();
  agent.finished(*this);
}

net::Outbox& ClientTransaction::outbox() { return sending() ? connection->outbox() : early; }

void ClientTransaction::touched() {
  if (sending()) connection->touched();
}

void ClientTransaction::abort(std::error_code reason) {
  if (over_) return;
  if (connection != nullptr) return connection->close(reason);
  if (done()) return;
  Agent& owner = agent;
  fail(reason);
  owner.serve_waiting(origin);
}

void ClientTransaction::flow_changed() {
  if (connection != nullptr) connection->flow_changed();
  if (response.complete()) look_later();
}

Transport* ClientTransaction::transport() { return connection == nullptr ? nullptr : connection->stream(); }

}  // namespace culvert
