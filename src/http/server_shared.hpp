// What the connections of one server share.
#pragma once
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/intrusive_list.hpp"
#include "http/server_connection.hpp"

namespace culvert {

struct Server::Shared final : Deferred {
  IntrusiveList<ServerConnection> open;
  std::vector<Delegate<void()>> calls;  // what is told later in the turn

  void on_deferred() noexcept override {
    for (Delegate<void()>& call : std::exchange(calls, {})) call();
  }

  // What Keep-Alive says: "timeout=5, max=100"; nothing below a second. Made anew when an option changes.
  std::string_view keep_alive_promise(const ServerOptions& settings) {
    if (settings.keep_alive_timeout != timeout_ || settings.max_requests_per_socket != most_) {
      timeout_ = settings.keep_alive_timeout;
      most_ = settings.max_requests_per_socket;
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout_).count();
      promise_ = seconds > 0 ? "timeout=" + std::to_string(seconds) : std::string();
      if (!promise_.empty() && most_ > 0) promise_ += ", max=" + std::to_string(most_);
    }
    return promise_;
  }

 private:
  std::chrono::milliseconds timeout_{0};
  std::uint32_t most_ = 0;
  std::string promise_;
};

}  // namespace culvert
