#include "culvert/outgoing_message.hpp"

#include <algorithm>

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "culvert/error.hpp"
#include "culvert/incoming_message.hpp"
#include "culvert/outbox.hpp"
#include "culvert/socket.hpp"
#include "wire/h1_writer.hpp"
#include "wire/header_names.hpp"

namespace culvert {

struct OutgoingMessage::Extras {
  struct Waiting {
    std::size_t left;  // bytes that must go before it is called
    Done done;
  };
  std::vector<std::byte> corked;
  std::vector<Waiting> waiting;
  std::vector<Done> on_finish;
  std::vector<std::pair<std::error_code, Done>> refused;  // wrong calls, told later in the turn
};

OutgoingMessage::OutgoingMessage(ByteSink& sink, Arena& arena) : sink_(&sink), arena_(arena) {}

OutgoingMessage::~OutgoingMessage() = default;

OutgoingMessage::Extras& OutgoingMessage::extras() {
  if (!extras_) extras_ = std::make_unique<Extras>();
  return *extras_;
}

// ---- headers --------------------------------------------------------------------------------------------------------

void validate_header_name(std::string_view name, std::string_view label) {
  if (wire::valid_token(name)) return;
  throw http_error(errc::ERR_INVALID_HTTP_TOKEN,
                   std::string(label) + " must be a valid HTTP token [\"" + std::string(name) + "\"]");
}

void validate_header_value(std::string_view name, std::optional<std::string_view> value) {
  if (!value) {
    throw http_error(errc::ERR_HTTP_INVALID_HEADER_VALUE,
                     "Invalid value \"undefined\" for header \"" + std::string(name) + '"');
  }
  if (wire::valid_field_value(*value)) return;
  throw http_error(errc::ERR_INVALID_CHAR, "Invalid character in header content [\"" + std::string(name) + "\"]");
}

std::optional<std::string> to_latin1(std::u8string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const unsigned lead = text[i];
    if (lead < 0x80) {
      bytes += static_cast<char>(lead);
      continue;
    }
    const bool fits = (lead == 0xc2 || lead == 0xc3) && i + 1 < text.size() && (text[i + 1] & 0xc0u) == 0x80;
    if (!fits) return std::nullopt;
    bytes += static_cast<char>((lead & 3u) << 6 | (text[++i] & 0x3fu));
  }
  return bytes;
}

void OutgoingMessage::check_sent() const {
  if (headers_sent_) throw http_error(errc::ERR_HTTP_HEADERS_SENT);
}

OutgoingMessage& OutgoingMessage::set_header(std::string_view name, std::string_view value) {
  check_sent();
  validate_header_name(name);
  validate_header_value(name, value);
  headers_.set(arena_, name, OutgoingHeaders::Kind::text, {&value, 1});
  return *this;
}

OutgoingMessage& OutgoingMessage::set_header(std::string_view name, std::u8string_view value) {
  const std::optional<std::string> bytes = to_latin1(value);
  return set_header(name,
                    bytes ? std::string_view(*bytes) : std::string_view("\0", 1));  // refused as any bad character
}

OutgoingMessage& OutgoingMessage::set_header(std::string_view name, std::int64_t value) {
  check_sent();
  validate_header_name(name);
  const std::string digits = std::to_string(value);
  const std::string_view text = digits;
  headers_.set(arena_, name, OutgoingHeaders::Kind::number, {&text, 1});
  return *this;
}

OutgoingMessage& OutgoingMessage::set_header(std::string_view name, std::span<const std::string_view> values) {
  check_sent();
  validate_header_name(name);
  for (const std::string_view value : values) validate_header_value(name, value);
  headers_.set(arena_, name, OutgoingHeaders::Kind::list, values);
  return *this;
}

OutgoingMessage& OutgoingMessage::set_header(std::string_view name, std::nullopt_t) {
  check_sent();
  validate_header_name(name);
  validate_header_value(name, std::nullopt);
  return *this;
}

