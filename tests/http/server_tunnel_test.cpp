// If these fail, bytes of a tunnel are lost, read as HTTP, or a connection that left HTTP ends with those that did not.
#include "http/server_fixture.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using ::testing::StartsWith;

class ServerTunnelTest : public ServerTest {
 protected:
  static constexpr std::string_view connect_head = "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n";
  static constexpr std::string_view upgrade_head =
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";

  void take(IncomingMessage& request, std::unique_ptr<Socket>& socket, Bytes head) {
    url = request.url();
    first = as_text(head);
    tunnel = std::move(socket);
  }
  void read() {
    tunnel->on_data([this](Bytes part) { later += as_text(part); });
  }

  std::string url;
  std::string first;
  std::string later;
  std::unique_ptr<Socket> tunnel;
};

TEST_F(ServerTunnelTest, HandsOverTheConnectionOfConnect) {
  ROWS("server.event.connect");
  server.on_connect([this](auto& request, auto& socket, Bytes head) {
    take(request, socket, head);
    read();
  });
  test::TestPeer& client = connect();
  client.send(std::string(connect_head) + "HEAD");
  ASSERT_TRUE(world.run_until([&] { return first + later == "HEAD"; }));
  EXPECT_EQ(url, "a:1");
  if (!trickles) {
    EXPECT_EQ(first, "HEAD");
  }
  tunnel->write("raw");
  ASSERT_TRUE(receives(client, "raw"));
  EXPECT_EQ(client.received(), "raw");
}

TEST_F(ServerTunnelTest, ClosesConnectWhereNobodyListens) {
  ROWS("server.event.connect.unhandled");
  answer_with_request();
  test::TestPeer& client = connect();
  client.send(connect_head);
  ASSERT_TRUE(sees_the_end(client));
  EXPECT_EQ(client.received(), "");
  EXPECT_EQ(requests, 0);
}

TEST_F(ServerTunnelTest, KeepsWhatArrivesBeforeAnybodyReads) {
  ROWS("server.event.connect.no-data-listener");
  answer_with_request();
  server.on_connect([this](auto& request, auto& socket, Bytes head) { take(request, socket, head); });
  test::TestPeer& client = connect();
  client.send(connect_head);
  ASSERT_TRUE(world.run_until([&] { return tunnel != nullptr; }));
  client.send("one ");
  pass(100ms);
  client.send(get);
  world.settle();
  EXPECT_EQ(later, "");
  read();
  ASSERT_TRUE(world.run_until([&] { return first + later == "one " + std::string(get); }));
  EXPECT_EQ(requests, 0);
  EXPECT_EQ(client.received(), "");
}

TEST_F(ServerTunnelTest, HandsOverTheVeryStreamThatWasAdopted) {
  ROWS("server.event.connect.socket-type");
  server.on_connect([this](auto& request, auto& socket, Bytes head) { take(request, socket, head); });
  auto [stream, client] = world.connect();
  const Transport* const injected = stream.get();
  const Endpoint remote = stream->remote();
  server.adopt(std::move(stream));
  client.send(connect_head);
  ASSERT_TRUE(world.run_until([&] { return tunnel != nullptr; }));
  EXPECT_EQ(tunnel->transport(), injected);
  EXPECT_EQ(tunnel->remote(), remote);
  EXPECT_EQ(tunnel->transport()->native_handle() >= 0, over_sockets);
}

TEST_F(ServerTunnelTest, HandsOverTheConnectionOfAnUpgrade) {
  ROWS("server.event.upgrade");
  answer_with_request();
  server.on_upgrade([this](auto& request, auto& socket, Bytes head) {
    take(request, socket, head);
    read();
  });
  test::TestPeer& client = connect();
  client.send(std::string(upgrade_head) + "ZZ");
  ASSERT_TRUE(world.run_until([&] { return first + later == "ZZ"; }));
  world.settle();
  if (!trickles) {
    EXPECT_EQ(first, "ZZ");
  }
  EXPECT_EQ(client.received(), "");
  EXPECT_EQ(requests, 0);
}

TEST_F(ServerTunnelTest, AnUpgradeThatNobodyListensToIsARequest) {
  ROWS("server.event.upgrade.optional");
  answer_with_request();
  test::TestPeer& client = connect();
  client.send(upgrade_head);
  ASSERT_TRUE(receives(client, "GET / "));
  EXPECT_THAT(client.received(), StartsWith("HTTP/1.1 200 OK\r\n"));
  client.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(receives(client, "GET /again "));
  EXPECT_EQ(requests, 2);
}

