#include "http/server_connection.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "culvert/status.hpp"
#include "http/server_shared.hpp"
#include "wire/header_names.hpp"

namespace culvert {

namespace {
// After the last answer the peer may still be sending; closing at once would reset the connection under the answer.
constexpr auto lingering_time = std::chrono::seconds(2);
// How much of a body that nobody wants is read for the sake of the next request on the connection.
constexpr std::uint32_t dumped_bytes_max = 256 * 1024;
// Node's margin: the peer is told less than we wait, so that it does not send into a closing connection.
constexpr auto keep_alive_margin = std::chrono::seconds(1);
}  // namespace

ServerTransaction::ServerTransaction(ServerConnection& connection, BlockPool& blocks, wire::H1Handler& handler)
    : arena(blocks, first_room),
      parser(wire::MessageKind::request, handler),
      request(connection),
      response(connection, connection, arena) {}

ServerConnection::ServerConnection(Server& server, std::unique_ptr<Transport> stream)
    : server_(server), stream_(std::move(stream)), outbox_(server.loop_.blocks()) {
  phase_since_ = last_activity_ = loop().now();
  stream_->attach(*this);
  ask();
}

ServerConnection::~ServerConnection() { release_transaction(); }

// ---- the loop's ways in -------------------------------------------------------------------------------------------

void ServerConnection::on_ready(Ready ready) noexcept {
  if (phase_ == Phase::closed) return;
  if (ready.writable) {
    on_flush();
    if (phase_ == Phase::closed) return;
  }
  if (ready.readable) return read();
  if (ready.broken) close(stream_->take_error());
}

void ServerConnection::on_flush() noexcept {
  if (phase_ == Phase::closed) return;
  if (!outbox_.empty()) {
    if (const std::error_code error = outbox_.flush(*stream_)) return close(error);
    last_activity_ = loop().now();
  }
  if (phase_ == Phase::exchange) transaction_->response.flushed();
  check_progress();
}

TimePoint ServerConnection::on_due(TimePoint now) noexcept {
  const TimePoint limit = runs_out();
  if (limit > now) return limit;
  const bool receiving = phase_ == Phase::head || (phase_ == Phase::exchange && !transaction_->request.complete());
  if (receiving) {
    refuse(errc::ERR_HTTP_REQUEST_TIMEOUT, {}, 0);
  } else {
    close(errc::timed_out);
  }
  return phase_ == Phase::closed ? never : runs_out();
}

void ServerConnection::on_deferred() noexcept {
  switch (phase_) {
    case Phase::closed:
    case Phase::lingering:
      if (transaction_ != nullptr) {
        if (transaction_->request.aborted()) transaction_->request.emit_cut();
        transaction_->response.emit_close();
        transaction_->request.emit_close();
        release_transaction();
      }
      if (phase_ == Phase::closed && !counted_out_) {
        counted_out_ = true;
        server_.released(*this);
      }
      return;
    case Phase::exchange: {
      IncomingMessage& request = transaction_->request;
      request.emit_end();
      if (phase_ != Phase::exchange) return;
      if (transaction_->response.writable_finished() && (request.complete() || !keep_alive_)) return end_transaction();
      if (!request.complete() && request.flows()) parse(take_held(held_, loop()));
      return;
    }
    case Phase::idle:
    case Phase::head:
      if (!held_.empty()) parse(take_held(held_, loop()));
      return;
  }
}

// ---- bytes in -----------------------------------------------------------------------------------------------------

void ServerConnection::read() {
  Result<Bytes> got = stream_->read();
  if (!got) {
    if (got.error() == errc::end_of_stream) return peer_finished();
    return close(got.error());
  }
  if (got->empty()) return;
  last_activity_ = loop().now();
  if (phase_ != Phase::lingering) parse(*got);
}

void ServerConnection::parse(Bytes bytes) {
  const bool fresh = phase_ == Phase::idle;
  const TimePoint idle_since = phase_since_;
  if (fresh) begin_transaction();
  wire::H1Parser& parser = transaction_->parser;
  if (parser.complete()) return hold(bytes);

  feeding_ = true;
  const wire::Fed fed = parser.feed(bytes);
  feeding_ = false;
  if (phase_ == Phase::closed) return;
  if (fed.error) return refuse(fed.error, bytes, fed.consumed);
  if (fresh && !parser.has_begun()) {  // blank lines between requests are no request
    release_transaction();
    phase_ = Phase::idle;
    phase_since_ = idle_since;
    return;
  }
  if (phase_ == Phase::exchange && transaction_->response.writable_finished() && !parser.complete()) {
    dumped_bytes_ += static_cast<std::uint32_t>(fed.consumed);
  }
  if (fed.consumed < bytes.size()) hold(bytes.subspan(fed.consumed));
  check_progress();
}

void ServerConnection::hold(Bytes bytes) {
  held_.insert(held_.end(), bytes.begin(), bytes.end());
  update_interest();
}

void ServerConnection::peer_finished() {
  peer_finished_ = true;
  switch (phase_) {
    case Phase::head:
      return refuse(transaction_->parser.finish(), {}, 0);
    case Phase::exchange:
      if (!transaction_->request.complete()) return close(errc::aborted);
      return update_interest();  // the answer is still owed: the peer may only have shut its own side
    case Phase::idle:
    case Phase::lingering:
    case Phase::closed:
      return close();
  }
}

wire::BodyRule ServerConnection::on_head() {
  phase_ = Phase::exchange;
  IncomingMessage& request = transaction_->request;
  request.open(transaction_->parser.head());
  keep_alive_ = transaction_->parser.head().keep_alive;
  emit_request();
  if (phase_ == Phase::closed || (request.has_body() && !request.flows())) transaction_->parser.pause();
  return wire::BodyRule::as_framed;
}

void ServerConnection::emit_request() {
  IncomingMessage& request = transaction_->request;
  ServerResponse& response = transaction_->response;
  const Header* expect = request.raw_headers().find(HeaderId::expect);
  awaits_continue_ = expect != nullptr && !request_http_1_0() && ascii::iequals(expect->value, "100-continue");
  if (awaits_continue_) {
    if (server_.on_check_continue.listener_count() > 0) return server_.on_check_continue.emit(request, response);
    response.write_continue();
  }
  server_.on_request.emit(request, response);
}

void ServerConnection::on_body(Bytes part) {
  transaction_->request.deliver(part);
  if (phase_ == Phase::closed || !transaction_->request.flows()) transaction_->parser.pause();
}

void ServerConnection::on_complete() { transaction_->request.received(transaction_->parser.trailers()); }

void ServerConnection::flow_changed() {
  if (phase_ == Phase::closed || feeding_) return;  // while feeding, the parser's callbacks look for themselves
  loop().defer(later_);
  update_interest();
}

// ---- what goes wrong ----------------------------------------------------------------------------------------------

void ServerConnection::refuse(std::error_code error, Bytes packet, std::size_t bytes_parsed) {
  const bool in_exchange = phase_ == Phase::exchange;
  ClientError failure{.error = error,
                      .status = error == errc::ERR_HTTP_REQUEST_TIMEOUT ? std::uint16_t{408} : wire::status_for(error),
                      .bytes_parsed = bytes_parsed,
                      .raw_packet = packet,
                      .remote = stream_->remote(),
                      .request = in_exchange ? &transaction_->request : nullptr,
                      .writable = !in_exchange || !transaction_->response.headers_sent(),
                      .response = {}};
  if (server_.on_client_error.listener_count() > 0) {
    server_.on_client_error.emit(failure);
  } else {
    failure.response = "HTTP/1.1 " + std::to_string(failure.status) + ' ' +
                       std::string(culvert::status_message(failure.status)) + "\r\nConnection: close\r\n\r\n";
  }
  if (phase_ == Phase::closed) return;
  if (!failure.writable || failure.response.empty()) return close(error);

  if (transaction_ != nullptr) {
    if (in_exchange) {
      transaction_->request.cut(error);
      transaction_->response.cut(error);
      loop().defer(later_);
    } else {
      release_transaction();
    }
  }
  outbox_.copy(as_bytes(failure.response));
  linger();
}

void ServerConnection::linger() {
  keep_alive_ = false;
  phase_ = Phase::lingering;
  phase_since_ = loop().now();
  held_ = {};
  ask();
  touched();
}

void ServerConnection::close(std::error_code reason) {
  if (phase_ == Phase::closed) return;
  if (transaction_ != nullptr && phase_ == Phase::exchange) {
    // An answer that only the end of the connection delimits must not look complete when it is not.
    const ServerResponse& response = transaction_->response;
    if (response.headers_sent() && !response.writable_finished() && response.close_delimited()) {
      stream_->reset_on_close();
    }
    transaction_->request.cut(reason);
    if (!response.writable_finished()) transaction_->response.cut(reason ? reason : make_error_code(errc::aborted));
  } else {
    release_transaction();
  }
  phase_ = Phase::closed;
  server_.on_disconnect.emit(stream_->remote());
  stream_.reset();
  outbox_.clear();
  held_ = {};
  loop().forget(due_);
  sender_.unlink();
  loop().defer(later_);
}

// ---- from one request to the next ---------------------------------------------------------------------------------

void ServerConnection::begin_transaction() {
  transaction_ = server_.shared_->transactions.make(*this, loop().blocks(), static_cast<wire::H1Handler&>(*this));
  const ServerOptions& options = server_.options;
  transaction_->parser.begin(transaction_->arena, {.header_bytes_max = options.max_header_size,
                                                   .headers_max = options.max_headers_count,
                                                   .require_host = options.require_host_header});
  phase_ = Phase::head;
  phase_since_ = loop().now();
  dumped_bytes_ = 0;
  ask();
}

void ServerConnection::check_progress() {
  if (phase_ == Phase::closed) return;
  if (phase_ == Phase::lingering && outbox_.empty()) {
    if (peer_finished_) return close();
    if (const std::error_code error = stream_->shutdown_write()) return close(error);
  }
  if (phase_ == Phase::exchange && transaction_->response.writable_finished()) {
    IncomingMessage& request = transaction_->request;
    if (!request.complete()) {
      if (dumped_bytes_ > dumped_bytes_max) keep_alive_ = false;
      request.unpipe();
      request.resume();
    }
    if (request.complete() || !keep_alive_) loop().defer(later_);
  }
  update_interest();
}

void ServerConnection::end_transaction() {
  const bool unread = !transaction_->request.complete() || !held_.empty();
  const bool again = may_keep_alive() && transaction_->request.complete();
  transaction_->response.emit_close();
  transaction_->request.emit_close();
  release_transaction();
  if (phase_ == Phase::closed) return;
  ++served_;
  if (!again) return unread ? linger() : close();
  phase_ = Phase::idle;
  phase_since_ = loop().now();
  ask();
  if (!held_.empty()) loop().defer(later_);
}

void ServerConnection::release_transaction() {
  if (transaction_ == nullptr) return;
  server_.shared_->transactions.destroy(std::exchange(transaction_, nullptr));
}

bool ServerConnection::may_keep_alive() const {
  const std::uint32_t most = server_.options.max_requests_per_socket;
  return keep_alive_ && !server_.closing_ && !peer_finished_ && (most == 0 || served_ + 1 < most);
}

bool ServerConnection::request_http_1_0() const { return transaction_->request.http_version_minor() == 0; }

void ServerConnection::update_interest() {
  Interest interest{.read = !peer_finished_ && held_.empty(), .write = !outbox_.empty()};
  if (phase_ == Phase::exchange && !transaction_->request.complete()) {
    interest.read = interest.read && transaction_->request.flows();
  }
  stream_->want(interest);
}

TimePoint ServerConnection::runs_out() const {
  const ServerOptions& options = server_.options;
  const auto after = [](TimePoint start, std::chrono::milliseconds limit) {
    return limit.count() == 0 ? never : start + limit;
  };
  TimePoint limit = after(last_activity_, options.timeout);
  switch (phase_) {
    case Phase::idle:
      if (served_ == 0) return std::min(limit, after(phase_since_, options.headers_timeout));
      if (options.keep_alive_timeout.count() == 0) return limit;
      return std::min(limit, phase_since_ + options.keep_alive_timeout + keep_alive_margin);
    case Phase::head:
      return std::min({limit, after(phase_since_, options.headers_timeout), after(phase_since_, options.request_timeout)});
    case Phase::exchange:
      if (transaction_->request.complete()) return limit;
      return std::min(limit, after(phase_since_, options.request_timeout));
    case Phase::lingering:
      return phase_since_ + lingering_time;
    case Phase::closed:
      return never;
  }
  return never;
}

void ServerConnection::ask() { loop().ask_at(due_, runs_out()); }

}  // namespace culvert