OutgoingMessage& OutgoingMessage::set_headers(std::span<const std::pair<std::string_view, std::string_view>> lines) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view name = lines[i].first;
    const std::string_view value = lines[i].second;
    const bool again = std::any_of(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(i),
                                   [&](const auto& line) { return ascii::iequals(line.first, name); });
    again ? append_header(name, value) : set_header(name, value);
  }
  return *this;
}

OutgoingMessage& OutgoingMessage::append_header(std::string_view name, std::string_view value) {
  return append_header(name, std::span<const std::string_view>(&value, 1));
}

OutgoingMessage& OutgoingMessage::append_header(std::string_view name, std::span<const std::string_view> values) {
  check_sent();
  validate_header_name(name);
  for (const std::string_view value : values) validate_header_value(name, value);
  headers_.append(arena_, name, values);
  return *this;
}

namespace {

// The headers that culvert adds by itself, each with a bit.
std::uint8_t automatic_bit(HeaderId id) {
  switch (id) {
    case HeaderId::date: return 1;
    case HeaderId::connection: return 2;
    case HeaderId::content_length: return 4;
    case HeaderId::transfer_encoding: return 8;
    default: return 0;
  }
}

}  // namespace

OutgoingMessage& OutgoingMessage::remove_header(std::string_view name) {
  check_sent();
  headers_.remove(name);
  suppressed_ = static_cast<std::uint8_t>(suppressed_ | automatic_bit(wire::header_id(name)));
  return *this;
}

bool OutgoingMessage::suppresses(HeaderId automatic) const { return (suppressed_ & automatic_bit(automatic)) != 0; }

std::optional<HeaderValue> OutgoingMessage::get_header(std::string_view name) const {
  const OutgoingHeaders::Field* field = headers_.find(name);
  if (field == nullptr) return std::nullopt;
  return field->value();
}

std::vector<std::string> OutgoingMessage::get_header_names() const {
  std::vector<std::string> names;
  for (const auto& field : headers_) names.push_back(ascii::lower(field.name));
  return names;
}

std::vector<std::string_view> OutgoingMessage::get_raw_header_names() const {
  std::vector<std::string_view> names;
  for (const auto& field : headers_) names.push_back(field.name);
  return names;
}

std::map<std::string, HeaderValue, std::less<>> OutgoingMessage::get_headers() const {
  std::map<std::string, HeaderValue, std::less<>> copy;
  for (const auto& field : headers_) copy.emplace(ascii::lower(field.name), field.value());
  return copy;
}

void OutgoingMessage::add_trailers(std::span<const std::pair<std::string_view, std::string_view>> lines) {
  for (const auto& [name, value] : lines) {
    if (!wire::valid_token(name)) {
      throw http_error(errc::ERR_INVALID_HTTP_TOKEN,
                       "Trailer name must be a valid HTTP token [\"" + std::string(name) + "\"]");
    }
    if (!wire::valid_field_value(value)) {
      throw http_error(errc::ERR_INVALID_CHAR, "Invalid character in trailer content [\"" + std::string(name) + "\"]");
    }
  }
  const std::span<Header> all = arena_.array<Header>(trailers_.size() + lines.size());
  std::copy(trailers_.begin(), trailers_.end(), all.begin());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& [name, value] = lines[i];
    all[trailers_.size() + i] = {wire::header_id(name), arena_.copy(name), arena_.copy(value)};
  }
  trailers_ = all;
}

// ---- head -----------------------------------------------------------------------------------------------------------

void OutgoingMessage::send_head(std::optional<std::uint64_t>) { throw http_error(errc::ERR_METHOD_NOT_IMPLEMENTED); }

void OutgoingMessage::flush_headers() {
  if (destroyed_) return;
  if (!headers_sent_) send_head(std::nullopt);
  sink_->touched();
}

void OutgoingMessage::head_is_made(const wire::HeadBuffer& head) {
  headers_sent_ = true;
  sink_->outbox().copy(as_bytes(head.view()));
}

