#include "culvert/server_response.hpp"

#include <cassert>
#include <vector>

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "culvert/error.hpp"
#include "culvert/loop.hpp"
#include "culvert/server.hpp"
#include "culvert/status.hpp"
#include "http/http_shared.hpp"
#include "http/link_header.hpp"
#include "http/outgoing_lines.hpp"
#include "http/server_connection.hpp"
#include "http/server_shared.hpp"
#include "wire/h1_writer.hpp"
#include "wire/header_names.hpp"

namespace culvert {

namespace {

void check_status(std::uint32_t status) {
  if (status >= 100 && status <= 999) return;
  throw http_error(errc::ERR_HTTP_INVALID_STATUS_CODE, "Invalid status code: " + std::to_string(status));
}

void check_reason(std::string_view reason) {
  if (!wire::valid_field_value(reason)) throw http_error(errc::ERR_INVALID_CHAR, "Invalid character in statusMessage");
}

void check_lines(std::span<const Header> lines) {
  for (const Header& line : lines) {
    validate_header_name(line.name);
    validate_header_value(line.name, line.value);
  }
}

}  // namespace

ServerResponse::ServerResponse(const Place& place)
    : OutgoingMessage(place.sink, place.arena), req(place.request), connection_(place.connection) {}

// ---- the final head -------------------------------------------------------------------------------------------------

ServerResponse& ServerResponse::write_head(std::uint32_t status, std::string_view reason,
                                           std::span<const Header> lines) {
  if (headers_sent_) throw http_error(errc::ERR_HTTP_HEADERS_SENT);
  check_status(status);
  check_reason(reason);
  check_lines(lines);
  compose(static_cast<std::uint16_t>(status), reason, lines, std::nullopt);
  return *this;
}

ServerResponse& ServerResponse::write_head(std::uint32_t status, std::string_view reason, Values flat) {
  if (flat.size() % 2 != 0) throw http_error(errc::ERR_INVALID_ARG_VALUE, "The list of headers has an odd length");
  std::vector<Header> lines;
  for (const auto* at = flat.begin(); at != flat.end(); at += 2) lines.push_back({wire::header_id(at[0]), at[0], at[1]});
  return write_head(status, reason, lines);
}

void ServerResponse::relay_head(std::uint16_t status, std::string_view reason, std::span<const Header> lines) {
  if (headers_sent_) throw http_error(errc::ERR_HTTP_HEADERS_SENT);
  compose(status, reason, lines, std::nullopt);
}

void ServerResponse::send_head(std::optional<std::uint64_t> length) {
  check_status(status_code);
  check_reason(status_message);
  compose(status_code, status_message, {}, length);
}

namespace {

// What the lines of a head already say, so that nothing is said twice.
struct Said {
  bool date = false;
  bool connection = false;
  bool close = false;
  bool length = false;
  bool coding = false;
  bool trailer = false;
  std::optional<std::uint64_t> content_length;
};

void note(const Header& line, bool strict_length, Said& said) {
  switch (line.id) {
    case HeaderId::date: said.date = true; break;
    case HeaderId::trailer: said.trailer = true; break;
    case HeaderId::connection:
      said.connection = true;
      said.close = said.close || ascii::list_contains(line.value, "close");
      break;
    case HeaderId::content_length:
      said.length = true;
      if (strict_length) said.content_length = ascii::parse_decimal(line.value);
      break;
    case HeaderId::transfer_encoding: said.coding = true; break;
    default: break;
  }
}

bool among(std::span<const Header> lines, const OutgoingHeaders::Field& field) {
  for (const Header& line : lines) {
    if (line.id == field.id && (line.id != HeaderId::other || ascii::iequals(line.name, field.name))) return true;
  }
  return false;
}

}  // namespace

void ServerResponse::compose(std::uint16_t status, std::string_view reason, std::span<const Header> lines,
                             std::optional<std::uint64_t> length) {
  if (destroyed()) return;
  Server& server = connection_.server();
  if (reason.empty()) reason = culvert::status_message(status);
  // 1xx and 204 have neither a body nor a field that announces one; 304 and answers to HEAD announce what GET has.
  const bool announces = status >= 200 && status != 204;
  const bool bodyless = !announces || status == 304;
  has_body_ = !bodyless && !connection_.answers_head();

  wire::HeadBuffer& head = connection_.http().shared().head;
  head.clear();
  wire::write_status_line(head, status, reason);
  Said said;
  const bool strict_length = announces && strict_content_length;
  const auto put = [&](const Header& line) {
    note(line, strict_length, said);
    const bool frames = (wire::flags_of(line.id) & wire::framing) != 0;
    if (announces || !frames) wire::write_field(head, line.name, line.value);
  };
  for (const auto& field : headers_) {
    if (!among(lines, field)) each_line(field, unique_headers_, arena_, put);
  }
  if (announces) {
    for (const Header& line : lines) note(line, strict_length, said);
    head.append_fields(lines);
  } else {
    for (const Header& line : lines) put(line);
  }

  if (send_date && !said.date && may_add(HeaderId::date)) {
    wire::write_field(head, "Date", server.loop_.http_date());
  }

  bool keep = should_keep_alive && connection_.may_keep_alive() && !connection_.awaits_continue() && !said.close &&
              !(bodyless && said.coding);
  const bool measured = length && !said.trailer && may_add(HeaderId::content_length);
  enum class Adds { nothing, content_length, coding } adds = Adds::nothing;
  if (has_body_ && !said.length) {
    if (said.coding) {
      chunked_ = true;
    } else if (measured) {
      adds = Adds::content_length;
    } else if (!connection_.request_http_1_0() && may_add(HeaderId::transfer_encoding)) {
      chunked_ = true;
      adds = Adds::coding;
    } else {
      close_delimited_ = true;
      keep = false;
    }
  }
  if (said.trailer && !chunked_) throw http_error(errc::ERR_HTTP_TRAILER_INVALID);

  if (!keep) connection_.last_answer();
  if (!said.connection && may_add(HeaderId::connection)) {
    if (!keep || connection_.says_close()) {
      wire::write_field(head, "Connection", "close");
    } else {
      wire::write_field(head, "Connection", "keep-alive");
      const std::string_view promise = server.shared_->keep_alive_promise(server.options);
      if (!promise.empty()) wire::write_field(head, "Keep-Alive", promise);
    }
  }
  if (adds == Adds::content_length) wire::write_field(head, "Content-Length", *length);
  if (adds == Adds::coding) wire::write_field(head, "Transfer-Encoding", "chunked");
  wire::end_head(head);

  declared_length_ = adds == Adds::content_length ? length : said.content_length;
  status_code = status;
  status_message = reason.data() == culvert::status_message(status).data() ? reason : arena_.copy(reason);
  head_is_made(head);
}

// ---- answers before it ----------------------------------------------------------------------------------------------

void ServerResponse::write_information(std::uint16_t status, std::string_view reason, std::span<const Header> lines,
                                       Done done) {
  if (headers_sent_) throw http_error(errc::ERR_HTTP_HEADERS_SENT);
  if (status < 100 || status > 199) throw http_error(errc::ERR_HTTP_INVALID_STATUS_CODE, std::to_string(status));
  if (status == 100) connection_.continued();
  if (destroyed() || connection_.request_http_1_0()) return;
  send_bare_head(status, reason, lines);
  if (done) call_when_sent(std::move(done));
  sink_->touched();
}

BareStream ServerResponse::switch_protocols(std::uint16_t status, std::string_view reason, std::span<const Header> lines,
                                            std::vector<std::byte>& early) {
  assert(!headers_sent_ && !destroyed() && req.complete());
  status_code = status;
  headers_sent_ = true;
  send_bare_head(status, reason, lines);
  return connection_.detach(early);
}

// These lines and nothing else.
void ServerResponse::send_bare_head(std::uint16_t status, std::string_view reason, std::span<const Header> lines) {
  wire::HeadBuffer& head = connection_.http().shared().head;
  head.clear();
  wire::write_status_line(head, status, reason.empty() ? culvert::status_message(status) : reason);
  head.append_fields(lines);
  wire::end_head(head);
  sink_->outbox().copy(as_bytes(head.view()));
}

void ServerResponse::write_continue(Done done) { write_information(100, "Continue", {}, std::move(done)); }

void ServerResponse::write_processing(Done done) { write_information(102, "Processing", {}, std::move(done)); }

void ServerResponse::write_early_hints(std::span<const std::string_view> links, std::span<const Header> lines,
                                       Done done) {
  if (links.empty()) return;
  std::string joined;
  for (const std::string_view link : links) {
    if (!valid_link(link)) {
      throw http_error(errc::ERR_INVALID_ARG_VALUE,
                       "The argument 'hints' must be an array or string of format \"</styles.css>; rel=preload; "
                       "as=style\". Received '" +
                           std::string(link) + '\'');
    }
    joined.append(joined.empty() ? "" : ", ").append(link);
  }
  check_lines(lines);
  std::vector<Header> all{{HeaderId::link, "Link", joined}};
  all.insert(all.end(), lines.begin(), lines.end());
  write_information(103, "Early Hints", all, std::move(done));
}

}  // namespace culvert