TEST_F(ServerTunnelTest, ClosingAllConnectionsLeavesThoseThatWereUpgraded) {
  ROWS("server.closeAllConnections");
  leave_pending();
  server.on_upgrade([this](auto& request, auto& socket, Bytes head) {
    take(request, socket, head);
    tunnel->on_data([this](Bytes part) { tunnel->write(part); });
  });
  test::TestPeer& upgraded = connect();
  upgraded.send(upgrade_head);
  test::TestPeer& waiting = connect();
  waiting.send(get);
  ASSERT_TRUE(world.run_until([&] { return tunnel != nullptr && requests == 1; }));
  server.close_all_connections();
  ASSERT_TRUE(world.run_until([&] { return waiting.closed(); }));
  EXPECT_EQ(waiting.received(), "");
  upgraded.send("still there");
  ASSERT_TRUE(receives(upgraded, "still there"));
  EXPECT_FALSE(upgraded.closed());
}

// ---- what the socket can do then ------------------------------------------------------------------------------------

TEST_F(ServerTunnelTest, PipesBothWaysAndPassesEachEndOn) {
  std::unique_ptr<Socket> far = http.connect(world.address());
  server.on_connect([&](auto& request, auto& socket, Bytes head) {
    take(request, socket, head);
    far->write(head);
    tunnel->pipe(*far);
    far->pipe(*tunnel);
  });
  test::TestPeer& client = connect();
  client.send(std::string(connect_head) + "ping ");
  ASSERT_TRUE(world.run_until([&] { return tunnel != nullptr && world.accepted(0) != nullptr; }));
  test::TestPeer& origin = *world.accepted(0);
  client.send("again");
  client.half_close();
  ASSERT_TRUE(sees_the_end(origin));
  EXPECT_EQ(origin.received(), "ping again");
  EXPECT_FALSE(client.closed()) << "the other way is still open";
  bool closed = false;
  tunnel->on_close([&] { closed = true; });
  origin.send("pong");
  origin.half_close();
  ASSERT_TRUE(sees_the_end(client));
  EXPECT_EQ(client.received(), "pong");
  ASSERT_TRUE(world.run_until([&] { return closed; }));
  EXPECT_TRUE(tunnel->destroyed());
}

TEST_F(ServerTunnelTest, WritesOnToAClientThatHasEnded) {
  std::string events;
  server.on_upgrade([&](auto& request, auto& socket, Bytes head) {
    take(request, socket, head);
    read();
    tunnel->on_end([&] { events += "end "; });
    tunnel->on_close([&] { events += "close "; });
  });
  test::TestPeer& client = connect();
  client.send(std::string(upgrade_head) + "last words");
  client.half_close();
  ASSERT_TRUE(world.run_until([&] { return events == "end "; }));
  EXPECT_EQ(first + later, "last words");
  pass(1h);
  EXPECT_FALSE(client.closed());
  EXPECT_TRUE(tunnel->writable());
  tunnel->write("heard ");
  ASSERT_TRUE(receives(client, "heard "));
  tunnel->end("all");
  EXPECT_FALSE(tunnel->writable());
  ASSERT_TRUE(sees_the_end(client));
  EXPECT_EQ(client.received(), "heard all");
  ASSERT_TRUE(world.run_until([&] { return events == "end close "; }));
}

TEST_F(ServerTunnelTest, TellsWhenASlowClientHasReadOn) {
  int drains = 0;
  server.on_upgrade([&](auto& request, auto& socket, Bytes head) {
    take(request, socket, head);
    tunnel->on_drain([&] { ++drains; });
  });
  test::TestPeer& client = connect();
  client.send(upgrade_head);
  ASSERT_TRUE(world.run_until([&] { return tunnel != nullptr; }));
  client.stop_reading();
  const std::string much(16 << 20, 'x');  // more than the system takes
  EXPECT_FALSE(tunnel->write(much));
  world.settle();
  EXPECT_GT(tunnel->writable_length(), 0u);
  EXPECT_EQ(drains, 0);
  client.start_reading();
  ASSERT_TRUE(world.run_until([&] { return drains > 0; }));
  EXPECT_EQ(tunnel->writable_length(), 0u);
  ASSERT_TRUE(world.run_until([&] { return client.received().size() == much.size(); }));
  EXPECT_TRUE(tunnel->write("x"));
  world.settle();
  EXPECT_EQ(drains, 1) << "once for each time that write() has refused";
}

}  // namespace
}  // namespace culvert
