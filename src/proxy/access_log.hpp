// One line an exchange, formatted into the worker's own buffer; full buffers are handed to a LogSink, which writes them
// elsewhere and never makes the worker wait.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "culvert/endpoint.hpp"
#include "culvert/headers.hpp"
#include "culvert/loop.hpp"
#include "proxy/failure.hpp"

namespace culvert {
struct PeerCertificate;
}

namespace culvert::proxy {

// Where lines go. Called on the worker's thread; takes the buffer (leaves an empty one) or drops it and counts.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void submit(std::string& buffer, std::uint32_t lines) = 0;
};

// What is known of a finished exchange. Views are valid during AccessLog::record only.
struct AccessRecord {
  WallTime time;                      // when the request's head was complete
  Duration duration{};                // until the last byte was with the kernel
  Endpoint client;                    // behind trusted proxies
  Endpoint peer;                      // who is connected
  const PeerCertificate* certificate = nullptr;  // by which it has proved it; null: by none
  std::string_view user;              // who it has proved to be; empty where nobody asked
  std::string_view listener;
  std::string_view scheme;
  std::string_view method;            // empty where no head was complete
  std::string_view target;
  std::string_view host;
  int http_minor_version = 1;
  const HeaderList* request_headers = nullptr;
  std::uint16_t status = 0;           // 0: nothing could be answered
  std::uint64_t request_body_bytes = 0;
  std::uint64_t response_body_bytes = 0;
  std::string_view route;
  std::string_view upstream;
  std::string_view server;            // the address that served it
  std::string_view request_id;
  std::string_view tunnel;            // [tunnel.NAME]
  std::string_view rule;              // of it, that decided
  std::string_view server_name;       // that its client wants, where it was refused for what it says
  std::string_view parent;            // the proxy that it went through; empty: none
  bool reused_connection = false;
  std::uint32_t retries = 0;
  std::uint32_t hedges = 0;           // of these, while another was still awaited
  Duration time_to_first_byte{};      // of the upstream's answer; 0 where none came
  Reason reason = Reason::none;
  std::error_code cause;
};

class AccessLog {
 public:
  static constexpr std::size_t buffer_bytes = 64 * 1024;

  AccessLog(const config::AccessLog& settings, Loop& loop, LogSink& sink);
  ~AccessLog();
  void record(const AccessRecord& record);
  void flush();  // hands over what there is; also done when the buffer is full, and a second after the first line

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::proxy
