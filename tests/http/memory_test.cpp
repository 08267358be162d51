// If these fail, clients or origins make a thread keep memory of which limits.memory does not know.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "culvert/http.hpp"
#include "support/world.hpp"

namespace culvert {
namespace {

constexpr std::size_t body_size = 60'000;

class MemoryTest : public ::testing::Test {
 protected:
  test::World world{test::World::Kind::memory};  // who reads byte by byte holds nothing back
  Http http{world.loop(), world.network(), world.resolver()};
};

TEST_F(MemoryTest, BodiesAndRequestsThatAServerHoldsBackAreCounted) {
  const std::string body(body_size, 'x');
  const std::string requests[] = {
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body_size) + "\r\n\r\n" + body,
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n" "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n" + body};
  for (const std::string& sent : requests) {
    ServerResponse* pending = nullptr;
    Server server{http};
    server.on_request([&](IncomingMessage&, ServerResponse& response) { pending = &response; });
    auto [stream, client] = world.connect();
    server.adopt(std::move(stream));
    client.send(sent);
    ASSERT_TRUE(world.run_until([&] { return pending != nullptr; }));
    EXPECT_GE(http.memory_in_use(), body_size);
    EXPECT_LT(http.memory_in_use(), body_size + 16'384);
    while (pending != nullptr) {  // which says that nobody wants the bodies
      std::exchange(pending, nullptr)->end();
      world.settle();
    }
    EXPECT_EQ(http.memory_in_use(), 0u);
    client.close();
    world.settle();
  }
}

TEST_F(MemoryTest, BodiesThatAnAgentHoldsBackAreCounted) {
  Agent agent{http};
  IncomingMessage* answer = nullptr;
  ClientRequest& request = agent.request(world.address(), {.method = "GET", .path = "/"});
  request.on_response([&](IncomingMessage& response) { answer = &response; });
  request.end();
  ASSERT_TRUE(world.run_until([&] { return world.accepted(0) != nullptr && !world.accepted(0)->received().empty(); }));
  world.accepted(0)->send("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + std::string(body_size, 'x'));
  ASSERT_TRUE(world.run_until([&] { return answer != nullptr; }));
  EXPECT_GE(http.memory_in_use(), body_size);
  EXPECT_LT(http.memory_in_use(), body_size + 16'384);
  bool ended = false;
  answer->on_end([&] { ended = true; });
  answer->resume();
  ASSERT_TRUE(world.run_until([&] { return ended; }));
  world.settle();
  EXPECT_EQ(http.memory_in_use(), 0u);
}

TEST_F(MemoryTest, WhatIsHeldBackGoesWithItsConnection) {
  Server server{http};
  server.on_request([](IncomingMessage&, ServerResponse&) {});
  auto [stream, client] = world.connect();
  server.adopt(std::move(stream));
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n" + std::string(30'000, 'x'));
  world.settle();
  EXPECT_GE(http.memory_in_use(), 30'000u);
  server.close_all_connections();
  world.settle();
  EXPECT_EQ(http.memory_in_use(), 0u);
}

}  // namespace
}  // namespace culvert
