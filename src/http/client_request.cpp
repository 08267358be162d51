#include "culvert/client_request.hpp"

#include <algorithm>

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "base/digest.hpp"
#include "culvert/error.hpp"
#include "http/agent_origin.hpp"
#include "http/header_views.hpp"
#include "http/http_shared.hpp"
#include "http/outgoing_lines.hpp"
#include "http/request_asked.hpp"
#include "wire/h1_writer.hpp"
#include "wire/header_names.hpp"

namespace culvert {

namespace {

// Node's useChunkedEncodingByDefault: these usually have no body, and nothing is said of one unless it comes with
// end().
bool usually_without_body(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "DELETE" || method == "OPTIONS" || method == "TRACE" ||
         method == "CONNECT";
}

}  // namespace

HeaderMap Information::headers() const { return joined_headers(raw_headers, false); }

ClientRequest::ClientRequest(ClientTransaction& transaction, ByteSink& sink, Arena& arena)
    : OutgoingMessage(sink, arena), transaction_(transaction) {}

ClientRequest::~ClientRequest() {
  if (asked_ && asked_->alive) *asked_->alive = nullptr;
}

ClientRequest::Asked& ClientRequest::asked() {
  if (!asked_) asked_ = std::make_unique<Asked>();
  return *asked_;
}

std::string_view ClientRequest::host() const { return transaction_.origin.host; }
std::string_view ClientRequest::protocol() const { return transaction_.agent.options.protocol; }
Agent& ClientRequest::agent() const { return transaction_.agent; }

// ---- start ----------------------------------------------------------------------------------------------------------

void ClientRequest::start(const PooledRequest& options) {
  if (!wire::valid_token(options.method)) throw http_error(errc::ERR_INVALID_HTTP_TOKEN, std::string(options.method));
  if (!wire::valid_target(options.path)) throw http_error(errc::ERR_UNESCAPED_CHARACTERS);
  const std::size_t method_size = options.method.size();
  char* const text = static_cast<char*>(arena_.allocate(method_size + options.path.size(), 1));
  method_ = {text, options.method.copy(text, method_size)};
  path_ = {text + method_size, options.path.copy(text + method_size, options.path.size())};
  lines_ = options.headers;
  transaction_.response_timeout = options.response_timeout;
  transaction_.idle_timeout = options.idle_timeout;
  if (!options.preface.empty()) {
    transaction_.alone = true;
    transaction_.early.copy(options.preface);
  }
}

void ClientRequest::start(const RequestOptions& options) {
  if (!wire::valid_token(options.method)) {
    throw http_error(errc::ERR_INVALID_HTTP_TOKEN,
                     "Method must be a valid HTTP token [\"" + std::string(options.method) + "\"]");
  }
  const auto visible = [](char c) { return c > ' ' && c < '\x7f'; };
  if (!std::all_of(options.path.begin(), options.path.end(), visible)) throw http_error(errc::ERR_UNESCAPED_CHARACTERS);

  const std::span<char> method = arena_.array<char>(options.method.size());
  std::transform(options.method.begin(), options.method.end(), method.begin(), ascii::to_upper);
  method_ = {method.data(), method.size()};
  path_ = options.path.empty() ? std::string_view("/") : arena_.copy(options.path);
  frames_by_default_ = !usually_without_body(method_);
  if (!options.set_default_headers) suppress_automatic_headers();
  set_host_ = options.set_host.value_or(options.set_default_headers) && !options.raw_headers;
  if (options.max_headers_count) max_headers_count = *options.max_headers_count;
  if (options.max_header_size != 0) transaction_.max_header_size = options.max_header_size;
  transaction_.lenient = transaction_.lenient || options.insecure_http_parser;
  transaction_.joins = options.join_duplicate_headers;
  transaction_.announces = true;
  take_headers(options);
  take_socket_options(options);
  watch(options.signal);
  if (has_header("Expect")) flush_headers();
}

void ClientRequest::take_headers(const RequestOptions& options) {
  if (!options.unique_headers.empty()) {
    for (const std::string& name : options.unique_headers) asked().unique_headers.push_back(ascii::lower(name));
    unique_headers_ = asked().unique_headers;
  }
  if (options.raw_headers) {
    const std::span<Header> lines = arena_.array<Header>(options.headers.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const auto& [name, value] = options.headers[i];
      validate_header_name(name);
      validate_header_value(name, value);
      lines[i] = {wire::header_id(name), arena_.copy(name), arena_.copy(value)};
    }
    lines_ = lines;
  } else {
    set_headers(options.headers);
    if (set_host_ && !has_header("Host")) {
      const std::string_view host = transaction_.origin.host;
      const bool local = !options.socket_path.empty();
      set_header("Host", local ? "localhost" : host_field_of(host, options.port, options.default_port));
    }
  }
  if (!options.auth.empty() && !has_header("Authorization")) {
    set_header("Authorization", "Basic " + encode_base64(as_bytes(options.auth)));
  }
}

void ClientRequest::take_socket_options(const RequestOptions& options) {
  const AgentOptions& usual = transaction_.agent.options;
  if (options.connect || options.family != 0 || options.hints != 0 || options.lookup != nullptr) {
    asked().connect = options.connect.value_or(usual.connect);
    asked().lookup = {.family = options.family != 0 ? options.family : usual.family, .hints = options.hints};
    asked().resolver = options.lookup;
  }
  if (options.timeout.count() != 0) asked().timeout = options.timeout;
}

void ClientRequest::watch(const std::stop_token& signal) {
  if (!signal.stop_possible()) return;
  if (signal.stop_requested()) return void(destroy(errc::ABORT_ERR));
  auto alive = std::make_shared<ClientRequest*>(this);
  asked().alive = alive;
  asked().signal.emplace(signal, [&loop = transaction_.agent.loop_, alive] {
    loop.post([alive] {
      if (*alive != nullptr) (*alive)->destroy(errc::ABORT_ERR);
    });
  });
}

// ---- its socket -----------------------------------------------------------------------------------------------------

void ClientRequest::apply_to_assigned(Socket& socket) {
  if (asked_ && asked_->timeout) socket.set_timeout(*asked_->timeout);
}

void ClientRequest::apply_to_connected(Socket& socket) {
  if (!asked_) return;
  if (asked_->timeout_once_connected) socket.set_timeout(*asked_->timeout_once_connected);
  if (asked_->no_delay) socket.set_no_delay(*asked_->no_delay);
  if (asked_->keep_alive) socket.set_keep_alive(asked_->keep_alive->first, asked_->keep_alive->second);
}

void ClientRequest::timeout_once_connected(milliseconds limit) { asked().timeout_once_connected = limit; }

ClientRequest& ClientRequest::set_no_delay(bool on) {
  asked().no_delay = on;
  if (connected_ && socket() != nullptr) socket()->set_no_delay(on);
  return *this;
}

ClientRequest& ClientRequest::set_socket_keep_alive(bool on, milliseconds initial_delay) {
  asked().keep_alive = {on, initial_delay};
  if (connected_ && socket() != nullptr) socket()->set_keep_alive(on, initial_delay);
  return *this;
}

void ClientRequest::abort() {
  if (std::exchange(aborted_, true)) return;
  destroy();
}

// ---- head -----------------------------------------------------------------------------------------------------------

void ClientRequest::send_head(std::optional<std::uint64_t> length) {
  if (destroyed()) return;
  wire::HeadBuffer& head = transaction_.agent.http_.shared().head;
  head.clear();
  wire::write_request_line(head, method_, path_);
  bool has_host = false;
  bool has_connection = false;
  bool has_length = false;
  bool has_trailer = false;
  const auto note = [&](const Header& line) {
    switch (line.id) {
      case HeaderId::host: has_host = true; break;
      case HeaderId::connection: has_connection = true; break;
      case HeaderId::content_length:
        has_length = true;
        if (strict_content_length) declared_length_ = ascii::parse_decimal(line.value);
        break;
      case HeaderId::transfer_encoding: chunked_ = true; break;
      case HeaderId::trailer: has_trailer = true; break;
      default: break;
    }
  };
  for (const Header& line : lines_) note(line);
  head.append_fields(lines_);
  for (const auto& field : headers_) {
    each_line(field, unique_headers_, arena_, [&](const Header& line) {
      note(line);
      wire::write_field(head, line.name, line.value);
    });
  }
  lines_ = {};
  if (!has_host && set_host_) wire::write_field(head, "Host", transaction_.origin.host_field);
  if (!has_connection && may_add(HeaderId::connection)) {
    const AgentOptions& options = transaction_.agent.options;
    const bool stays = options.keep_alive || options.max_sockets != unlimited;
    wire::write_field(head, "Connection", stays ? "keep-alive" : "close");
  }
  if (!has_length && !chunked_) frame_body(head, length, has_trailer);
  wire::end_head(head);
  head_is_made(head);
}

// Says where the body ends. Bytes are never sent without that, whatever the method (RFC 9112 6), though Node does;
// where the program has taken it out, there is no body.
void ClientRequest::frame_body(wire::HeadBuffer& head, std::optional<std::uint64_t> length, bool has_trailer) {
  if (length && !has_trailer) {
    if (*length == 0 && usually_without_body(method_)) return;
    has_body_ = may_add(HeaderId::content_length);
    if (has_body_) wire::write_field(head, "Content-Length", *length);
    declared_length_ = length;
  } else {
    // flush_headers() of a request that usually has no body says now that there is none.
    has_body_ = may_add(HeaderId::transfer_encoding) && (frames_by_default_ || has_trailer || writing_);
    chunked_ = has_body_;
    if (chunked_) wire::write_field(head, "Transfer-Encoding", "chunked");
  }
}

}  // namespace culvert
