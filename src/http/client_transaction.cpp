#include "http/client_transaction.hpp"

#include "base/intrusive_list.hpp"
#include "culvert/error.hpp"
#include "http/agent_origin.hpp"
#include "http/client_connection.hpp"

namespace culvert {

ClientTransaction::ClientTransaction(Agent& owner, Agent::Origin& to, BlockPool& blocks)
    : agent(owner), origin(to), arena(blocks), early(blocks), request(*this, *this, arena), response(*this) {}

void ClientTransaction::wait_for_connection(std::chrono::milliseconds limit) {
  if (limit.count() == 0) return;
  gives_up_ = agent.loop_.now() + limit;
  agent.loop_.ask_at(*this, gives_up_);
}

void ClientTransaction::connected() {
  if (gives_up_ != never) agent.loop_.forget(*this);
  gives_up_ = never;
  request.connected_ = true;
  if (request.on_socket.listener_count() > 0) {
    announce_socket_ = true;
    look_later();
  }
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
  abort(errc::timed_out);
  return never;
}

// The one finishing function: every order of closing events is written here.
void ClientTransaction::on_deferred() noexcept {
  if (std::exchange(announce_socket_, false) && !over_) request.on_socket.emit();
  if (over_) {
    if (response_begun) {
      response.emit_cut();
      request.emit_close();
      response.emit_close();
    } else {
      request.emit_close();
    }
    return agent.finished(*this);
  }
  if (!response.complete() || !response.emit_end()) return;
  if (!request.writable_finished() || connection != nullptr) return;
  request.emit_close();
  response.emit_close();
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
