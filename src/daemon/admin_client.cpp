#include "daemon/admin_client.hpp"

#include "culvert/http.hpp"

namespace culvert::daemon {

Result<AdminAnswer> ask_admin(const Address& where, const std::string& method, const std::string& path,
                              const std::string& user, std::chrono::milliseconds timeout) {
  Http http;
  AdminAnswer answer;
  std::error_code failure;
  RequestOptions options{.method = method, .path = path, .auth = user, .timeout = timeout};
  const std::string host = where.kind == Address::Kind::ip ? where.ip.ip() : where.text;
  if (where.kind == Address::Kind::unix_path) {
    options.socket_path = where.text;
  } else {
    options.host = host;
    options.port = where.kind == Address::Kind::ip ? where.ip.port : where.port;
  }
  ClientRequest& request = http.request(options, [&](IncomingMessage& response) {
    answer.status = response.status_code();
    response.on_data([&](Bytes part) { answer.body += as_text(part); });
    response.on_error([&](std::error_code error) { failure = error; });
  });
  request.on_error([&](std::error_code error) { failure = error; });
  request.on_timeout([&] { request.destroy(std::make_error_code(std::errc::timed_out)); });
  request.end();
  http.run();
  if (failure) return failure;
  return answer;
}

}  // namespace culvert::daemon