// ---- body -----------------------------------------------------------------------------------------------------------

bool OutgoingMessage::write(Bytes part, Done done) {
  if (ended_) {
    write_after_end(std::move(done));
    return false;
  }
  if (destroyed_) return false;
  check_length(part.size(), false);
  writing_ = true;
  if (!headers_sent_) send_head(std::nullopt);
  if (!has_body_ && refuses_body_ && !part.empty()) throw http_error(errc::ERR_HTTP_BODY_NOT_ALLOWED);
  body(part, false);
  if (done && !part.empty()) call_when_sent(std::move(done));
  need_drain_ = writable_length() >= writable_high_water_mark();
  return !need_drain_;
}

void OutgoingMessage::write_after_end(Done done) {
  extras().refused.emplace_back(errc::ERR_STREAM_WRITE_AFTER_END, std::move(done));
  sink_->look_later();
}

// Node's strictContentLength: too many bytes are refused before they are sent, too few at the end.
void OutgoingMessage::compare_length(std::size_t more, bool last) const {
  std::optional<std::uint64_t> length = declared_length_;
  if (!headers_sent_) {
    if (const auto* field = headers_.find("Content-Length")) length = ascii::parse_decimal(field->values.front());
  }
  if (!length) return;
  const std::uint64_t total = body_bytes_ + more;
  if (total > *length || (last && total < *length)) {
    throw http_error(errc::ERR_HTTP_CONTENT_LENGTH_MISMATCH, "Response body's content-length of " +
                                                                 std::to_string(total) +
                                                                 " byte(s) does not match the content-length of " +
                                                                 std::to_string(*length) + " byte(s) set in header");
  }
}

void OutgoingMessage::piped(Bytes part) {
  if (ended_ || destroyed_) return;
  if (!headers_sent_) send_head(std::nullopt);
  body(part, true);
}

void OutgoingMessage::body(Bytes part, bool borrow) {
  body_bytes_ += part.size();
  if (!has_body_ || part.empty()) return;
  if (corked_ > 0) {
    std::vector<std::byte>& corked = extras().corked;
    corked.insert(corked.end(), part.begin(), part.end());
    return;
  }
  frame(part, borrow);
  sink_->touched();
}

void OutgoingMessage::frame(Bytes part, bool borrow) {
  chunked_ ? frame_chunk(part, borrow) : put(part, borrow);
}

void OutgoingMessage::put(Bytes part, bool borrow) {
  net::Outbox& box = sink_->outbox();
  borrow && sink_->sending() ? box.borrow(part) : box.copy(part);
}

void OutgoingMessage::frame_chunk(Bytes part, bool borrow) {
  net::Outbox& box = sink_->outbox();
  char line[wire::chunk_size_max];
  box.copy(as_bytes({line, wire::write_chunk_size(line, part.size())}));
  put(part, borrow);
  box.copy(as_bytes(wire::chunk_end));
}

void OutgoingMessage::uncork() {
  if (corked_ == 0 || --corked_ > 0 || destroyed_ || ended_) return;
  if (extras_ && !extras_->corked.empty()) frame(std::exchange(extras_->corked, {}), false);
  sink_->touched();
}

void OutgoingMessage::call_when_sent(Done done) {
  extras().waiting.push_back({sink_->outbox().size(), std::move(done)});
}

OutgoingMessage& OutgoingMessage::end(Done done) {
  end();
  if (!done) return *this;
  if (!finished_ && !destroyed_) {
    extras().on_finish.push_back(std::move(done));
  } else {
    extras().refused.emplace_back(errc::ERR_STREAM_ALREADY_FINISHED, std::move(done));
    sink_->look_later();
  }
  return *this;
}

OutgoingMessage& OutgoingMessage::end() {
  if (ended_ || destroyed_) return *this;
  check_length(0, true);
  if (!headers_sent_) send_head(body_bytes_);
  if (corked_ > 0) {
    corked_ = 1;
    uncork();
  }
  if (chunked_ && has_body_) end_chunks();
  trailers_ = {};
  ended_ = true;
  sink_->touched();
  return *this;
}

