// If these fail, a request leaves from another address, on another socket or with other options than the program asked
// for, or is told of silence at the wrong time.
#include <unistd.h>

#include "http/request_fixture.hpp"
#include "support/held_connect.hpp"
#include "support/socket_options.hpp"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using test::SocketOptions;
using ::testing::HasSubstr;

class RequestSocket : public test::RequestTest {
 protected:
  // A port of the loopback interface where nobody listens.
  std::uint16_t free_port() {
    auto acceptor = world.network().listen({.address = Address::from_host("127.0.0.1", 0)}, {}, {});
    return (*acceptor)->local().port;
  }
  // An open stream to `peer`, for requests that bring their own.
  std::unique_ptr<Transport> stream_to_peer() {
    auto [stream, other] = world.connect();
    peer = &other;
    return std::move(stream);
  }
  // The socket's options now: while it is still connecting where a request announces it, later once it stands.
  void note_options_when_announced(ClientRequest& request) {
    request.on_socket([&](Socket& socket) {
      EXPECT_FALSE(request.connected());
      when_announced = test::socket_options(*socket.transport());
    });
  }
  SocketOptions once_connected(const ClientRequest& request) {
    EXPECT_TRUE(world.run_until([&] { return request.connected(); }));
    return test::socket_options(*request.socket()->transport());
  }
  // A request whose stream connects no sooner than the test says so.
  ClientRequest& request_while_connecting(RequestOptions options = {}) {
    options.create_connection = [this](const ConnectionOptions&, ConnectionCreated) {
      auto held = std::make_unique<test::HeldConnect>(stream_to_peer());
      connecting = held.get();
      return Result<std::unique_ptr<Transport>>(std::move(held));
    };
    return record(http.request(to_origin(std::move(options))));
  }
  void pass(Duration time) {
    world.advance(time);
    world.settle();
  }

  test::TestPeer* peer = nullptr;
  test::HeldConnect* connecting = nullptr;
  SocketOptions when_announced;
};

// ---- where it goes, and where from ----------------------------------------------------------------------------------

TEST_F(RequestSocket, LeavesFromTheAddressThatIsAskedFor) {
  ROWS("request.options.localAddress");
  get({.connect = ConnectOptions{.local = *Endpoint::parse_ip("127.0.0.2")}});
  EXPECT_EQ(origin().remote().ip(), "127.0.0.2");
}

TEST_F(RequestSocket, LeavesFromThePortThatIsAskedFor) {
  ROWS("request.options.localPort");
  const std::uint16_t port = free_port();
  get({.connect = ConnectOptions{.local_port = port}});
  EXPECT_EQ(origin(0).remote().port, port);
  const std::uint16_t other = free_port();
  get({.connect = ConnectOptions{.local = *Endpoint::parse_ip("127.0.0.2", other)}});
  EXPECT_EQ(origin(1).remote().to_string(), "127.0.0.2:" + std::to_string(other));
}

TEST_F(RequestSocket, GoesToAPath) {
  ROWS("request.options.socketPath");
  char folder[] = "/tmp/culvert-request-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/socket";
  std::string host;
  Server server(http, {.connections_checking_interval = {}});
  server.on_request([&](IncomingMessage& request, ServerResponse& response) {
    host = request.headers().text("host");
    response.end("served");
  });
  server.listen(ListenOptions{.address = {.kind = Address::Kind::unix_path, .ip = {}, .text = path, .port = 0}});
  record(http.get({.socket_path = path, .agent = &agent}));
  ASSERT_TRUE(finishes());
  EXPECT_EQ(body, "served");
  EXPECT_EQ(host, "localhost");
  // With a host and a port beside it, which mean TCP, the path still decides, as in Node.
  closed = false;
  get({.socket_path = path});
  ASSERT_TRUE(finishes());
  EXPECT_EQ(world.attempts().back().address.text, path);
  EXPECT_EQ(host, "localhost");
  server.close();
  world.settle();
  EXPECT_EQ(rmdir(folder), 0);
}

TEST_F(RequestSocket, TellsThatNobodyListens) {
  ROWS("request.events.order.connection-error");
  record(http.get({.host = "127.0.0.1", .port = free_port(), .agent = &agent}));
  EXPECT_EQ(events, "") << "nothing from inside the call";
  ASSERT_TRUE(finishes());
  world.settle();
  EXPECT_EQ(events, "socket error close ");
  EXPECT_EQ(error, std::errc::connection_refused);
}

// ---- options of TCP -------------------------------------------------------------------------------------------------

TEST_F(RequestSocket, IsMadeWithTheOptionsOfTheCallToConnect) {
  ROWS("request.options.connect-options");
  const auto options_with = [&](const ConnectOptions& connect) { return once_connected(get({.connect = connect})); };
  EXPECT_EQ(options_with({.no_delay = false}), SocketOptions{});
  EXPECT_EQ(options_with({}), SocketOptions{.no_delay = true});
  EXPECT_EQ(options_with({.keep_alive = true, .keep_alive_initial_delay_s = 7}),
            (SocketOptions{.no_delay = true, .keep_alive = true, .keep_idle_s = 7}));
}

TEST_F(RequestSocket, SendsSmallSegmentsAtOnceOnceItIsConnected) {
  ROWS("request.setNoDelay");
  ClientRequest& request = http.request(to_origin({.connect = ConnectOptions{.no_delay = false}}));
  EXPECT_EQ(&request.set_no_delay(), &request);
  note_options_when_announced(request);
  EXPECT_EQ(once_connected(request), SocketOptions{.no_delay = true});
  EXPECT_EQ(when_announced, SocketOptions{}) << "not before";
  request.set_no_delay(false);
  EXPECT_EQ(once_connected(request), SocketOptions{}) << "later calls hold at once";
}

TEST_F(RequestSocket, IsProbedOnceItIsConnected) {
  ROWS("request.setSocketKeepAlive");
  ClientRequest& request = http.request(to_origin({.connect = ConnectOptions{}}));
  EXPECT_EQ(&request.set_socket_keep_alive(true, 3000ms), &request);
  note_options_when_announced(request);
  EXPECT_EQ(once_connected(request), (SocketOptions{.no_delay = true, .keep_alive = true, .keep_idle_s = 3}));
  EXPECT_EQ(when_announced, SocketOptions{.no_delay = true}) << "not before";
  request.set_socket_keep_alive(false);
  EXPECT_FALSE(once_connected(request).keep_alive) << "later calls hold at once";
}

// ---- silence --------------------------------------------------------------------------------------------------------

TEST_F(RequestSocket, ItsOptionTimeoutCoversTheConnect) {
  ROWS("request.options.timeout");
  request_while_connecting({.timeout = 100ms}).end();
  world.settle();
  pass(99ms);
  EXPECT_EQ(events, "socket ");
  pass(2ms);
  EXPECT_EQ(events, "socket timeout ");
  EXPECT_FALSE(peer->closed()) << "it only tells";
}

TEST_F(RequestSocket, ItsTimeoutBeginsWhenItIsConnected) {
  ROWS("request.setTimeout.after-connect", "outgoing.setTimeout");
  ClientRequest& request = request_while_connecting();
  request.set_timeout(100ms).end();
  world.settle();
  pass(300ms);
  EXPECT_EQ(events, "socket ");
  connecting->stand();
  ASSERT_TRUE(world.run_until([&] { return peer->received().ends_with("\r\n\r\n"); }));
  pass(99ms);
  EXPECT_EQ(events, "socket ");
  pass(2ms);
  EXPECT_EQ(events, "socket timeout ");
}

}  // namespace
}  // namespace culvert
