// If these fail, a program that dials by itself waits for ever, loses what it wrote too early, or is not told why it
// could not get through.
#include <gtest/gtest.h>

#include <string>

#include "culvert/http.hpp"
#include "support/world.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;

class SocketConnectTest : public ::testing::Test {
 protected:
  std::uint16_t port() { return world.address().ip.port; }
  Endpoint ip(std::string_view text) { return *Endpoint::parse_ip(text); }

  Socket& record(std::unique_ptr<Socket> made) {
    socket = std::move(made);
    socket->on_connect([this] { note("connect"); });
    socket->on_data([this](Bytes part) { data += as_text(part); });
    socket->on_timeout([this] { note("timeout"); });
    socket->on_end([this] {
      note("end");
      socket->end();
    });
    socket->on_error([this](std::error_code why) {
      error = why;
      note("error");
    });
    socket->on_close([this] { note("close"); });
    return *socket;
  }
  void note(std::string_view event) { events.append(event).append(" "); }
  bool happens(std::string_view all) {
    const bool done = world.run_until([&] { return events == all; });
    EXPECT_EQ(events, all);
    return done;
  }
  test::TestPeer& peer(std::size_t n = 0) {
    EXPECT_TRUE(world.run_until([&] { return world.accepted(n) != nullptr; }));
    return *world.accepted(n);
  }
  bool gets(const test::TestPeer& end, std::string_view text) {
    return world.run_until([&] { return end.received() == text; });
  }

  test::World world;
  Http http{world.loop(), world.network(), world.resolver()};
  std::unique_ptr<Socket> socket;
  std::string events;
  std::string data;
  std::error_code error;
};

TEST_F(SocketConnectTest, TalksOnceItIsConnected) {
  Socket& mine = record(http.connect("127.0.0.1", port()));
  EXPECT_TRUE(mine.connecting());
  EXPECT_TRUE(mine.writable());
  EXPECT_TRUE(http.loop().referenced());
  EXPECT_EQ(events, "");
  ASSERT_TRUE(happens("connect "));
  EXPECT_FALSE(mine.connecting());
  EXPECT_EQ(mine.remote(), world.address().ip);
  mine.write("ping");
  ASSERT_TRUE(gets(peer(), "ping"));
  peer().send("pong");
  peer().half_close();
  ASSERT_TRUE(happens("connect end close "));
  EXPECT_EQ(data, "pong");
  EXPECT_TRUE(world.run_until([&] { return peer().closed(); }));
  EXPECT_FALSE(http.loop().referenced());
}

TEST_F(SocketConnectTest, DialsTheAddressesOfANameUntilOneAnswers) {
  world.resolver().add("two.test", {ip("127.0.0.2"), ip("127.0.0.1")});
  Socket& mine = record(http.connect("two.test", port(), {}, {.family = 4}));
  ASSERT_TRUE(happens("connect "));
  ASSERT_EQ(world.attempts().size(), 2u);
  EXPECT_EQ(world.resolver().asked().at(0).options.family, 4);
  EXPECT_EQ(mine.remote(), world.address().ip);
}

TEST_F(SocketConnectTest, SaysThatANameHasNoAddress) {
  Socket& mine = record(http.connect("nobody.test", 80));
  EXPECT_EQ(mine.remote().family, Endpoint::Family::none);
  ASSERT_TRUE(happens("error close "));
  EXPECT_EQ(error, errc::name_not_found);
  EXPECT_FALSE(http.loop().referenced());
}

TEST_F(SocketConnectTest, SaysWhatTheLastAddressAnswered) {
  world.resolver().add("two.test", {ip("127.0.0.2"), ip("127.0.0.3")});
  record(http.connect("two.test", port()));
  ASSERT_TRUE(happens("error close "));
  EXPECT_EQ(error, std::errc::connection_refused);
  EXPECT_EQ(world.attempts().size(), 2u);
}

TEST_F(SocketConnectTest, SaysLaterWhatFailsAtOnce) {
  record(http.connect({.kind = Address::Kind::unix_path, .text = "/nonexistent/socket"}));
  EXPECT_EQ(events, "");
  ASSERT_TRUE(happens("error close "));
  EXPECT_EQ(error, std::errc::no_such_file_or_directory);
}

