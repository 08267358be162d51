// If these fail, the demonstration shows something other than what arrived, or fills memory for a slow client.
#include "proxy/echo.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/world.hpp"

namespace culvert::proxy {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class EchoTest : public ::testing::Test {
 protected:
  EchoTest() {
    server.on_request([this](IncomingMessage& request, ServerResponse& response) {
      response_ = &response;
      response.on_close([this] { response_ = nullptr; });
      echo(request, response);
    });
  }
  test::TestPeer& connect() {
    auto [stream, peer] = world.connect();
    server.adopt(std::move(stream));
    return peer;
  }
  // What the client gets for `request` on a connection of its own.
  std::string answer(std::string_view request) {
    test::TestPeer& client = connect();
    client.send(request);
    world.settle();
    return client.received();
  }
  static std::string body(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

  test::World world;
  Http http{world.loop(), world.network(), world.resolver()};
  Server server{http};
  ServerResponse* response_ = nullptr;  // of the request under way
};

TEST_F(EchoTest, ShowsTheRequestAsItArrived) {
  const std::string got = answer("POST /a?b=\"c\" HTTP/1.1\r\nHost: x\r\nX-Twice: 1\r\nx-twice: 2\r\n"
                                 "Content-Length: 10\r\n\r\nsome bytes");
  EXPECT_THAT(got, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(got, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_EQ(body(got), R"({"method":"POST","target":"/a?b=\"c\"","version":"1.1","headers":[["Host","x"],)"
                       R"(["X-Twice","1"],["x-twice","2"],["Content-Length","10"]],"body_size":10,)"
                       R"("body":"some bytes"})" "\n");
}

TEST_F(EchoTest, ShowsARequestWithoutHeadersAndBody) {
  EXPECT_EQ(body(answer("GET / HTTP/1.0\r\n\r\n")),
            R"({"method":"GET","target":"/","version":"1.0","headers":[],"body_size":0,"body":""})" "\n");
}

TEST_F(EchoTest, ShowsABodyUpToItsLimitAndOnlyTheSizeBeyond) {
  const auto posted = [this](std::size_t size) {
    return body(answer("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
                       std::string(size, 'x')));
  };
  EXPECT_THAT(posted(65'536), EndsWith("\"body_size\":65536,\"body\":\"" + std::string(65'536, 'x') + "\"}\n"));
  EXPECT_THAT(posted(65'537), EndsWith("\"body_size\":65537}\n"));
}

TEST_F(EchoTest, SendsExactlySoManyBytes) {
  for (const std::size_t size : {0u, 1u, 16'384u, 16'385u, 300'000u}) {
    const std::string number = std::to_string(size);
    const std::string got = answer("GET /bytes/" + number + "?x HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(got, HasSubstr("\r\nContent-Length: " + number + "\r\n"));
    EXPECT_EQ(body(got).size(), size);
  }
}

TEST_F(EchoTest, SendsNumberedLinesInChunks) {
  const std::string got = answer("GET /stream/3 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(got, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
  EXPECT_EQ(body(got), "7\r\nline 1\n\r\n7\r\nline 2\n\r\n7\r\nline 3\n\r\n0\r\n\r\n");
  EXPECT_EQ(body(answer("GET /stream/0 HTTP/1.1\r\nHost: x\r\n\r\n")), "0\r\n\r\n");
}

TEST_F(EchoTest, AnswersHeadWithoutABody) {
  const std::string got = answer("HEAD /bytes/1000000000 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(got, HasSubstr("\r\nContent-Length: 1000000000\r\n"));
  EXPECT_EQ(body(got), "");
  EXPECT_EQ(body(answer("HEAD /stream/1000000 HTTP/1.1\r\nHost: x\r\n\r\n")), "");
}

TEST_F(EchoTest, TakesWhatIsNoNumberOrTooLargeForAnyOtherPath) {
  for (const char* path : {"/bytes/", "/bytes/1x", "/bytes/-1", "/bytes/1073741825", "/stream/1000001", "/bytesx/1"}) {
    EXPECT_THAT(answer("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n"),
                HasSubstr("\"target\":\"" + std::string(path) + "\""));
  }
}

TEST_F(EchoTest, WaitsForAClientThatReadsSlowly) {
  for (const char* path : {"/bytes/1073741824", "/stream/1000000"}) {
    test::TestPeer& client = connect();
    client.stop_reading();
    client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    world.settle();
    ASSERT_NE(response_, nullptr) << path;
    EXPECT_LT(response_->body_bytes(), 1'000'000u) << path;
    const std::uint64_t before = response_->body_bytes();
    client.start_reading();
    EXPECT_TRUE(world.run_until([&] { return response_->body_bytes() > before + 1'000'000; })) << path;
    client.reset();
    EXPECT_TRUE(world.run_until([&] { return response_ == nullptr; })) << path;
  }
}

TEST_F(EchoTest, IsDoneWithAClientThatLeavesInTheMiddle) {
  test::TestPeer& client = connect();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\npart");
  world.settle();
  ASSERT_NE(response_, nullptr);
  client.reset();
  EXPECT_TRUE(world.run_until([&] { return response_ == nullptr; }));
}

TEST_F(EchoTest, ServesOneRequestAfterAnother) {
  test::TestPeer& client = connect();
  client.send("POST /bytes/3 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
              "GET /stream/1 HTTP/1.1\r\nHost: x\r\n\r\nGET /last HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(world.run_until([&] { return client.received().ends_with("}\n"); }));
  EXPECT_THAT(client.received(), HasSubstr("\r\n\r\n...HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("7\r\nline 1\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(client.received(), HasSubstr("\"target\":\"/last\""));
}

}  // namespace
}  // namespace culvert::proxy
