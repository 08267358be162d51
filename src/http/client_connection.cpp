#include "http/client_connection.hpp"

#include <algorithm>

#include "culvert/error.hpp"
#include "http/agent_origin.hpp"
#include "http/client_transaction.hpp"

namespace culvert {

ClientConnection::ClientConnection(Agent& agent, Agent::Origin& origin, std::unique_ptr<Transport> stream)
    : agent_(agent),
      origin_(origin),
      socket_(std::make_unique<Socket>(agent.loop_, std::move(stream), this)),
      last_progress_(agent.loop_.now()) {
  ++origin_.users;
  socket_->transport()->attach(*this);
  socket_->transport()->want({.read = false, .write = true});
  if (agent.options.timeout.count() != 0) socket_->set_timeout(agent.options.timeout);
}

void ClientConnection::carry(ClientTransaction& transaction) {
  transaction_ = &transaction;
  transaction.assigned(*this);
  if (phase_ == Phase::connecting) return;
  const bool was_free = std::exchange(phase_, Phase::busy) == Phase::free;
  if (was_free) agent_.reuse_socket(*socket_, transaction.request);
  if (phase_ == Phase::busy) connected();
}

void ClientConnection::connected() {
  last_progress_ = loop().now();
  socket_->stamp();
  socket_->outbox() = std::move(transaction_->early);
  transaction_->connected();
  ask();
  touched();  // and what it wants to hear of follows when that was sent
}

// ---- the loop's ways in -------------------------------------------------------------------------------------------

void ClientConnection::on_ready(Ready ready) noexcept {
  switch (phase_) {
    case Phase::closed:
      return;
    case Phase::connecting:
      if (!ready.writable && !ready.broken) return;
      if (const std::error_code error = socket_->transport()->take_error()) return close(error);
      phase_ = Phase::busy;
      return connected();
    case Phase::free:
      return on_ready_while_free(ready);
    case Phase::busy:
      if (ready.writable) {
        on_flush();
        if (phase_ != Phase::busy) return;
      }
      if (ready.readable) return read();
      if (ready.broken) close(socket_->transport()->take_error());
  }
}

// The origin has closed it, or speaks unasked; what TLS says to itself is nothing of that.
void ClientConnection::on_ready_while_free(Ready ready) {
  if (!ready.broken) {
    Result<Bytes> got = socket_->transport()->read();
    if (got && got->empty()) return;
  }
  origin_has_closed();
}

// ---- what is known of how long it can be free ----------------------------------------------------------------------

namespace {

// Of what is known, as much is beyond doubt: half of it is far from the end, also where the origin counts from earlier.
constexpr int doubtful_from_part = 2;
// Where nothing is known: a quarter of the shortest time that servers are usually told to keep idle connections (a second).
constexpr std::chrono::milliseconds doubtful_from{250};

}  // namespace

[[gnu::cold]] bool ClientConnection::is_doubtful() const {
  Duration known = origin_.idle_limit.limit();
  if (promised_seconds_) known = std::min<Duration>(known, std::chrono::seconds(*promised_seconds_));
  if (known != IdleLimit::unknown) return free_for() > known / doubtful_from_part;
  return free_for() > doubtful_from && !origin_.idle_limit.vouches_for(free_for());
}

[[gnu::cold]] bool ClientConnection::ends_by_limit() {
  restrict(origin_.idle_limit.limit(), Limit::learned);  // which may be known better by now
  if (free_for() < free_limit_) return false;
  run_out();
  return true;
}

[[gnu::cold]] bool ClientConnection::ends_by_check() {
  if (!socket_->transport()->is_quiet()) {
    ++agent_.statistics_.stale_at_check;
    origin_has_closed();
    return true;
  }
  if (learns_from(free_for())) was_free_for_ = free_for();
  return false;
}

[[gnu::cold]] void ClientConnection::origin_has_closed() {
  ++agent_.statistics_.closed_by_origin;
  if (learns_from(free_for())) origin_.idle_limit.note_closed(free_for(), loop().now());
  close(errc::unexpected_data);
}

[[gnu::cold]] void ClientConnection::run_out() {
  count_limit();
  if (learns_from(free_for())) origin_.idle_limit.note_good(free_for());
  close(errc::timed_out);
}

[[gnu::cold]] void ClientConnection::note_good() { origin_.idle_limit.note_good(std::exchange(was_free_for_, {})); }

[[gnu::cold]] void ClientConnection::count_limit() {
  if (limited_by_ == Limit::promised) ++agent_.statistics_.closed_promised;
  if (limited_by_ != Limit::learned) return;
  ++agent_.statistics_.closed_learned;
  origin_.idle_limit.note_run_out(loop().now());
}

[[gnu::cold]] void ClientConnection::note_stale() {
  ++agent_.statistics_.stale_at_use;
  if (was_free_for_ != Duration::zero()) origin_.idle_limit.note_closed(was_free_for_, loop().now());
}

void ClientConnection::restrict(Duration limit, Limit by) {
  if (limit >= free_limit_) return;
  free_limit_ = limit;
  limited_by_ = by;
}

void ClientConnection::on_flush() noexcept {
  if (phase_ != Phase::busy) return;
  net::Outbox& box = socket_->outbox();
  const std::size_t before = box.size();
  if (before > 0) {
    if (const std::error_code error = box.flush(*socket_->transport())) {
      // The origin may have answered before it stopped listening: what it said is worth more than our failed write.
      box.clear();
      poisoned_ = true;
      if (!transaction_->request.answered()) read();
      if (phase_ == Phase::busy && transaction_ != nullptr && !transaction_->response_begun) close(error);
      return;
    }
    if (box.size() < before) {
      last_progress_ = loop().now();
      socket_->stamp();
    }
  }
  if (transaction_ != nullptr) transaction_->request.flushed(before - box.size());
  check_done();
}

TimePoint ClientConnection::on_due(TimePoint now) noexcept {
  if (const TimePoint limit = runs_out(); limit > now) return limit;
  if (phase_ == Phase::free) {
    run_out();
    return never;
  }
  if (transaction_runs_out() <= now) {
    close(errc::timed_out);
    return never;
  }
  socket_->tell_timeout();
  if (transaction_ != nullptr) transaction_->tell_timeout();
  return phase_ == Phase::closed ? never : runs_out();
}

void ClientConnection::on_deferred() noexcept {
  if (phase_ == Phase::closed) {
    if (socket_ != nullptr) socket_->tell_close();
    return agent_.gone(*this);
  }
  if (phase_ != Phase::busy || transaction_ == nullptr) return;
  if (!transaction_->response.flows()) return;
  parse(held_.take(loop()));
}

// ---- bytes in -----------------------------------------------------------------------------------------------------

void ClientConnection::read() {
  Result<Bytes> got = socket_->transport()->read();
  if (!got) {
    if (got.error() == errc::end_of_stream) return peer_finished();
    return close(got.error());
  }
  if (got->empty()) return;
  last_progress_ = loop().now();
  socket_->stamp();
  transaction_->request.answered_ = true;
  parse(*got);
}

void ClientConnection::parse(Bytes bytes) {
  ClientTransaction& t = *transaction_;
  do {  // also with no bytes: the end of a message may have waited behind a pause
    feeding_ = true;
    const wire::Fed fed = t.parser.feed(bytes);
    feeding_ = false;
    if (transaction_ == nullptr) return;
    if (fed.error) return close(fed.error);
    bytes = bytes.subspan(fed.consumed);
    if (t.leaves_http()) return leave(bytes);
    if (!t.parser.complete()) break;
    if (t.answer_complete()) {
      poisoned_ = poisoned_ || !bytes.empty();  // what follows an answer is not an answer to anybody
      return check_done();
    }
    if (t.informs_too_often()) return close(errc::too_many_informations);
    t.expect_answer();  // that was a 1xx
  } while (!bytes.empty());
  if (!bytes.empty()) held_.add(bytes, loop().blocks());
  update_interest();
  ask();
}

// CONNECT, Upgrade. Without a listener the connection goes, in Node without an error.
void ClientConnection::leave(Bytes rest) {
  ClientTransaction& t = *transaction_;
  const bool heard = t.has_listener_for_leaving();
  if (!heard && agent_.options.strict) return close(errc::upgrade_unexpected);
  transaction_ = nullptr;
  t.let_go();
  std::unique_ptr<Socket> socket = std::move(socket_);
  out_of_service();
  if (heard) socket->stand_alone();
  t.leave(std::move(socket), rest);
}

void ClientConnection::peer_finished() {
  poisoned_ = true;
  const std::error_code error = transaction_->parser.finish();
  if (transaction_ == nullptr) return;
  if (transaction_->done()) return check_done();
  if (transaction_->answer_complete()) return close({});  // answered before it had heard everything
  if (transaction_->response_begun) return close(errc::aborted);
  close(transaction_->parser.has_begun() && error ? error : make_error_code(errc::socket_hang_up));
}

void ClientConnection::flow_changed() {
  if (phase_ != Phase::busy || feeding_) return;
  last_progress_ = loop().now();  // a pause of ours is no silence of the origin's
  loop().defer(later_);
  update_interest();
  ask();
}

// ---- from one request to the next, and the end ----------------------------------------------------------------------

void ClientConnection::check_done() {
  if (phase_ != Phase::busy || transaction_ == nullptr) return;
  ClientTransaction& t = *transaction_;
  if (!t.done()) return update_interest();
  const bool reusable = t.allows_reuse() && !t.alone && !poisoned_ && counted_ && socket_->outbox().empty() && !socket_->ended();
  promised_seconds_ = t.keep_alive_promise();
  if (was_free_for_ != Duration::zero()) [[unlikely]] note_good();
  transaction_ = nullptr;
  t.let_go();
  t.look_later();
  held_.clear();
  if (reusable) {
    if (socket_->timeout() != agent_.options.timeout) socket_->set_timeout(agent_.options.timeout);
    agent_.give_back(*this);
  } else {
    close({});
  }
}

bool ClientConnection::rest(std::chrono::milliseconds own_limit) {
  free_limit_ = own_limit.count() == 0 ? Duration::max() : Duration(own_limit);
  limited_by_ = Limit::own;
  restrict(origin_.idle_limit.limit(), Limit::learned);
  // A second less than the origin promises, so that a request does not meet its closing.
  if (promised_seconds_) restrict(std::chrono::seconds(*promised_seconds_) - std::chrono::seconds(1), Limit::promised);
  if (free_limit_ <= Duration::zero()) {
    count_limit();
    return false;
  }
  phase_ = Phase::free;
  last_progress_ = loop().now();
  socket_->transport()->want({});
  ask();
  return true;
}

void ClientConnection::leave_agent() {
  if (phase_ == Phase::closed || !std::exchange(counted_, false)) return;
  agent_.forget(*this, phase_ == Phase::free);
  if (phase_ == Phase::free) return close({});
  agent_.serve_waiting(origin_);
}

// It is nobody's connection any more; it is freed at the end of the turn.
void ClientConnection::out_of_service() {
  if (std::exchange(counted_, false)) agent_.forget(*this, phase_ == Phase::free);
  phase_ = Phase::closed;
  held_.clear();
  loop().forget(due_);
  sender_.unlink();
  loop().defer(later_);
}

void ClientConnection::close(std::error_code reason) {
  if (phase_ == Phase::closed) return;
  out_of_service();
  socket_->close_transport(is_of_the_network(reason) ? reason : std::error_code());
  if (ClientTransaction* t = std::exchange(transaction_, nullptr)) {
    const bool ended = reason == errc::socket_hang_up || is_of_the_network(reason);
    if (ended && t->request.reused_socket() && !t->request.answered()) note_stale();
    t->let_go();
    t->fail(reason);
  }
}

void ClientConnection::update_interest() {
  Interest interest{.read = true, .write = !socket_->outbox().empty()};
  if (transaction_ != nullptr && transaction_->response_begun && !transaction_->response.complete()) {
    interest.read = transaction_->response.flows() && held_.empty();
  }
  socket_->transport()->want(interest);
}

TimePoint ClientConnection::transaction_runs_out() const {
  const auto after = [&](std::chrono::milliseconds limit) {
    return limit.count() == 0 ? never : last_progress_ + limit;
  };
  if (phase_ != Phase::busy || transaction_ == nullptr) return never;  // connecting: the transaction's own limit
  if (!transaction_->response_begun) return after(transaction_->response_timeout);
  if (!transaction_->response.flows() || transaction_->response.complete()) return never;
  return after(transaction_->idle_timeout);
}

TimePoint ClientConnection::runs_out() const {
  switch (phase_) {
    case Phase::free:
      return free_limit_ == Duration::max() ? never : last_progress_ + free_limit_;
    case Phase::connecting:
    case Phase::busy:
      return std::min(transaction_runs_out(), socket_->times_out_at());
    case Phase::closed:
      return never;
  }
  return never;
}

}  // namespace culvert
