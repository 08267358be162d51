#include "culvert/web_socket.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "base/ascii.hpp"
#include "base/digest.hpp"
#include "base/utf8.hpp"
#include "culvert/http.hpp"
#include "wire/h1_writer.hpp"
#include "wire/header_names.hpp"
#include "wire/url.hpp"
#include "wire/websocket_frame.hpp"

namespace culvert {

namespace {

using Opcode = wire::WebSocketOpcode;

constexpr std::string_view accept_guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3

std::string make_key(Loop& loop) {
  std::array<std::byte, 16> nonce;
  loop.random_fill(nonce);
  return encode_base64(nonce);
}

std::string accept_for(const std::string& key) {
  return encode_base64(sha1(as_bytes(key + std::string(accept_guid))));
}

// The value of a field that a head has exactly once.
std::optional<std::string_view> only_value(const HeaderList& headers, HeaderId id) {
  std::optional<std::string_view> value;
  for (const Header& line : headers) {
    if (line.id != id) continue;
    if (value) return std::nullopt;
    value = line.value;
  }
  return value;
}

std::string joined(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& protocol : protocols) list.append(list.empty() ? "" : ", ").append(protocol);
  return list;
}

std::vector<std::string> checked(const std::vector<std::string_view>& protocols) {
  std::vector<std::string> offered;
  for (const std::string_view protocol : protocols) {
    if (!wire::valid_token(protocol) || std::ranges::find(offered, protocol) != offered.end()) {
      throw http_error(errc::ERR_INVALID_ARG_VALUE, "Invalid Sec-WebSocket-Protocol value");
    }
    offered.emplace_back(protocol);
  }
  return offered;
}

void require_utf8(std::string_view text) {
  Utf8Check utf8;
  if (!utf8.accept(as_bytes(text)) || !utf8.is_complete()) {
    throw http_error(errc::ERR_INVALID_ARG_VALUE, "Text must be UTF-8");
  }
}

}  // namespace

struct WebSocket::Stream {
  Stream(Loop& the_loop, std::unique_ptr<Socket> open_socket, std::uint64_t message_bytes_max)
      : loop(the_loop),
        socket(std::move(open_socket)),
        reader(wire::WebSocketReader::Peer::server, message_bytes_max) {}

  void send(Opcode opcode, Bytes payload) {
    const wire::MaskKey key = next_mask();
    std::array<std::byte, 4096> piece;  // masked here, as the payload is not ours to change
    const std::size_t head = wire::write_frame_head(
        piece.data(), {.opcode = opcode, .payload_bytes = payload.size(), .mask = key});
    socket->write(Bytes(piece).first(head));
    for (std::size_t at = 0; at < payload.size(); at += piece.size()) {
      const Bytes plain = payload.subspan(at, std::min(piece.size(), payload.size() - at));
      wire::apply_mask(plain, piece.data(), key, at);
      socket->write(Bytes(piece).first(plain.size()));
    }
  }
  // Random bytes are asked for in stock: each time is a system call.
  wire::MaskKey next_mask() {
    if (masks_used == masks.size()) {
      loop.random_fill(std::as_writable_bytes(std::span(masks)));
      masks_used = 0;
    }
    return masks[masks_used++];
  }

  Loop& loop;
  std::unique_ptr<Socket> socket;
  wire::WebSocketReader reader;
  std::optional<std::string> late_pong;  // what it answers came while much was waiting
  std::array<wire::MaskKey, 32> masks;
  std::size_t masks_used = masks.size();
};

WebSocket::WebSocket(Http& http, std::string_view url, const WebSocketOptions& options)
    : loop_(http.loop()),
      url_(url),
      offered_(checked(options.protocols)),
      key_(make_key(loop_)),
      close_timeout_(options.close_timeout),
      message_bytes_max_(options.message_bytes_max) {
  ask(http, options);
  wait(options.handshake_timeout);
}

WebSocket::~WebSocket() {
  loop_.forget(*this);
  if (request_ == nullptr) return;
  request_->on_upgrade.off_all();
  request_->on_response.off_all();
  request_->on_close.off_all();
  request_->on_error.off_all();
  request_->on_error([](std::error_code) {});  // that it was given up surprises nobody
  request_->destroy();
}

// ---- the handshake -------------------------------------------------------------------------------------------------

