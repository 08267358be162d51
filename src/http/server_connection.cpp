#include "http/server_connection.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "culvert/status.hpp"
#include "http/http_shared.hpp"
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

ServerTransaction::ServerTransaction(ServerConnection& connection, BodySource& source, ByteSink& sink,
                                     wire::H1Handler& handler, BlockPool& blocks, const ServerOptions& options)
    : arena(blocks, first_room),
      parser(wire::MessageKind::request, handler),
      plain_request(source),
      plain_response({connection, sink, arena, plain_request}),
      made_request(options.make_request ? options.make_request(source) : nullptr),
      made_response(options.make_response || made_request ? make_response(connection, sink, options) : nullptr),
      request(made_request ? *made_request : plain_request),
      response(made_response ? *made_response : plain_response) {}

std::unique_ptr<ServerResponse> ServerTransaction::make_response(ServerConnection& connection, ByteSink& sink,
                                                                 const ServerOptions& options) {
  const ServerResponse::Place place{connection, sink, arena, made_request ? *made_request : plain_request};
  return options.make_response ? options.make_response(place) : std::make_unique<ServerResponse>(place);
}

ServerConnection::ServerConnection(Server& server, std::unique_ptr<Transport> stream)
    : server_(server), socket_(std::make_unique<Socket>(server.loop_, std::move(stream), this)) {
  const ServerOptions& options = server.options;
  loop().ref();
  phase_since_ = loop().now();
  socket_->set_high_water_mark(options.high_water_mark);
  if (options.keep_alive) socket_->set_keep_alive(true, options.keep_alive_initial_delay);
  socket_->transport()->attach(*this);
  if (options.timeout.count() != 0) socket_->set_timeout(options.timeout);
  ask();
}

ServerConnection::~ServerConnection() {
  release_transaction();
  loop().unref();
}

// ---- the loop's ways in -------------------------------------------------------------------------------------------

void ServerConnection::on_ready(Ready ready) noexcept {
  if (over()) return;
  if (ready.writable) {
    on_flush();
    if (over()) return;
  }
  if (ready.readable) return read();
  if (ready.broken) broke(socket_->transport()->take_error());
}

void ServerConnection::on_flush() noexcept {
  if (over()) return;
  net::Outbox& box = socket_->outbox();
  const std::size_t before = box.size();
  if (before > 0) {
    if (const std::error_code error = box.flush(*socket_->transport())) return close(error);
    socket_->stamp();
  }
  if (!box.empty() && (!blocked_ || box.size() < before)) sent_at_ = loop().now();
  blocked_ = !box.empty();
  if (blocked_) ask();
  if (phase_ == Phase::exchange) transaction_->response.flushed(before - box.size());
  check_progress();
}

TimePoint ServerConnection::on_due(TimePoint now) noexcept {
  const bool too_slow = body_interval_end() <= now && !body_keeps_pace(now);
  if (const TimePoint limit = runs_out(); limit > now) return limit;
  if (too_slow || receive_limit() <= now) {
    refuse(errc::ERR_HTTP_REQUEST_TIMEOUT, {}, 0);
  } else if (phase_ == Phase::exchange && send_limit() <= now) {
    refuse(errc::timed_out, {}, 0);
  } else if (waits_for_next() || phase_ == Phase::lingering || send_limit() <= now) {
    close(errc::timed_out);
  } else {
    socket_timed_out();
  }
  return over() ? never : runs_out();
}

// Whoever listens for the timeout owns what follows (Node offers it in this order).
void ServerConnection::socket_timed_out() {
  bool heard = false;
  const auto offer = [&](auto& event, auto&... arguments) {
    if (over() || event.listener_count() == 0) return;
    heard = true;
    event.emit(arguments...);
  };
  socket_->tell_timeout();
  if (phase_ == Phase::exchange) {
    if (!transaction_->request.complete()) offer(transaction_->request.on_timeout);
    if (phase_ == Phase::exchange) offer(transaction_->response.on_timeout);
  }
  if (!over()) offer(server_.on_timeout, *socket_);
  if (!heard) close(errc::timed_out);
}

