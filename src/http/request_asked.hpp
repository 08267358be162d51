// What few requests ask for: kept beside the request, made when it is needed.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "culvert/client_request.hpp"

namespace culvert {

struct ClientRequest::Asked {
  // How to connect, where that is not as the agent says.
  ConnectOptions connect;
  LookupOptions lookup;
  Resolver* resolver = nullptr;

  // For the socket: when it is assigned, and when it is connected.
  std::optional<milliseconds> timeout;
  std::optional<milliseconds> timeout_once_connected;
  std::optional<bool> no_delay;
  std::optional<std::pair<bool, milliseconds>> keep_alive;

  std::vector<std::string> unique_headers;

  // The signal may come from any thread: it posts, and what it posts finds the request only while that lives.
  std::shared_ptr<ClientRequest*> alive;
  std::optional<std::stop_callback<std::function<void()>>> signal;
};

}  // namespace culvert
