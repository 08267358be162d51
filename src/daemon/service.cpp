#include "daemon/service.hpp"

#include <utility>

namespace culvert::daemon {

Service::Service(Http& http, proxy::Gateway& gateway, ConnectionLimit& limit, const config::Listener& settings)
    : gateway_(gateway), limit_(limit), server_(http, proxy::Gateway::server_options(settings.server)) {
  gateway_.serve(server_, settings.name);
  server_.on_close([this] {
    finished_ = true;
    if (on_finished_) on_finished_();
  });
}

Service::~Service() { gateway_.forget(server_); }

void Service::apply(const config::Listener& settings) {
  server_.options = proxy::Gateway::server_options(settings.server);
}

void Service::adopt(std::unique_ptr<Transport> stream) { server_.adopt(std::move(stream)); }

void Service::finish(std::function<void()> on_finished) {
  on_finished_ = std::move(on_finished);
  if (finished_) return on_finished_();
  server_.close();
}

}  // namespace culvert::daemon
