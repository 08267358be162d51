// A client for tests: plain blocking calls with a limit of time, so that a failure is a failure and not a hang.
#pragma once
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "daemon/descriptor.hpp"

namespace culvert::daemon {

class BlockingClient {
 public:
  static constexpr int patience_s = 10;

  explicit BlockingClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    connect(reinterpret_cast<sockaddr*>(&address), sizeof(address));
  }
  explicit BlockingClient(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    connect(reinterpret_cast<sockaddr*>(&address), sizeof(address));
  }

  bool connected() const { return connected_; }
  void send(std::string_view text) {
    EXPECT_EQ(::send(socket_.number(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // Reads until `end` has arrived or the stream ends; what came, or "(timed out)".
  std::string receive_until(std::string_view end) {
    std::string text;
    char place[4096];
    while (text.find(end) == std::string::npos) {
      const ssize_t got = ::recv(socket_.number(), place, sizeof(place), 0);
      if (got < 0) return "(timed out)";
      if (got == 0) break;
      text.append(place, static_cast<std::size_t>(got));
    }
    return text;
  }
  void send_get() { send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"); }
  // Whether the answer has this body.
  bool receive(const std::string& body) {
    const std::string end = "\r\n\r\n" + body;
    return receive_until(end).ends_with(end);
  }
  bool get(const std::string& body) {
    send_get();
    return receive(body);
  }
  bool is_closed() { return receive_until("(never)").empty(); }
  // Nothing has arrived, and the stream stands.
  bool is_silent() {
    char byte = 0;
    return ::recv(socket_.number(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
  }

 private:
  void connect(const sockaddr* address, socklen_t size) {
    const timeval patience{patience_s, 0};
    ::setsockopt(socket_.number(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    connected_ = ::connect(socket_.number(), address, size) == 0;
  }

  Descriptor socket_;
  bool connected_ = false;
};

// A port that was free a moment ago.
inline std::uint16_t free_port() {
  const Descriptor probe(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(probe.number(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(probe.number(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

}  // namespace culvert::daemon