void ServerConnection::on_deferred() noexcept {
  if (transaction_ != nullptr) transaction_->response.emit_pending();
  switch (phase_) {
    case Phase::closed:
    case Phase::left:
    case Phase::failed:
    case Phase::lingering:
      if (transaction_ != nullptr) end_events();
      if (over() && !counted_out_) {
        counted_out_ = true;
        if (socket_ != nullptr) socket_->tell_close();
        server_.released(*this);
      }
      return;
    case Phase::exchange: {
      IncomingMessage& request = transaction_->request;
      request.emit_end();
      if (phase_ != Phase::exchange) return;
      if (transaction_->response.writable_finished() && (request.complete() || !keep_alive_)) return end_transaction();
      if (!request.complete() && request.flows()) parse(held_.take(loop()));
      return;
    }
    case Phase::idle:
    case Phase::head:
      if (!held_.empty()) parse(held_.take(loop()));
      return;
  }
}

// The one place that orders the last events of an exchange that did not end well.
void ServerConnection::end_events() {
  IncomingMessage& request = transaction_->request;
  ServerResponse& response = transaction_->response;
  if (request.aborted()) {
    request.emit_aborted();
    response.emit_close();
    request.emit_close();
  } else {
    request.emit_close();
    response.emit_close();
  }
  release_transaction();
}

// ---- bytes in -----------------------------------------------------------------------------------------------------

void ServerConnection::read() {
  Result<Bytes> got = socket_->transport()->read();
  if (!got) {
    if (got.error() == errc::end_of_stream) return peer_finished();
    return broke(got.error());
  }
  if (got->empty()) return;
  socket_->stamp();
  if (!over_with_http()) parse(*got);
}

// Both ends may also have finished in order: that is no error.
void ServerConnection::broke(std::error_code error) {
  !error || over_with_http() ? close(error) : refuse(error, {}, 0);
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
  if (over()) return;
  if (fed.error) return refuse(fed.error, bytes, fed.consumed);
  if (parser.stopped()) return leave(bytes.subspan(fed.consumed));
  if (fresh && !parser.has_begun()) {  // blank lines between requests are no request
    if (!parser.in_line()) release_transaction();
    phase_ = Phase::idle;
    phase_since_ = idle_since;
    return update_interest();
  }
  if (phase_ == Phase::exchange && transaction_->response.writable_finished() && !parser.complete()) {
    dumped_bytes_ += static_cast<std::uint32_t>(fed.consumed);
  }
  if (fed.consumed < bytes.size()) hold(bytes.subspan(fed.consumed));
  check_progress();
}

void ServerConnection::hold(Bytes bytes) {
  held_.add(bytes, loop().blocks());
  update_interest();
}

void ServerConnection::peer_finished() {
  peer_finished_ = true;
  switch (phase_) {
    case Phase::head:
      return refuse(transaction_->parser.finish(), {}, 0);
    case Phase::exchange:
      if (!transaction_->request.complete()) return close(errc::aborted);
      // The answer is still owed to a peer that has only shut its own side, but Node sends no more of it.
      if (server_.options.allow_half_open || transaction_->response.writable_ended()) return update_interest();
      cut_exchange({});
      return linger();
    case Phase::idle:
    case Phase::failed:
    case Phase::lingering:
      return close();
    case Phase::left:
    case Phase::closed:
      return;
  }
}

wire::BodyRule ServerConnection::on_head() {
  phase_ = Phase::exchange;
  IncomingMessage& request = transaction_->request;
  request.open(transaction_->parser.head());
  keep_alive_ = transaction_->parser.head().keep_alive;
  if (leaves_http()) return wire::BodyRule::stop;
  if (request.has_body() && server_.options.min_body_rate != 0) {
    begin_body_interval();
    ask();
  }
  emit_request();
  if (phase_ != Phase::exchange || (request.has_body() && !request.flows())) transaction_->parser.pause();
  return wire::BodyRule::as_framed;
}

void ServerConnection::emit_request() {
  IncomingMessage& request = transaction_->request;
  const ServerOptions& options = server_.options;
  if (options.max_requests_per_socket != 0 && served_ >= options.max_requests_per_socket) return drop_request();
  const Header* expect = request.raw_headers().find(HeaderId::expect);
  if (expect != nullptr && !request_http_1_0()) return answer_expectation(*expect);
  server_.on_request.emit(request, transaction_->response);
}

