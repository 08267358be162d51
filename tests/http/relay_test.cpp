// If these fail, a proxy built on the model loses, repeats or reorders bytes, or keeps a body in memory.
#include <gtest/gtest.h>

#include <string>

#include "base/block_pool.hpp"
#include "culvert/http.hpp"
#include "http/ambiguous_lines.hpp"
#include "http/rows.hpp"
#include "support/world.hpp"

namespace culvert {
namespace {

// The smallest relay: each request goes on to the origin, each answer comes back.
class RelayTest : public ::testing::Test {
 protected:
  RelayTest() {
    server.on_request([this](IncomingMessage& request, ServerResponse& response) {
      ClientRequest& up = agent.request(world.address(), {.method = request.method(), .path = request.url()});
      up.on_response([&response](IncomingMessage& answer) {
        response.send_date = false;
        response.relay_head(answer.status_code(), answer.status_message(), {});
        response.flush_headers();
        answer.on_error([&response](std::error_code error) { response.destroy(error); });
        answer.pipe(response);
      });
      if (request.has_body()) {
        request.pipe(up);
      } else {
        up.end();
      }
    });
  }
  test::TestPeer& connect() {
    auto [stream, peer] = world.connect();
    server.adopt(std::move(stream));
    return peer;
  }
  test::TestPeer& origin_got(std::string_view text) {
    EXPECT_TRUE(world.run_until([&] {
      return world.accepted(0) != nullptr && world.accepted(0)->received().find(text) != std::string::npos;
    }));
    return *world.accepted(0);
  }

  test::World world;
  Http http{world.loop(), world.network(), world.resolver()};
  Server server{http};
  Agent agent{http, {.keep_alive = true}};
};

TEST_F(RelayTest, CarriesBodiesBothWays) {
  test::TestPeer& client = connect();
  client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  test::TestPeer& origin = origin_got("0\r\n\r\n");
  EXPECT_NE(origin.received().find("5\r\nhello\r\n") == std::string::npos ? origin.received().find("1\r\nh\r\n") : 0,
            std::string::npos);
  origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("0\r\n\r\n"); }));
}

TEST_F(RelayTest, KeepsLittleOfALargeBodyForASlowReader) {
  ROWS("http.never-buffers");
  test::TestPeer& client = connect();
  client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  test::TestPeer& origin = origin_got("\r\n\r\n");
  constexpr std::size_t parts = 64;
  const std::string part(16 << 20, 'x');  // of 1 GiB
  origin.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(parts * part.size()) + "\r\n\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().ends_with("\r\n\r\n"); }));
  std::size_t blocks_most = 0;
  for (std::size_t i = 0; i < parts; ++i) {
    client.forget_received();
    client.stop_reading();
    origin.send(part);
    world.settle();
    EXPECT_GT(origin.unsent(), 0u) << "the origin has to wait";
    client.start_reading();
    ASSERT_TRUE(world.run_until([&] {
      blocks_most = std::max(blocks_most, world.loop().blocks().in_use());
      return client.received().size() >= part.size();
    }));
  }
  // What the kernel (or the double of it) refused, and no more than one read of it: a socket's mark.
  EXPECT_LT(blocks_most * Block::total_bytes, 3 * std::size_t{Socket::default_high_water_mark});
}

TEST_F(RelayTest, ForwardsNothingThatIsAmbiguous) {
  ROWS("message.observed.length-conflict");
  for (const std::string_view lines : test::ambiguous_lines) {
    test::TestPeer& client = connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n");
    ASSERT_TRUE(world.run_until([&] { return client.closed(); })) << lines;
    EXPECT_EQ(client.received(), "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n") << lines;
    EXPECT_FALSE(client.error());
  }
  EXPECT_TRUE(world.attempts().empty());
}

TEST_F(RelayTest, ACutAnswerIsCutForTheClientToo) {
  test::TestPeer& client = connect();
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  test::TestPeer& origin = origin_got("\r\n\r\n");
  origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  ASSERT_TRUE(world.run_until([&] { return client.received().find("abc") != std::string::npos || client.received().ends_with("c\r\n"); }));
  origin.reset();
  ASSERT_TRUE(world.run_until([&] { return client.closed(); }));
  EXPECT_FALSE(client.received().ends_with("0\r\n\r\n"));
}

}  // namespace
}  // namespace culvert
