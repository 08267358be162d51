// If these fail, a message goes out in more pieces than it must, or is held back, or a program is told that it was sent
// when it was not. The suite runs on both kinds of outgoing message.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "culvert/http.hpp"
#include "http/rows.hpp"
#include "support/world.hpp"
#include "support/wrapped_transport.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// What each write to the system held.
class NotedWrites final : public test::WrappedTransport {
 public:
  NotedWrites(std::unique_ptr<Transport> stream, std::vector<std::string>& writes)
      : WrappedTransport(std::move(stream)), writes_(writes) {}
  Result<std::size_t> write(std::span<const iovec> parts) override {
    Result<std::size_t> taken = WrappedTransport::write(parts);
    std::string text;
    for (const iovec& part : parts) text.append(static_cast<const char*>(part.iov_base), part.iov_len);
    if (taken && *taken > 0) writes_.push_back(text.substr(0, *taken));
    return taken;
  }

 private:
  std::vector<std::string>& writes_;
};

struct AsResponse {};
struct AsRequest {};

template <class Kind>
class OutgoingWritesTest : public ::testing::Test {
 protected:
  static constexpr bool is_response = std::is_same_v<Kind, AsResponse>;

  // Makes `current`, a message on a connection that stands.
  void SetUp() override {
    auto [stream, other] = world.connect();
    peer = &other;
    auto noted = std::make_unique<NotedWrites>(std::move(stream), writes);
    if constexpr (is_response) {
      server.on_request.once([this](IncomingMessage&, ServerResponse& made) { watch(made); });
      server.adopt(std::move(noted));
      peer->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    } else {
      watch(http.request({.method = "POST", .create_connection = [&](const ConnectionOptions&, ConnectionCreated) {
                            return Result<std::unique_ptr<Transport>>(std::move(noted));
                          }}));
    }
    ASSERT_TRUE(world.run_until([this] { return current != nullptr; }));
    world.settle();
  }
  void watch(OutgoingMessage& made) {
    current = &made;
    made.on_finish([this] { events += "finish "; });
    made.on_error([this](std::error_code) { events += "error "; });
    made.on_close([this] { events += "close "; });
  }

  test::World world;
  Http http{world.loop(), world.network(), world.resolver()};
  Server server{http, {.connections_checking_interval = {}}};
  OutgoingMessage* current = nullptr;
  test::TestPeer* peer = nullptr;
  std::vector<std::string> writes;
  std::string events;
};

using Kinds = ::testing::Types<AsResponse, AsRequest>;
TYPED_TEST_SUITE(OutgoingWritesTest, Kinds);

// ---- what goes in one piece -----------------------------------------------------------------------------------------

TYPED_TEST(OutgoingWritesTest, TheHeadGoesWithTheFirstChunk) {
  ROWS("outgoing.write.first", "outgoing.flushHeaders", "response.write.buffering", "request.flushHeaders.packing");
  this->current->set_header("A", "1");
  this->current->write("a");
  this->world.settle();
  ASSERT_EQ(this->writes.size(), 1u);
  EXPECT_THAT(this->writes[0],
              StartsWith(TestFixture::is_response ? "HTTP/1.1 200 OK\r\nA: 1\r\n" : "POST / HTTP/1.1\r\n"));
  EXPECT_THAT(this->writes[0], EndsWith("\r\n\r\n1\r\na\r\n"));
  this->world.advance(50ms);
  this->current->write("b");
  this->world.settle();
  ASSERT_EQ(this->writes.size(), 2u) << "nothing is held back";
  EXPECT_EQ(this->writes[1], "1\r\nb\r\n");
}

TYPED_TEST(OutgoingWritesTest, AFlushedHeadGoesAlone) {
  ROWS("outgoing.flushHeaders");
  this->current->flush_headers();
  this->world.settle();
  ASSERT_EQ(this->writes.size(), 1u);
  EXPECT_THAT(this->writes[0], EndsWith("\r\n\r\n"));
  this->current->end("x");
  this->world.settle();
  ASSERT_EQ(this->writes.size(), 2u);
  EXPECT_EQ(this->writes[1], "1\r\nx\r\n0\r\n\r\n");
}

TYPED_TEST(OutgoingWritesTest, WhatIsCorkedGoesInOne) {
  ROWS("outgoing.cork", "outgoing.uncork", "request.cork", "request.uncork");
  this->current->cork();
  this->current->cork();
  for (const char* part : {"a", "b", "c"}) this->current->write(part);
  this->world.settle();
  this->current->uncork();
  this->world.settle();
  EXPECT_THAT(this->writes, IsEmpty()) << "corked twice, uncorked once";
  this->current->uncork();
  this->world.settle();
  ASSERT_EQ(this->writes.size(), 1u);
  EXPECT_THAT(this->writes[0], EndsWith("\r\n\r\n3\r\nabc\r\n"));
}

using ResponseWritesTest = OutgoingWritesTest<AsResponse>;

TEST_F(ResponseWritesTest, ACorkedHeadWaitsToo) {
  ROWS("response.cork", "response.uncork");
  auto& response = static_cast<ServerResponse&>(*current);
  response.cork();
  response.write_head(200);
  response.write("a");
  world.settle();
  EXPECT_THAT(writes, IsEmpty());
  response.uncork();
  world.settle();
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_THAT(writes[0], StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(writes[0], EndsWith("\r\n\r\n1\r\na\r\n"));
}

// ---- what a program is told of it -----------------------------------------------------------------------------------

TYPED_TEST(OutgoingWritesTest, IsNotFinishedWhileThePeerDoesNotRead) {
  ROWS("outgoing.writableEnded", "outgoing.writableFinished", "response.writableEnded", "response.writableFinished");
  this->peer->stop_reading();
  EXPECT_FALSE(this->current->writable_ended());
  this->current->end(std::string(32 << 20, 'x'));  // more than the system takes
  EXPECT_TRUE(this->current->writable_ended());
  this->world.settle();
  EXPECT_FALSE(this->current->writable_finished());
  EXPECT_EQ(this->events, "");
  bool finished = false;
  this->current->on_finish([&] { finished = this->current->writable_finished(); });
  this->peer->start_reading();
  ASSERT_TRUE(this->world.run_until([&] { return this->events.starts_with("finish "); }));
  EXPECT_TRUE(finished);
}

TYPED_TEST(OutgoingWritesTest, IsNotFinishedByALostConnection) {
  ROWS("outgoing.event.finish", "response.event.close");
  this->peer->stop_reading();
  this->current->end(std::string(32 << 20, 'x'));
  this->world.settle();
  this->peer->reset();
  ASSERT_TRUE(this->world.run_until([&] { return this->events.ends_with("close "); }));
  this->world.settle();
  EXPECT_EQ(this->events, TestFixture::is_response ? "close " : "error close ");
}

}  // namespace
}  // namespace culvert
