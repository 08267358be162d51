#include "culvert/outgoing_message.hpp"

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "culvert/error.hpp"
#include "culvert/incoming_message.hpp"
#include "net/outbox.hpp"
#include "wire/h1_writer.hpp"
#include "wire/header_names.hpp"

namespace culvert {

void OutgoingMessage::check_field(std::string_view name, std::string_view value) {
  if (!wire::valid_token(name)) throw http_error(errc::ERR_INVALID_HTTP_TOKEN, std::string(name));
  if (!wire::valid_field_value(value)) throw http_error(errc::ERR_INVALID_CHAR, std::string(name));
}

void OutgoingMessage::set_header(std::string_view name, std::string_view value) {
  remove_header(name);
  append_header(name, value);
}

void OutgoingMessage::append_header(std::string_view name, std::string_view value) {
  if (headers_sent_) throw http_error(errc::ERR_HTTP_HEADERS_SENT);
  check_field(name, value);
  headers_.push(arena_, {wire::header_id(name), arena_.copy(name), arena_.copy(value)});
}

void OutgoingMessage::remove_header(std::string_view name) {
  if (headers_sent_) throw http_error(errc::ERR_HTTP_HEADERS_SENT);
  std::size_t kept = 0;
  for (const Header& line : headers_) {
    if (!ascii::iequals(line.name, name)) headers_[kept++] = line;
  }
  while (headers_.size() > kept) headers_.remove_last();
}

std::optional<std::string_view> OutgoingMessage::get_header(std::string_view name) const {
  const Header* line = headers_.find(name);
  if (line == nullptr) return std::nullopt;
  return line->value;
}

void OutgoingMessage::flush_headers() {
  if (!headers_sent_) send_head(std::nullopt);
}

void OutgoingMessage::head_goes_out(const wire::HeadBuffer& head) {
  headers_sent_ = true;
  sink_->outbox().copy(as_bytes(head.view()));
  sink_->touched();
}

bool OutgoingMessage::write(Bytes part) {
  if (ended_) throw http_error(errc::ERR_STREAM_WRITE_AFTER_END);
  if (destroyed_) return false;
  if (!headers_sent_) send_head(std::nullopt);
  body(part, false);
  need_drain_ = writable_length() >= high_water_mark;
  return !need_drain_;
}

void OutgoingMessage::piped(Bytes part) {
  if (ended_ || destroyed_) return;
  if (!headers_sent_) send_head(std::nullopt);
  body(part, true);
}

void OutgoingMessage::body(Bytes part, bool borrow) {
  body_bytes_ += part.size();
  if (!has_body_ || part.empty()) return;
  net::Outbox& box = sink_->outbox();
  if (chunked_) {
    char line[wire::chunk_size_max];
    box.copy(as_bytes({line, wire::write_chunk_size(line, part.size())}));
  }
  if (borrow && sink_->sending()) {
    box.borrow(part);
  } else {
    box.copy(part);
  }
  if (chunked_) box.copy(as_bytes("\r\n"));
  sink_->touched();
}

void OutgoingMessage::end() {
  if (ended_ || destroyed_) return;
  if (!headers_sent_) send_head(0);
  if (chunked_ && has_body_) {
    net::Outbox& box = sink_->outbox();
    box.copy(as_bytes("0\r\n"));
    for (const Header& line : trailers_) {
      box.copy(as_bytes(line.name));
      box.copy(as_bytes(": "));
      box.copy(as_bytes(line.value));
      box.copy(as_bytes("\r\n"));
    }
    box.copy(as_bytes("\r\n"));
  }
  trailers_ = {};
  ended_ = true;
  sink_->touched();
}

void OutgoingMessage::end(Bytes last) {
  if (ended_) throw http_error(errc::ERR_STREAM_WRITE_AFTER_END);
  if (destroyed_) return;
  if (!headers_sent_) send_head(last.size());
  body(last, false);
  end();
}

void OutgoingMessage::destroy(std::error_code reason) {
  if (destroyed_) return;
  cut(reason);
  sink_->abort(reason);
}

std::size_t OutgoingMessage::writable_length() const { return destroyed_ ? 0 : sink_->outbox().size(); }

void OutgoingMessage::flushed() {
  if (!sink_->outbox().empty()) {
    if (source_ != nullptr) source_->stop(Pause::sink);
    return;
  }
  if (ended_) {
    if (finished_) return;
    finished_ = true;
    on_finish.emit();
    return;
  }
  if (std::exchange(need_drain_, false)) on_drain.emit();
  if (source_ != nullptr) source_->go(Pause::sink);
}

void OutgoingMessage::cut(std::error_code reason) {
  if (destroyed_) return;
  destroyed_ = true;
  cut_reason_ = reason;
}

void OutgoingMessage::emit_close() {
  destroyed_ = true;
  if (cut_reason_) on_error.emit(std::exchange(cut_reason_, {}));
  if (source_ != nullptr) source_->unpipe();
  on_close.emit();
}

}  // namespace culvert
