// If this fails, every message that a relay carries pays for maps of its headers that nobody looks at.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>

#include "culvert/http.hpp"
#include "http/rows.hpp"
#include "support/world.hpp"

namespace {
std::size_t allocations = 0;
}

// Those of the whole program, counted.
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace culvert {
namespace {

// A relay that goes by raw headers, and looks at the maps only where it is told to.
class LazyHeaders : public ::testing::Test {
 protected:
  LazyHeaders() {
    server.on_request([this](IncomingMessage& request, ServerResponse& response) {
      look_at(request);
      ClientRequest& up = agent.request(world.address(), {.headers = request.raw_headers()});
      up.on_response([this, &response](IncomingMessage& answer) {
        look_at(answer);
        response.relay_head(answer.status_code(), answer.status_message(), answer.raw_headers());
        answer.pipe(response);
      });
      up.end();
    });
    auto [stream, peer] = world.connect();
    server.adopt(std::move(stream));
    client = &peer;
  }
  void look_at(IncomingMessage& message) {
    if (!looks) return;
    EXPECT_EQ(message.headers().size(), message.raw_headers().size());
  }
  // How many allocations it takes to carry a request and its answer, both with so many lines.
  std::size_t cost_of(int lines) {
    std::string head;
    for (int i = 0; i < lines; ++i) head += "X-Header-" + std::to_string(i) + ": " + std::string(64, 'v') + "\r\n";
    const std::string request = "GET / HTTP/1.1\r\n" + head + "Host: a\r\n\r\n";
    const std::string answer = "HTTP/1.1 200 OK\r\n" + head + "Content-Length: 4\r\n\r\nbody";
    const std::size_t before = allocations;
    client->send(request);
    EXPECT_TRUE(world.run_until([this] { return origin_has("\r\n\r\n"); }));
    world.accepted(0)->forget_received();
    world.accepted(0)->send(answer);
    EXPECT_TRUE(world.run_until([this] { return client->received().ends_with("body"); }));
    client->forget_received();
    world.settle();
    return allocations - before;
  }
  bool origin_has(std::string_view ending) {
    return world.accepted(0) != nullptr && world.accepted(0)->received().ends_with(ending);
  }

  test::World world;
  Http http{world.loop(), world.network(), world.resolver()};
  Server server{http, {.connections_checking_interval = {}}};
  Agent agent{http, {.keep_alive = true}};
  test::TestPeer* client = nullptr;
  bool looks = false;
};

TEST_F(LazyHeaders, AreMadeForThoseWhoLook) {
  ROWS("message.headers.lazy");
  constexpr int many = 40;
  cost_of(many);  // the connections, and room for the longest
  EXPECT_EQ(cost_of(many), cost_of(1)) << "a map needs memory for each of its lines";
  looks = true;
  EXPECT_GE(cost_of(many), cost_of(1) + 2 * (many - 1)) << "which the counter sees";
}

}  // namespace
}  // namespace culvert
