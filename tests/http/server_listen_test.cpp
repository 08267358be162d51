// If these fail, nobody can reach a server that listens, or it listens where it should not.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server_fixture.hpp"
#include "support/socket_options.hpp"

namespace culvert {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

class ServerListenTest : public ServerTest {
 protected:
  // What a client there hears that asks for "/"; nothing where nobody listens.
  std::string ask(const Address& address) {
    Result<std::unique_ptr<Transport>> stream = world.network().connect(address, {});
    if (!stream) return {};
    test::TestPeer client(std::move(*stream));
    client.send(get);
    world.run_until([&] { return client.closed() || client.received().ends_with("GET / "); });
    return client.received();
  }
  Address at(std::string_view host) {
    return Address::of(*Endpoint::parse_ip(host, server.address().port));
  }
};

TEST_F(ServerListenTest, ListensOnAFreePort) {
  ROWS("server.class", "server.listen", "server.listening");
  answer_with_request();
  EXPECT_FALSE(server.listening());
  int told = 0;
  server.listen(0, "127.0.0.1", 511, [&] { ++told; });
  EXPECT_EQ(told, 0);  // never from inside the call
  world.settle();
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(server.listening());
  EXPECT_NE(server.address().port, 0);
  EXPECT_EQ(server.address().ip(), "127.0.0.1");
  const Address address = at("127.0.0.1");
  EXPECT_THAT(ask(address), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(requests, 1);
  server.close();
  EXPECT_FALSE(server.listening());
  world.settle();
  EXPECT_EQ(ask(address), "");
  EXPECT_EQ(requests, 1);
}

TEST_F(ServerListenTest, ListensWhereANameLeads) {
  answer_with_request();
  world.resolver().add("localhost", {*Endpoint::parse_ip("127.0.0.1", 0), *Endpoint::parse_ip("::1", 0)});
  bool told = false;
  server.listen(0, "localhost", [&] { told = true; });
  EXPECT_FALSE(server.listening());
  EXPECT_TRUE(world.loop().referenced()) << "a program has to wait for it";
  EXPECT_THROW(server.listen(), http_error);
  ASSERT_TRUE(world.run_until([&] { return told; }));
  EXPECT_TRUE(server.listening());
  EXPECT_EQ(server.address().ip(), "127.0.0.1");
  EXPECT_THAT(ask(at("127.0.0.1")), EndsWith("GET / "));
}

TEST_F(ServerListenTest, TellsThatANameLeadsNowhere) {
  std::error_code error;
  server.on_error([&](std::error_code why) { error = why; });
  server.listen(0, "no.such.test", [] { ADD_FAILURE() << "it listens nowhere"; });
  EXPECT_FALSE(error) << "nothing from inside the call";
  ASSERT_TRUE(world.run_until([&] { return bool(error); }));
  EXPECT_EQ(error, errc::name_not_found);
  EXPECT_FALSE(server.listening());
  EXPECT_FALSE(world.loop().referenced());
}

TEST_F(ServerListenTest, ListensNotAfterAllWhereItIsClosedMeanwhile) {
  world.resolver().add("localhost", {*Endpoint::parse_ip("127.0.0.1", 0)});
  world.resolver().hold();
  bool closed = false;
  server.listen(0, "localhost", [] { ADD_FAILURE() << "it was closed"; });
  server.close([&](std::error_code error) { closed = !error; });
  world.resolver().release();
  world.settle();
  EXPECT_TRUE(closed);
  EXPECT_FALSE(server.listening());
  EXPECT_FALSE(world.loop().referenced());
}

TEST_F(ServerListenTest, WithoutAHostItListensOnBothFamilies) {
  ROWS("server.listen.port");
  // The network that the world has, which notes how long the queue shall be.
  struct NotingNetwork final : Network {
    explicit NotingNetwork(Network& real_network) : real(real_network) {}
    Result<std::unique_ptr<Transport>> connect(const Address& address, const ConnectOptions& options) override {
      return real.connect(address, options);
    }
    Result<std::unique_ptr<Acceptor>> listen(const ListenOptions& options, OnConnection on_connection,
                                             OnError on_error) override {
      backlog = options.backlog;
      return real.listen(options, std::move(on_connection), std::move(on_error));
    }
    Network& real;
    int backlog = 0;
  } network(world.network());
  Http noted(world.loop(), network, world.resolver());
  Server anywhere(noted);
  anywhere.on_request([](IncomingMessage&, ServerResponse& response) { response.end("GET / "); });
  anywhere.listen(0);
  world.settle();
  EXPECT_EQ(network.backlog, 511);
  const std::uint16_t port = anywhere.address().port;
  ASSERT_NE(port, 0);
  std::vector<std::string_view> hosts{"127.0.0.1"};
  if (anywhere.address().family == Endpoint::Family::ipv6) hosts.push_back("::1");
  for (const std::string_view host : hosts) {
    EXPECT_THAT(ask(Address::of(*Endpoint::parse_ip(host, port))),
                EndsWith("GET / "));
  }
}

TEST_F(ServerListenTest, ListensOnAPath) {
  ROWS("server.listen.path");
  answer_with_request();
  char folder[] = "/tmp/culvert-listen-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const Address path{.kind = Address::Kind::unix_path, .ip = {}, .text = std::string(folder) + "/socket", .port = 0};
  bool told = false;
  server.listen(ListenOptions{.address = path}, [&] { told = true; });
  world.settle();
  EXPECT_TRUE(told);
  EXPECT_THAT(ask(path), EndsWith("GET / "));
  server.close();
  world.settle();
  EXPECT_EQ(world.network().connect(path, {}).error(), std::errc::no_such_file_or_directory);
  EXPECT_EQ(rmdir(folder), 0);  // the path is gone
}

TEST_F(ServerListenTest, ListensOnADescriptor) {
  ROWS("server.listen.handle");
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(fd, 5), 0);
  Http real;
  const std::unique_ptr<Server> listening =
      real.create_server({}, [](IncomingMessage&, ServerResponse& response) { response.end("served"); });
  listening->listen(ListenOptions{.fd = fd});
  std::string body;
  real.get("http://127.0.0.1:" + std::to_string(listening->address().port) + '/', {}, [&](IncomingMessage& response) {
    response.on_data([&](Bytes part) { body += as_text(part); });
    response.on_end([&] { listening->close(); });
  });
  real.run();
  EXPECT_EQ(body, "served");
}

TEST_F(ServerListenTest, SendsSmallSegmentsAtOnceUnlessTold) {
  ROWS("createServer.noDelay", "server.event.connect.socket-type");
  answer_with_request();
  std::vector<bool> no_delay;
  server.on_connection([&](Socket& socket) {
    no_delay.push_back(test::socket_options(*socket.transport()).no_delay);
    EXPECT_EQ(socket.remote().ip(), "127.0.0.1");
    EXPECT_NE(socket.remote().port, 0);
  });
  for (const bool wanted : {true, false}) {
    server.options.no_delay = wanted;
    server.listen(0, "127.0.0.1");
    world.settle();
    EXPECT_THAT(ask(at("127.0.0.1")), EndsWith("GET / "));
    server.close();
    world.settle();
  }
  EXPECT_EQ(no_delay, (std::vector<bool>{true, false}));
}

}  // namespace
}  // namespace culvert