void WebSocket::ask(Http& http, const WebSocketOptions& options) {
  Result<wire::Url> parsed = wire::parse_url(url_);
  const bool has_fragment = url_.find('#') != std::string::npos;
  if (!parsed || parsed->scheme != "ws" || has_fragment) throw http_error(errc::ERR_INVALID_URL);
  const std::string path = parsed->target();
  const std::string auth = parsed->user.empty() ? std::string() : parsed->user + ':' + parsed->password;
  const std::string protocols = joined(offered_);
  RequestOptions::Fields lines{{"Connection", "Upgrade"},
                               {"Upgrade", "websocket"},
                               {"Sec-WebSocket-Version", "13"},
                               {"Sec-WebSocket-Key", key_}};
  if (!protocols.empty()) lines.emplace_back("Sec-WebSocket-Protocol", protocols);
  lines.insert(lines.end(), options.headers.begin(), options.headers.end());

  request_ = &http.request({.host = parsed->host,
                            .port = parsed->port.value_or(0),
                            .path = path,
                            .headers = std::move(lines),
                            .auth = auth,
                            .agent = options.agent,
                            .own_agent = options.agent == nullptr});
  request_->on_upgrade([this](IncomingMessage& response, std::unique_ptr<Socket>& socket, Bytes head) {
    if (phase_ != Phase::connecting) return;
    if (const std::error_code error = judge(response)) return fail(error);
    open(std::move(socket), head);
  });
  request_->on_response([this](IncomingMessage&) { fail(errc::websocket_refused); });
  request_->on_error([this](std::error_code error) {
    if (!error_) error_ = error;
  });
  request_->on_close([this] {
    request_ = nullptr;
    if (stream_ == nullptr) closed();
  });
  request_->end();
}

std::error_code WebSocket::judge(const IncomingMessage& response) {
  const HeaderList& headers = response.raw_headers();
  const std::optional<std::string_view> upgrade = only_value(headers, HeaderId::upgrade);
  if (!upgrade || !ascii::iequals(*upgrade, "websocket")) return errc::websocket_refused;
  if (!headers.has_token(HeaderId::connection, "upgrade")) return errc::websocket_refused;
  if (only_value(headers, HeaderId::sec_websocket_accept) != accept_for(key_)) return errc::websocket_accept;
  if (headers.find(HeaderId::sec_websocket_extensions) != nullptr) return errc::websocket_extension;
  if (headers.find(HeaderId::sec_websocket_protocol) != nullptr) {
    const std::optional<std::string_view> chosen = only_value(headers, HeaderId::sec_websocket_protocol);
    if (!chosen || std::ranges::find(offered_, *chosen) == offered_.end()) return errc::websocket_protocol;
    protocol_ = *chosen;
  }
  return {};
}

void WebSocket::open(std::unique_ptr<Socket> socket, Bytes head) {
  loop_.forget(*this);
  due_at_ = never;
  phase_ = Phase::open;
  stream_ = std::make_unique<Stream>(loop_, std::move(socket), message_bytes_max_);
  Socket& stream = *stream_->socket;
  stream.on_data([this](Bytes input) { receive(input); });
  stream.on_end([this] { peer_ended(); });
  stream.on_drain([this] {
    if (const auto payload = std::exchange(stream_->late_pong, {})) answer_ping(as_bytes(*payload));
  });
  stream.on_error([this](std::error_code error) {
    if (!error_ && phase_ != Phase::both_closed) error_ = error;
  });
  stream.on_close([this] { closed(); });
  on_open.emit();
  receive(head);
}

// ---- messages ------------------------------------------------------------------------------------------------------

void WebSocket::receive(Bytes input) {
  using Kind = wire::WebSocketMessage::Kind;
  while (!input.empty() && (phase_ == Phase::open || phase_ == Phase::close_sent)) {
    Result<wire::WebSocketMessage> message = stream_->reader.next(input);
    if (!message) return fail(message.error());
    switch (message->kind) {
      case Kind::none:
      case Kind::pong:
        break;
      case Kind::text:
      case Kind::binary:
        // A browser hears of nothing any more once it has begun to close.
        if (phase_ == Phase::open) on_message.emit(message->payload, message->kind == Kind::binary);
        break;
      case Kind::ping:
        answer_ping(message->payload);
        break;
      case Kind::close:
        receive_close(message->close_code, message->payload);
    }
  }
}

// Of many pings only the newest need be answered (RFC 6455 5.5.3), and a peer that does not read gets no queue of them.
void WebSocket::answer_ping(Bytes payload) {
  const Socket& socket = *stream_->socket;
  if (socket.writable_length() >= socket.writable_high_water_mark()) {
    stream_->late_pong = as_text(payload);
  } else if (phase_ == Phase::open || phase_ == Phase::close_sent) {
    stream_->send(Opcode::pong, payload);
  }
}

