// What the connections of one server borrow while they are busy.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "base/intrusive_list.hpp"
#include "base/slab.hpp"
#include "http/server_connection.hpp"
#include "wire/h1_writer.hpp"

namespace culvert {

struct Server::Shared {
  Slab<ServerTransaction> transactions;
  wire::HeadBuffer head;  // where heads are composed
  IntrusiveList<ServerConnection> open;

  // What Keep-Alive says: "timeout=5"; nothing below a second. Made anew when the option changes.
  std::string_view keep_alive_promise(std::chrono::milliseconds timeout) {
    if (timeout != promised_) {
      promised_ = timeout;
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout).count();
      promise_ = seconds > 0 ? "timeout=" + std::to_string(seconds) : std::string();
    }
    return promise_;
  }

 private:
  std::chrono::milliseconds promised_{0};
  std::string promise_;
};

}  // namespace culvert