void ServerConnection::answer_expectation(const Header& expect) {
  IncomingMessage& request = transaction_->request;
  ServerResponse& response = transaction_->response;
  const bool strict = server_.options.strict;
  awaits_continue_ = strict ? ascii::iequals(expect.value, "100-continue")
                            : ascii::list_contains(expect.value, "100-continue");
  if (awaits_continue_) {
    if (server_.on_check_continue.listener_count() > 0) return server_.on_check_continue.emit(request, response);
    response.write_continue();
  } else if (!strict) {
    if (server_.on_check_expectation.listener_count() > 0) return server_.on_check_expectation.emit(request, response);
    response.write_head(417);
    response.end();
    return;
  }
  server_.on_request.emit(request, response);
}

void ServerConnection::drop_request() {
  server_.on_drop_request.emit(transaction_->request, *socket_);
  if (phase_ != Phase::exchange) return;
  transaction_->response.write_head(503);
  transaction_->response.end();
}

void ServerConnection::on_body(Bytes part) {
  transaction_->request.deliver(part);
  if (phase_ != Phase::exchange || !transaction_->request.flows()) transaction_->parser.pause();
}

void ServerConnection::on_complete() { transaction_->request.received(transaction_->parser.trailers()); }

void ServerConnection::flow_changed() {
  body_was_paused_ = true;
  if (phase_ != Phase::exchange || feeding_) return;  // while feeding, the parser's callbacks look for themselves
  loop().defer(later_);
  update_interest();
}

// ---- CONNECT and Upgrade --------------------------------------------------------------------------------------------

// Whether the request's head is the end of HTTP on this connection.
bool ServerConnection::leaves_http() {
  const IncomingMessage& request = transaction_->request;
  if (request.method() == "CONNECT") return !server_.options.strict || server_.on_connect.listener_count() > 0;
  if (!transaction_->parser.head().upgrade || server_.on_upgrade.listener_count() == 0) return false;
  return !(server_.options.strict && request.has_body());  // a body has to be read first (RFC 9110 7.8)
}

void ServerConnection::leave(Bytes rest) {
  IncomingMessage& request = transaction_->request;
  auto& event = request.method() == "CONNECT" ? server_.on_connect : server_.on_upgrade;
  if (event.listener_count() == 0) return close();
  std::unique_ptr<Socket> socket = give_socket_away();
  socket->stand_alone();
  event.emit(request, socket, rest);
}

// Its messages are told later in the turn.
std::unique_ptr<Socket> ServerConnection::give_socket_away() {
  phase_ = Phase::left;
  loop().forget(due_);
  sender_.unlink();
  loop().defer(later_);
  transaction_->request.destroyed_ = true;
  transaction_->response.cut({});
  return std::move(socket_);
}

BareStream ServerConnection::detach(std::vector<std::byte>& early) {
  assert(phase_ == Phase::exchange && !feeding_);
  early = held_.give_away();
  return give_socket_away()->detach();
}

// ---- what goes wrong ----------------------------------------------------------------------------------------------

void ServerConnection::unhandled(std::error_code error) { http().unhandled(error); }

void ServerConnection::refuse(std::error_code error, Bytes packet, std::size_t bytes_parsed) {
  const bool in_exchange = phase_ == Phase::exchange;
  const bool may_answer = !in_exchange || !transaction_->response.headers_sent();
  const bool broken = is_of_the_network(error);
  ClientError failure{.error = error,
                      .status = error == errc::ERR_HTTP_REQUEST_TIMEOUT ? std::uint16_t{408} : wire::status_for(error),
                      .bytes_parsed = bytes_parsed,
                      .raw_packet = packet,
                      .request = in_exchange ? &transaction_->request : nullptr,
                      .head_sent = !may_answer};
  const bool heard = server_.on_client_error.listener_count() > 0;
  if (broken) socket_->set_unwritable();
  if (heard) server_.on_client_error.emit(failure, *socket_);
  if (over()) return;
  if (broken || (!heard && !may_answer)) return close(error);
  if (!heard) {
    socket_->end("HTTP/1.1 " + std::to_string(failure.status) + ' ' +
                 std::string(culvert::status_message(failure.status)) + "\r\nConnection: close\r\n\r\n");
  }
  if (in_exchange) {
    cut_exchange(error);
  } else {
    release_transaction();
  }
  keep_alive_ = false;
  held_.clear();
  phase_ = Phase::failed;
  ask();
  touched();
}