void OutgoingMessage::end_chunks() {
  net::Outbox& box = sink_->outbox();
  box.copy(as_bytes(wire::last_chunk_line));
  for (const Header& line : trailers_) {
    box.copy(as_bytes(line.name));
    box.copy(as_bytes(": "));
    box.copy(as_bytes(line.value));
    box.copy(as_bytes("\r\n"));
  }
  box.copy(as_bytes(wire::chunk_end));
}

OutgoingMessage& OutgoingMessage::end(Bytes last, Done done) {
  if (ended_) {
    write_after_end(std::move(done));
    return *this;
  }
  if (destroyed_) return *this;
  check_length(last.size(), true);
  if (!headers_sent_) send_head(last.size());
  if (!has_body_ && refuses_body_ && !last.empty()) throw http_error(errc::ERR_HTTP_BODY_NOT_ALLOWED);
  body(last, false);
  return end(std::move(done));
}

OutgoingMessage& OutgoingMessage::destroy(std::error_code reason) {
  if (destroyed_) return *this;
  sink_->abort(reason);
  cut(reason);
  return *this;
}

OutgoingMessage& OutgoingMessage::set_timeout(milliseconds limit, Delegate<void()> listener) {
  if (listener) on_timeout.once(std::move(listener));
  sink_->set_timeout(limit);
  return *this;
}

std::size_t OutgoingMessage::writable_length() const {
  if (destroyed_ || finished_) return 0;
  return sink_->outbox().size() + (extras_ ? extras_->corked.size() : 0);
}

std::size_t OutgoingMessage::writable_high_water_mark() const {
  const Socket* on = socket();
  return on == nullptr ? default_high_water_mark : on->writable_high_water_mark();
}

// ---- by the connection ----------------------------------------------------------------------------------------------

void OutgoingMessage::flushed(std::size_t sent) {
  if (extras_) call_waiting(sent);
  if (!sink_->outbox().empty()) {
    if (source_ != nullptr) source_->stop(Pause::sink);
    return;
  }
  if (ended_) return all_sent();
  if (std::exchange(need_drain_, false)) on_drain.emit();
  if (source_ != nullptr) source_->go(Pause::sink);
}

void OutgoingMessage::call_waiting(std::size_t sent) {
  auto& waiting = extras_->waiting;
  for (auto& one : waiting) one.left -= std::min(one.left, sent);
  while (!waiting.empty() && waiting.front().left == 0) {
    Done done = std::move(waiting.front().done);
    waiting.erase(waiting.begin());
    done({});
  }
}

void OutgoingMessage::all_sent() {
  if (finished_) return;
  on_prefinish.emit();
  finished_ = true;
  on_finish.emit();
  if (extras_) call_finished();
}

void OutgoingMessage::call_finished() {
  for (Done& done : std::exchange(extras_->on_finish, {})) done({});
}

void OutgoingMessage::cut(std::error_code reason) {
  if (destroyed_) return;
  destroyed_ = true;
  if (reason) cut_reason_ = reason;
}

void OutgoingMessage::emit_error(std::error_code error) {
  if (on_error.listener_count() == 0) return sink_->unhandled(error);
  on_error.emit(error);
}

void OutgoingMessage::tell_refused() {
  for (auto& [error, done] : std::exchange(extras_->refused, {})) {
    if (error == errc::ERR_STREAM_WRITE_AFTER_END) emit_error(error);
    if (done) done(error);
  }
}

void OutgoingMessage::tell_cut() { emit_error(*std::exchange(cut_reason_, {})); }

void OutgoingMessage::emit_close() {
  destroyed_ = true;
  emit_pending();
  emit_failure();
  if (source_ != nullptr) source_->unpipe();
  on_close.emit();
}

}  // namespace culvert
