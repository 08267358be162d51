#include "http/client_connection.hpp"

#include <algorithm>

#include "culvert/error.hpp"
#include "http/client_transaction.hpp"

namespace culvert {

ClientConnection::ClientConnection(Agent& agent, Agent::Origin& origin, std::unique_ptr<Transport> stream)
    : agent_(agent), origin_(origin), stream_(std::move(stream)), outbox_(agent.loop_.blocks()) {
  last_progress_ = loop().now();
  stream_->attach(*this);
  stream_->want({.read = false, .write = true});
}

ClientConnection::~ClientConnection() = default;

void ClientConnection::carry(ClientTransaction& transaction) {
  transaction_ = &transaction;
  transaction.connection = this;
  promised_seconds_ = 0;
  poisoned_ = false;
  if (phase_ == Phase::connecting) return;
  phase_ = Phase::busy;
  connected();
}

void ClientConnection::connected() {
  last_progress_ = loop().now();
  outbox_ = std::move(transaction_->early);
  transaction_->connected();
  update_interest();
  ask();
  touched();
}

// ---- the loop's ways in -------------------------------------------------------------------------------------------

void ClientConnection::on_ready(Ready ready) noexcept {
  switch (phase_) {
    case Phase::closed:
      return;
    case Phase::connecting:
      if (!ready.writable && !ready.broken) return;
      if (const std::error_code error = stream_->take_error()) return close(error);
      phase_ = Phase::busy;
      return connected();
    case Phase::free:
      return close(errc::unexpected_data);  // the origin has closed it, or speaks unasked
    case Phase::busy:
      if (ready.writable) {
        on_flush();
        if (phase_ != Phase::busy) return;
      }
      if (ready.readable) return read();
      if (ready.broken) close(stream_->take_error());
  }
}

void ClientConnection::on_flush() noexcept {
  if (phase_ != Phase::busy) return;
  if (!outbox_.empty()) {
    const std::size_t before = outbox_.size();
    if (const std::error_code error = outbox_.flush(*stream_)) {
      // The origin may have answered before it stopped listening: what it said is worth more than our failed write.
      outbox_.clear();
      poisoned_ = true;
      if (!transaction_->request.answered()) read();
      if (phase_ == Phase::busy && transaction_ != nullptr && !transaction_->response_begun) close(error);
      return;
    }
    if (outbox_.size() < before) last_progress_ = loop().now();
  }
  if (transaction_ != nullptr) transaction_->request.flushed();
  check_done();
}

TimePoint ClientConnection::on_due(TimePoint now) noexcept {
  const TimePoint limit = runs_out();
  if (limit > now) return limit;
  close(errc::timed_out);
  return never;
}

void ClientConnection::on_deferred() noexcept {
  if (phase_ == Phase::closed) return agent_.gone(*this);
  if (phase_ != Phase::busy || transaction_ == nullptr) return;
  if (!transaction_->response.flows()) return;
  parse(take_held(held_, loop()));
}

// ---- bytes in -----------------------------------------------------------------------------------------------------

void ClientConnection::read() {
  Result<Bytes> got = stream_->read();
  if (!got) {
    if (got.error() == errc::end_of_stream) return peer_finished();
    return close(got.error());
  }
  if (got->empty()) return;
  last_progress_ = loop().now();
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
    if (!t.parser.complete()) break;
    if (t.answer_complete()) {
      poisoned_ = poisoned_ || !bytes.empty();  // what follows an answer is not an answer to anybody
      return check_done();
    }
    t.expect_answer();  // that was a 1xx
  } while (!bytes.empty());
  if (!bytes.empty()) held_.insert(held_.end(), bytes.begin(), bytes.end());
  update_interest();
  ask();
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
  const bool reusable = t.allows_reuse() && !poisoned_ && outbox_.empty();
  promised_seconds_ = t.keep_alive_promise();
  transaction_ = nullptr;
  t.let_go();
  t.look_later();
  held_ = {};
  if (reusable) {
    agent_.give_back(*this);
  } else {
    close({});
  }
}

bool ClientConnection::rest(std::chrono::milliseconds idle_limit, std::chrono::milliseconds probes_after) {
  idle_limit_ = idle_limit;
  if (promised_seconds_ > 0) {
    // A second less than the origin promises, so that a request does not meet its closing.
    const std::chrono::milliseconds promised = std::chrono::seconds(promised_seconds_ - 1);
    if (promised.count() == 0) return false;
    idle_limit_ = idle_limit_.count() == 0 ? promised : std::min(idle_limit_, promised);
  }
  if (!probes_) {
    probes_ = true;
    stream_->set_keep_alive(true, static_cast<int>((probes_after.count() + 999) / 1000));
  }
  phase_ = Phase::free;
  last_progress_ = loop().now();
  update_interest();
  ask();
  return true;
}

void ClientConnection::close(std::error_code reason) {
  if (phase_ == Phase::closed) return;
  agent_.forget(*this, phase_ == Phase::free);
  phase_ = Phase::closed;
  stream_.reset();
  outbox_.clear();
  held_ = {};
  loop().forget(due_);
  sender_.unlink();
  loop().defer(later_);
  if (ClientTransaction* t = std::exchange(transaction_, nullptr)) {
    t->let_go();
    t->fail(reason);
  }
}

void ClientConnection::update_interest() {
  Interest interest{.read = true, .write = !outbox_.empty()};
  if (transaction_ != nullptr && transaction_->response_begun && !transaction_->response.complete()) {
    interest.read = transaction_->response.flows() && held_.empty();
  }
  stream_->want(interest);
}

TimePoint ClientConnection::runs_out() const {
  const auto after = [&](std::chrono::milliseconds limit) {
    return limit.count() == 0 ? never : last_progress_ + limit;
  };
  switch (phase_) {
    case Phase::free:
      return after(idle_limit_);
    case Phase::busy:
      if (!transaction_->response_begun) return after(transaction_->response_timeout);
      if (!transaction_->response.flows() || transaction_->response.complete()) return never;
      return after(transaction_->idle_timeout);
    case Phase::connecting:  // the transaction's own limit
    case Phase::closed:
      return never;
  }
  return never;
}

}  // namespace culvert
