// A server in one of the three worlds, the clients that a test plays, and what most tests want to know of them.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "culvert/http.hpp"
#include "http/rows.hpp"
#include "support/world.hpp"

namespace culvert {

class ServerTest : public ::testing::Test {
 protected:
  static constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

  // A client whose stream is handed to a server.
  test::TestPeer& connect() { return connect(server); }
  test::TestPeer& connect(Server& to) {
    auto [stream, peer] = world.connect();
    to.adopt(std::move(stream));
    return peer;
  }
  bool receives(const test::TestPeer& client, std::string_view ending) {
    return world.run_until([&] { return client.received().ends_with(ending); });
  }
  // The client sees the end of the stream, in order.
  bool sees_the_end(const test::TestPeer& client) {
    return world.run_until([&] { return client.closed(); }) && !client.error();
  }
  // Lets time pass, and everything happen that it brings.
  void pass(Duration time) {
    world.advance(time);
    world.settle();
  }
  // Answers every request with its method, target and body.
  void answer_with_request() {
    server.on_request([this](IncomingMessage& request, ServerResponse& response) {
      ++requests;
      bodies.emplace_back();
      const std::size_t at = bodies.size() - 1;
      request.on_data([this, at](Bytes part) { bodies[at] += as_text(part); });
      request.on_end([this, at, &request, &response] {
        response.send_date = false;
        response.end(std::string(request.method()) + ' ' + std::string(request.url()) + ' ' + bodies[at]);
      });
    });
  }
  // Never answers; what has to be answered is kept in `pending`.
  void leave_pending() {
    server.on_request([this](IncomingMessage& request, ServerResponse& response) {
      ++requests;
      request.on_data([](Bytes) {});
      pending = &response;
    });
  }

  test::World world;
  const bool trickles = world.kind == test::World::Kind::trickle;
  const bool over_sockets = world.kind == test::World::Kind::sockets;
  Http http{world.loop(), world.network(), world.resolver()};
  Server server{http, {.connections_checking_interval = {}}};
  ServerResponse* pending = nullptr;
  int requests = 0;
  std::vector<std::string> bodies;
};

}  // namespace culvert