void WebSocket::send(std::string_view text) {
  require_utf8(text);
  send_message(as_bytes(text), false);
}

void WebSocket::send(Bytes bytes) { send_message(bytes, true); }

void WebSocket::send_message(Bytes payload, bool is_binary) {
  if (phase_ == Phase::connecting) throw http_error(errc::ERR_INVALID_STATE, "Sent before open.");
  if (phase_ != Phase::open) {
    discarded_bytes_ += payload.size();
    return;
  }
  if (stream_->socket->writable_length() == 0) queued_bytes_ = 0;
  queued_bytes_ += payload.size();
  stream_->send(is_binary ? Opcode::binary : Opcode::text, payload);
}

// What waits counts frame heads as well, which are not to be counted: the sum of what was given to send() bounds it.
std::uint64_t WebSocket::buffered_amount() const {
  const std::uint64_t waiting = stream_ == nullptr ? 0 : stream_->socket->writable_length();
  return std::min(queued_bytes_, waiting) + discarded_bytes_;
}

WebSocket::ReadyState WebSocket::ready_state() const {
  switch (phase_) {
    case Phase::connecting:
      return ReadyState::connecting;
    case Phase::open:
      return ReadyState::open;
    case Phase::close_sent:
    case Phase::both_closed:
    case Phase::lost:
      return ReadyState::closing;
    case Phase::closed:
      break;
  }
  return ReadyState::closed;
}

// ---- the end -------------------------------------------------------------------------------------------------------

void WebSocket::close(std::optional<std::uint16_t> code, std::string_view reason) {
  const bool allowed = !code || *code == 1000 || (*code >= 3000 && *code < 5000);
  if (!allowed) throw http_error(errc::ERR_OUT_OF_RANGE, "The code must be 1000 or from 3000 to 4999");
  if (reason.size() > wire::close_reason_bytes_max) {
    throw http_error(errc::ERR_INVALID_ARG_VALUE, "The reason must not be longer than 123 bytes");
  }
  require_utf8(reason);
  if (phase_ == Phase::connecting) return fail(errc::ABORT_ERR);
  if (phase_ != Phase::open) return;
  if (!code && !reason.empty()) code = 1000;
  send_close(code, reason);
  phase_ = Phase::close_sent;
  wait(close_timeout_);
}

void WebSocket::send_close(std::optional<std::uint16_t> code, std::string_view reason) {
  std::array<std::byte, wire::control_payload_bytes_max> payload;
  const std::size_t size = code ? wire::write_close_payload(payload.data(), *code, reason) : 0;
  stream_->send(Opcode::close, Bytes(payload).first(size));
}

// It is the server that closes the connection now (RFC 6455 7.1.1).
void WebSocket::receive_close(std::uint16_t code, Bytes reason) {
  close_code_ = code;
  close_reason_ = as_text(reason);
  if (phase_ == Phase::open) {
    const bool has_code = code != wire::no_close_code;
    send_close(has_code ? std::optional(code) : std::nullopt, {});
    wait(close_timeout_);
  }
  phase_ = Phase::both_closed;
}

void WebSocket::peer_ended() {
  if (phase_ == Phase::open) wait(close_timeout_);  // for what is still on its way to the peer
  if (phase_ != Phase::both_closed) phase_ = Phase::lost;
  stream_->socket->end();
}

// RFC 6455 7.1.7. Nothing that the peer sends counts any more.
void WebSocket::fail(std::error_code why) {
  error_ = why;
  const Phase before = std::exchange(phase_, Phase::lost);
  if (before == Phase::connecting) return void(request_->destroy());
  if (before == Phase::open) {
    send_close(wire::close_code_for(why), {});
    wait(close_timeout_);
  }
  stream_->socket->end();
}

void WebSocket::wait(milliseconds limit) {
  if (limit.count() == 0) return;
  due_at_ = loop_.now() + limit;
  loop_.ask_at(*this, due_at_);
}

TimePoint WebSocket::on_due(TimePoint now) noexcept {
  if (due_at_ > now) return due_at_;
  if (phase_ == Phase::connecting) {
    fail(errc::timed_out);
  } else if (stream_ != nullptr) {
    stream_->socket->destroy();
  }
  return never;
}

// The one finishing function.
void WebSocket::closed() {
  const bool was_clean = phase_ == Phase::both_closed;
  phase_ = Phase::closed;
  loop_.forget(*this);
  if (error_) on_error.emit(error_);
  on_close.emit(close_code_, close_reason_, was_clean);
}

}  // namespace culvert
