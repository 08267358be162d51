#include "culvert/incoming_message.hpp"

#include <optional>

#include "culvert/error.hpp"
#include "culvert/outgoing_message.hpp"
#include "culvert/socket.hpp"
#include "http/header_views.hpp"
#include "wire/h1_parser.hpp"

namespace culvert {

// What few programs ask for: relays go by raw_headers().
struct IncomingMessage::Views {
  std::optional<HeaderMap> headers;
  std::optional<HeaderMap> trailers;
  std::optional<DistinctHeaders> headers_distinct;
  std::optional<DistinctHeaders> trailers_distinct;
};

IncomingMessage::IncomingMessage(BodySource& source) : on_data(*this), source_(source) {}

IncomingMessage::~IncomingMessage() = default;

std::string_view IncomingMessage::method() const { return head_->method; }
std::string_view IncomingMessage::url() const { return head_->target; }
std::uint16_t IncomingMessage::status_code() const { return head_->status; }
std::string_view IncomingMessage::status_message() const { return head_->reason; }
int IncomingMessage::http_version_minor() const { return head_->minor_version; }
const HeaderList& IncomingMessage::raw_headers() const { return head_->headers; }
bool IncomingMessage::has_body() const { return head_->framing.kind != wire::Framing::Kind::none; }
std::uint64_t IncomingMessage::content_length() const { return head_->framing.length; }

std::string_view IncomingMessage::http_version() const { return head_->minor_version == 0 ? "1.0" : "1.1"; }

IncomingMessage::Views& IncomingMessage::views() {
  if (!views_) views_ = std::make_unique<Views>();
  return *views_;
}

const HeaderMap& IncomingMessage::headers() {
  auto& view = views().headers;
  if (!view) view = joined_headers(raw_headers(), source_.joins_duplicates());
  return *view;
}

const DistinctHeaders& IncomingMessage::headers_distinct() {
  auto& view = views().headers_distinct;
  if (!view) view = distinct_headers(raw_headers());
  return *view;
}

const HeaderMap& IncomingMessage::trailers() {
  static const HeaderMap none;
  if (trailers_ == nullptr) return none;
  auto& view = views().trailers;
  if (!view) view = joined_headers(raw_trailers(), source_.joins_duplicates());
  return *view;
}

const DistinctHeaders& IncomingMessage::trailers_distinct() {
  static const DistinctHeaders none;
  if (trailers_ == nullptr) return none;
  auto& view = views().trailers_distinct;
  if (!view) view = distinct_headers(raw_trailers());
  return *view;
}

std::uint32_t IncomingMessage::readable_high_water_mark() const {
  const Socket* on = socket();
  return on == nullptr ? Socket::default_high_water_mark : on->writable_high_water_mark();
}

IncomingMessage& IncomingMessage::set_timeout(milliseconds limit, Delegate<void()> listener) {
  if (listener) on_timeout.once(std::move(listener));
  if (Socket* on = socket()) on->set_timeout(limit);
  return *this;
}

const HeaderList& IncomingMessage::no_trailers() {
  static const HeaderList none;
  return none;
}

void IncomingMessage::stop(Pause reason) {
  const bool flowed = flows();
  pauses_ |= static_cast<std::uint8_t>(reason);
  if (flowed) source_.flow_changed();
}

void IncomingMessage::go(Pause reason) {
  if ((pauses_ & static_cast<std::uint8_t>(reason)) == 0) return;
  pauses_ = static_cast<std::uint8_t>(pauses_ & ~static_cast<std::uint8_t>(reason));
  if (flows()) source_.flow_changed();
}

void IncomingMessage::resume() {
  go(Pause::user);
  go(Pause::unread);
}

void IncomingMessage::pipe(OutgoingMessage& sink, bool end) {
  unpipe();
  sink_ = &sink;
  sink.source_ = this;
  end_sink_ = end;
  if (!sink.sink_->sending()) stop(Pause::sink);  // nothing could be borrowed yet
  go(Pause::unread);
}

void IncomingMessage::part_from_sink() {
  sink_->source_ = nullptr;
  sink_ = nullptr;
  stop(Pause::unread);  // nobody reads it now: what comes next is not to be lost
  go(Pause::sink);
}

IncomingMessage& IncomingMessage::destroy(std::error_code reason) {
  if (destroyed_) return *this;
  destroyed_ = true;
  source_.abort(reason);
  return *this;
}

void IncomingMessage::deliver(Bytes part) {
  body_bytes_ += part.size();
  if (sink_ != nullptr) sink_->piped(part);
  on_data.emit(part);
}

void IncomingMessage::received(const HeaderList& trailers) {
  complete_ = true;
  trailers_ = &trailers;
  if (flows()) emit_end();
}

bool IncomingMessage::tell_end() {
  ended_ = true;
  on_end.emit();
  if (sink_ != nullptr && end_sink_) {
    OutgoingMessage& sink = *sink_;
    unpipe();
    sink.end();
  }
  return true;
}

void IncomingMessage::cut(std::error_code reason) {
  destroyed_ = true;
  if (complete_ || aborted_) return;
  aborted_ = true;
  cut_reason_ = reason ? reason : make_error_code(errc::aborted);
}

void IncomingMessage::tell_aborted() {
  if (!std::exchange(aborted_told_, true)) on_aborted.emit();
}

void IncomingMessage::tell_cut() {
  tell_aborted();
  if (cut_reason_) on_error.emit(*std::exchange(cut_reason_, {}));
}

void IncomingMessage::emit_close() {
  destroyed_ = true;
  if (aborted_) tell_cut();
  unpipe();
  on_close.emit();
}

}  // namespace culvert