TEST_F(SocketConnectTest, SendsWhatWasWrittenBefore) {
  world.resolver().add("slow.test", {ip("127.0.0.1")});
  world.resolver().hold();
  Socket& mine = record(http.connect("slow.test", port()));
  EXPECT_TRUE(mine.write("one "));
  EXPECT_FALSE(mine.write(std::string(mine.writable_high_water_mark(), '2')));
  mine.end(" three");
  world.settle();
  EXPECT_EQ(mine.writable_length(), 4 + mine.writable_high_water_mark() + 6);
  EXPECT_EQ(events, "");
  world.resolver().release();
  ASSERT_TRUE(world.run_until([&] { return peer().closed(); }));
  EXPECT_TRUE(peer().received() == "one " + std::string(mine.writable_high_water_mark(), '2') + " three");
}

TEST_F(SocketConnectTest, TakesWhatIsPipedIntoItBefore) {
  world.resolver().add("slow.test", {ip("127.0.0.1")});
  world.resolver().hold();
  Socket& mine = record(http.connect("slow.test", port()));
  const std::unique_ptr<Socket> source = http.connect("127.0.0.1", port());
  test::TestPeer& first = peer(0);
  source->pipe(mine);
  const std::string much(5000, 'm');  // so much is borrowed from the read buffer
  first.send(much);
  ASSERT_TRUE(world.run_until([&] { return mine.writable_length() > 0; }));
  world.settle();
  first.send("more");
  first.half_close();
  world.resolver().release();
  ASSERT_TRUE(gets(peer(1), much + "more"));
  EXPECT_TRUE(world.run_until([&] { return peer(1).closed(); }));
}

TEST_F(SocketConnectTest, PipesEverythingAlsoToAPeerThatHasEndedAndReadsSlowly) {
  const std::unique_ptr<Socket> left = http.connect("127.0.0.1", port());
  const std::unique_ptr<Socket> right = http.connect("127.0.0.1", port());
  test::TestPeer& sender = peer(0);
  test::TestPeer& reader = peer(1);
  left->pipe(*right);
  right->pipe(*left);
  reader.stop_reading();
  reader.half_close();
  ASSERT_TRUE(world.run_until([&] { return sender.closed(); }));
  std::string sent;
  while (right->writable_length() == 0) {
    sent += std::string(30'000, 'm');
    sender.send(std::string(30'000, 'm'));
    world.settle();
  }
  sender.send("the last");
  sender.half_close();
  world.settle();
  ASSERT_EQ(sender.unsent(), 0U);  // all of it waits, with the end, for somebody to read it
  reader.start_reading();
  ASSERT_TRUE(world.run_until([&] { return reader.closed(); }));
  EXPECT_TRUE(reader.received() == sent + "the last") << reader.received().size() << " of " << sent.size() + 8;
}

TEST_F(SocketConnectTest, GoesOutAsTheOptionsSay) {
  record(http.connect("127.0.0.1", port(), {.no_delay = false, .keep_alive = true}));
  ASSERT_TRUE(happens("connect "));
  EXPECT_FALSE(world.connect_options(0).no_delay);
  EXPECT_TRUE(world.connect_options(0).keep_alive);
}

TEST_F(SocketConnectTest, TellsThatItTakesLong) {
  world.resolver().hold();
  Socket& mine = record(http.connect("slow.test", port()));
  mine.set_timeout(2s);
  world.advance(2001ms);
  ASSERT_TRUE(happens("timeout "));
  mine.destroy(errc::timed_out);
  EXPECT_EQ(events, "timeout ");
  ASSERT_TRUE(happens("timeout error close "));
  EXPECT_EQ(error, errc::timed_out);
  world.resolver().release();
  world.settle();
  EXPECT_TRUE(world.attempts().empty());
}

TEST_F(SocketConnectTest, MayGoWhileItConnects) {
  world.resolver().hold();
  record(http.connect("slow.test", port()));
  socket.reset();
  world.resolver().release();
  record(http.connect("127.0.0.1", port()));
  socket.reset();
  world.settle();
  EXPECT_EQ(events, "");
  EXPECT_FALSE(http.loop().referenced());
}

}  // namespace
}  // namespace culvert
