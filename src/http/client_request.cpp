#include "culvert/client_request.hpp"

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "culvert/error.hpp"
#include "http/agent_origin.hpp"
#include "http/client_transaction.hpp"
#include "wire/h1_writer.hpp"
#include "wire/header_names.hpp"

namespace culvert {

ClientRequest::ClientRequest(ClientTransaction& transaction, ByteSink& sink, Arena& arena)
    : OutgoingMessage(sink, arena), transaction_(transaction) {}

void ClientRequest::start(const RequestOptions& options) {
  if (!wire::valid_token(options.method)) throw http_error(errc::ERR_INVALID_HTTP_TOKEN, std::string(options.method));
  if (!wire::valid_target(options.path)) throw http_error(errc::ERR_UNESCAPED_CHARACTERS);
  method_ = arena_.copy(options.method);
  path_ = arena_.copy(options.path);
  lines_ = options.headers;
  transaction_.response_timeout = options.response_timeout;
  transaction_.idle_timeout = options.idle_timeout;
}

void ClientRequest::send_head(std::optional<std::uint64_t> length) {
  if (destroyed()) return;
  wire::HeadBuffer& head = transaction_.agent.shared_->head;
  head.clear();
  wire::write_request_line(head, method_, path_);
  bool has_host = false;
  bool has_connection = false;
  bool has_length = false;
  const auto put = [&](const Header& line) {
    switch (line.id) {
      case HeaderId::host: has_host = true; break;
      case HeaderId::connection: has_connection = true; break;
      case HeaderId::content_length: has_length = true; break;
      case HeaderId::transfer_encoding: chunked_ = true; break;
      default: break;
    }
    wire::write_field(head, line.name, line.value);
  };
  for (const Header& line : lines_) put(line);
  for (const Header& line : headers_) put(line);
  lines_ = {};
  if (!has_host) wire::write_field(head, "Host", transaction_.origin.host_field);
  if (!has_length && !chunked_) {
    const bool usually_has_body = method_ == "POST" || method_ == "PUT" || method_ == "PATCH";
    if (!length) {
      chunked_ = true;
      wire::write_field(head, "Transfer-Encoding", "chunked");
    } else if (*length > 0 || usually_has_body) {
      wire::write_field(head, "Content-Length", *length);
    }
  }
  if (!has_connection) {
    const AgentOptions& options = transaction_.agent.options_;
    const bool stays = options.keep_alive || options.max_sockets != unlimited;
    wire::write_field(head, "Connection", stays ? "keep-alive" : "close");
  }
  wire::end_head(head);
  head_goes_out(head);
}

}  // namespace culvert