// Its messages are told later in the turn.
void ServerConnection::cut_exchange(std::error_code reason) {
  transaction_->request.cut(reason);
  transaction_->response.cut({});
  loop().defer(later_);
}

void ServerConnection::linger() {
  keep_alive_ = false;
  phase_ = Phase::lingering;
  phase_since_ = loop().now();
  held_.clear();
  ask();
  touched();
}

void ServerConnection::destroy(std::error_code reason) {
  asked_for_ = true;
  close(reason);
}

void ServerConnection::close(std::error_code reason) {
  if (over()) return;
  if (transaction_ != nullptr && phase_ == Phase::exchange) {
    // An answer that only the end of the connection delimits must not look complete when it is not.
    const ServerResponse& response = transaction_->response;
    if (response.headers_sent() && !response.writable_finished() && response.close_delimited()) {
      socket_->transport()->reset_on_close();
    }
    transaction_->request.cut(reason);
    if (!response.writable_finished()) transaction_->response.cut({});
  } else if (phase_ == Phase::idle || phase_ == Phase::head) {
    release_transaction();
  }
  phase_ = Phase::closed;
  socket_->close_transport(asked_for_ || is_of_the_network(reason) ? reason : std::error_code());
  held_.clear();
  loop().forget(due_);
  sender_.unlink();
  loop().defer(later_);
}

// ---- from one request to the next ---------------------------------------------------------------------------------

void ServerConnection::begin_transaction() {
  if (transaction_ == nullptr) make_transaction();  // else it has half a blank line
  phase_ = Phase::head;
  phase_since_ = loop().now();
  dumped_bytes_ = 0;
  ask();
}

void ServerConnection::make_transaction() {
  const ServerOptions& options = server_.options;
  transaction_ = http().shared().server_transactions.make(*this, static_cast<BodySource&>(*this),
                                                          static_cast<ByteSink&>(*this),
                                                          static_cast<wire::H1Handler&>(*this), loop().blocks(), options);
  transaction_->parser.begin(
      transaction_->arena,
      {.header_bytes_max = options.max_header_size != 0 ? options.max_header_size : http().max_header_size,
       .headers_max = options.max_headers_count,
       .require_host = options.require_host_header,
       .rules = options.insecure_http_parser ? wire::Rules::insecure
                : options.strict             ? wire::Rules::strict
                                             : wire::Rules::node});
  transaction_->response.refuses_body_ = options.reject_non_standard_body_writes;
  transaction_->response.unique_headers_ = options.unique_headers;
}

