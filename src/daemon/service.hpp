// One [listener.NAME] on one worker: the message model's server, led by the worker's gateway.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "config/config.hpp"
#include "culvert/server.hpp"
#include "daemon/connection_limit.hpp"
#include "proxy/gateway.hpp"

namespace culvert::daemon {

class Service {
 public:
  // `limit` is that of [listener.NAME]. Begin only after the gateway knows the listener.
  Service(Http& http, proxy::Gateway& gateway, ConnectionLimit& limit, const config::Listener& settings);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  void apply(const config::Listener& settings);
  // Serves a stream that has its places.
  void adopt(std::unique_ptr<Transport> stream);
  // Connections end with the request they are at; `on_finished` is called when none is left.
  void finish(std::function<void()> on_finished);
  void close_all_connections() { server_.close_all_connections(); }

  ConnectionLimit& limit() { return limit_; }
  // After finish(): no connection is left, not even one that is being closed.
  bool finished() const { return finished_; }

 private:
  proxy::Gateway& gateway_;
  ConnectionLimit& limit_;
  Server server_;
  std::function<void()> on_finished_;
  bool finished_ = false;
};

}  // namespace culvert::daemon
