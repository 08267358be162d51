#include "culvert/server_response.hpp"

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "culvert/error.hpp"
#include "culvert/loop.hpp"
#include "culvert/server.hpp"
#include "culvert/status.hpp"
#include "http/server_connection.hpp"
#include "http/server_shared.hpp"
#include "wire/h1_writer.hpp"
#include "wire/header_names.hpp"

namespace culvert {

ServerResponse::ServerResponse(ServerConnection& connection, ByteSink& sink, Arena& arena)
    : OutgoingMessage(sink, arena), connection_(connection) {}

void ServerResponse::write_head(std::uint16_t status, std::string_view reason, std::span<const Header> lines) {
  if (headers_sent_) throw http_error(errc::ERR_HTTP_HEADERS_SENT);
  if (status < 100 || status > 999) throw http_error(errc::ERR_HTTP_INVALID_STATUS_CODE, std::to_string(status));
  status_code = status;
  compose(status, reason, lines, std::nullopt);
}

void ServerResponse::send_head(std::optional<std::uint64_t> length) {
  if (status_code < 100 || status_code > 999) {
    throw http_error(errc::ERR_HTTP_INVALID_STATUS_CODE, std::to_string(status_code));
  }
  compose(status_code, status_message, {}, length);
}

void ServerResponse::write_information(std::uint16_t status, std::string_view reason, std::span<const Header> lines) {
  if (headers_sent_) throw http_error(errc::ERR_HTTP_HEADERS_SENT);
  if (status < 100 || status > 199) throw http_error(errc::ERR_HTTP_INVALID_STATUS_CODE, std::to_string(status));
  if (status == 100) connection_.continued();
  if (destroyed() || connection_.request_http_1_0()) return;
  wire::HeadBuffer& head = connection_.server().shared_->head;
  head.clear();
  wire::write_status_line(head, status, reason.empty() ? culvert::status_message(status) : reason);
  for (const Header& line : lines) wire::write_field(head, line.name, line.value);
  wire::end_head(head);
  sink_->outbox().copy(as_bytes(head.view()));
  sink_->touched();
}

namespace {

// What the lines of a head already say, so that nothing is said twice.
struct Said {
  bool date = false;
  bool connection = false;
  bool close = false;
  bool length = false;
  bool coding = false;
};

void put(wire::HeadBuffer& head, const Header& line, bool body_possible, Said& said) {
  switch (line.id) {
    case HeaderId::date: said.date = true; break;
    case HeaderId::connection:
      said.connection = true;
      said.close = said.close || ascii::list_contains(line.value, "close");
      break;
    case HeaderId::content_length:
      if (!body_possible) return;
      said.length = true;
      break;
    case HeaderId::transfer_encoding:
      if (!body_possible) return;
      said.coding = true;
      break;
    default: break;
  }
  wire::write_field(head, line.name, line.value);
}

}  // namespace

void ServerResponse::compose(std::uint16_t status, std::string_view reason, std::span<const Header> lines,
                             std::optional<std::uint64_t> length) {
  if (destroyed()) return;
  // 1xx and 204 have neither a body nor a field that announces one; 304 and answers to HEAD announce what GET has.
  const bool announces = status >= 200 && status != 204;
  has_body_ = announces && status != 304 && !connection_.answers_head();

  Server& server = connection_.server();
  wire::HeadBuffer& head = server.shared_->head;
  head.clear();
  wire::write_status_line(head, status, reason.empty() ? culvert::status_message(status) : reason);
  Said said;
  for (const Header& line : headers_) {
    bool overridden = false;
    for (const Header& other : lines) overridden = overridden || ascii::iequals(line.name, other.name);
    if (!overridden) put(head, line, announces, said);
  }
  for (const Header& line : lines) put(head, line, announces, said);

  if (send_date && !said.date) wire::write_field(head, "Date", server.loop_.http_date());

  bool keep = should_keep_alive && connection_.may_keep_alive() && !connection_.awaits_continue() && !said.close;
  if (has_body_ && !said.length) {
    if (said.coding) {
      chunked_ = true;
    } else if (length) {
      wire::write_field(head, "Content-Length", *length);
    } else if (!connection_.request_http_1_0()) {
      chunked_ = true;
      wire::write_field(head, "Transfer-Encoding", "chunked");
    } else {
      close_delimited_ = true;
      keep = false;
    }
  }
  if (!keep) connection_.last_answer();
  if (!said.connection) {
    if (!keep) {
      wire::write_field(head, "Connection", "close");
    } else {
      wire::write_field(head, "Connection", "keep-alive");
      const std::string_view promise = server.shared_->keep_alive_promise(server.options.keep_alive_timeout);
      if (!promise.empty()) wire::write_field(head, "Keep-Alive", promise);
    }
  }
  wire::end_head(head);
  head_goes_out(head);
}

}  // namespace culvert