void ServerConnection::check_progress() {
  if (over()) return;
  if (socket_->ended() && phase_ != Phase::lingering) {  // somebody has ended the socket under HTTP
    if (phase_ == Phase::exchange) cut_exchange({});
    if (phase_ == Phase::idle || phase_ == Phase::head) release_transaction();
    linger();
  }
  if (phase_ == Phase::lingering && socket_->outbox().empty()) {
    if (peer_finished_) return close();
    if (const std::error_code error = socket_->transport()->shutdown_write()) return close(error);
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
  // Bytes for a closed socket are answered by a reset, which can destroy the answer on its way (RFC 9112 9.6). Who has not
  // said that this was its last request may be sending another; Node takes no heed of that.
  const bool sends_more = !transaction_->request.complete() || !held_.empty() ||
                          (server_.options.strict && transaction_->parser.head().keep_alive);
  const bool again = may_keep_alive() && transaction_->request.complete();
  transaction_->response.emit_close();
  transaction_->request.emit_close();
  release_transaction();
  if (over()) return;
  ++served_;
  if (!again) return sends_more ? linger() : close();
  phase_ = Phase::idle;
  phase_since_ = loop().now();
  // What a handler asked for on the socket ends with its request (Node puts the keep-alive timeout in its place).
  if (server_.options.keep_alive_timeout.count() != 0 && socket_->timeout() != server_.options.timeout) {
    socket_->set_timeout(server_.options.timeout);
  }
  ask();
  if (!held_.empty()) loop().defer(later_);
}

void ServerConnection::release_transaction() {
  if (transaction_ == nullptr) return;
  http().shared().server_transactions.destroy(std::exchange(transaction_, nullptr));
}

bool ServerConnection::may_keep_alive() const {
  return keep_alive_ && !server_.closing_ && !peer_finished_ && !(says_close() && server_.options.strict);
}

bool ServerConnection::says_close() const {
  const std::uint32_t most = server_.options.max_requests_per_socket;
  return most != 0 && served_ + 1 >= most;
}

bool ServerConnection::request_http_1_0() const { return transaction_->request.http_version_minor() == 0; }

void ServerConnection::update_interest() {
  Interest interest{.read = !peer_finished_ && held_.empty(), .write = blocked_};
  if (phase_ == Phase::exchange && !transaction_->request.complete()) {
    interest.read = interest.read && transaction_->request.flows();
  }
  socket_->transport()->want(interest);
}

// Idle between two requests, for a time that the server has an opinion about.
bool ServerConnection::waits_for_next() const {
  return phase_ == Phase::idle && served_ > 0 && server_.options.keep_alive_timeout.count() != 0;
}

void ServerConnection::begin_body_interval() {
  body_interval_since_ = loop().now();
  body_bytes_before_ = transaction_->request.body_bytes();
  body_was_paused_ = false;
}

// Asked at the end of an interval; begins the next where enough has come, or nobody wanted more.
bool ServerConnection::body_keeps_pace(TimePoint now) {
  const IncomingMessage& request = transaction_->request;
  const std::chrono::duration<double> took = now - body_interval_since_;
  const auto came = static_cast<double>(request.body_bytes() - body_bytes_before_);
  const bool unwanted = body_was_paused_ || !request.flows() || awaits_continue_;
  if (!unwanted && came < took.count() * static_cast<double>(server_.options.min_body_rate)) return false;
  begin_body_interval();
  return true;
}

TimePoint ServerConnection::body_interval_end() const {
  const bool measured = phase_ == Phase::exchange && server_.options.min_body_rate != 0 &&
                        transaction_->request.has_body() && !transaction_->request.complete();
  return measured ? body_interval_since_ + server_.options.min_body_rate_interval : never;
}

TimePoint ServerConnection::send_limit() const {
  return blocked_ && server_.options.send_timeout.count() != 0 ? sent_at_ + server_.options.send_timeout : never;
}

// When a request takes too long to arrive. The checks come at intervals, so that many connections share a tick.
TimePoint ServerConnection::receive_limit() const {
  const ServerOptions& options = server_.options;
  const auto after = [this](std::chrono::milliseconds limit) { return limit.count() == 0 ? never : phase_since_ + limit; };
  TimePoint limit = never;
  switch (phase_) {
    case Phase::idle:
      if (served_ == 0) limit = after(options.headers_timeout);
      break;
    case Phase::head:
      limit = std::min(after(options.headers_timeout), after(options.request_timeout));
      break;
    case Phase::exchange:
      if (!transaction_->request.complete()) limit = after(options.request_timeout);
      break;
    case Phase::failed:
    case Phase::lingering:
    case Phase::left:
    case Phase::closed:
      break;
  }
  const auto interval = options.connections_checking_interval;
  if (limit == never || interval.count() <= 1) return limit;
  const auto late = limit.time_since_epoch() % std::chrono::duration_cast<Duration>(interval);
  return late.count() == 0 ? limit : limit + (interval - late);
}

// Out of line: a request that comes and is answered in one go is never asked.
[[gnu::noinline]] TimePoint ServerConnection::busy_runs_out() const {
  return std::min({receive_limit(), body_interval_end(), send_limit(), socket_->times_out_at()});
}

TimePoint ServerConnection::runs_out() const {
  switch (phase_) {
    case Phase::lingering:
      return phase_since_ + lingering_time;
    case Phase::idle:
      if (waits_for_next()) return phase_since_ + server_.options.keep_alive_timeout + keep_alive_margin;
      [[fallthrough]];
    case Phase::head:
      return std::min(receive_limit(), socket_->times_out_at());
    case Phase::exchange:
    case Phase::failed:
      return busy_runs_out();
    case Phase::left:
    case Phase::closed:
      return never;
  }
  return never;
}

}  // namespace culvert
