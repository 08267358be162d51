// One exchange after another, between a client and origins that a test plays.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "culvert/http.hpp"
#include "proxy/collected_lines.hpp"
#include "proxy/fleet.hpp"
#include "proxy/gateway.hpp"
#include "proxy/scripted_resolver.hpp"
#include "proxy/tunnel_places.hpp"
#include "support/held_connect.hpp"
#include "support/world.hpp"

namespace culvert::proxy {

inline constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
inline constexpr std::string_view post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
inline constexpr std::string_view ok_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Every address leads to the world's peers, but some ports and hosts refuse, and some ports are silent.
class ChoosyNetwork final : public Network {
 public:
  explicit ChoosyNetwork(test::World& world) : world_(world) {}
  Result<std::unique_ptr<Transport>> connect(const Address& address, const ConnectOptions& options) override {
    ++tries;
    ports.push_back(address.ip.port);
    if (refused.contains(address.ip.port) || refused_hosts.contains(address.ip.ip())) {
      return std::make_error_code(std::errc::connection_refused);
    }
    auto stream = world_.network().connect(world_.address(), options);
    if (!stream || !silent.contains(address.ip.port)) return stream;
    return std::unique_ptr<Transport>(std::make_unique<test::HeldConnect>(std::move(*stream)));
  }
  Result<std::unique_ptr<Acceptor>> listen(const ListenOptions& options, OnConnection on_connection,
                                           OnError on_error) override {
    return world_.network().listen(options, std::move(on_connection), std::move(on_error));
  }
  std::set<std::uint16_t> refused;
  std::set<std::uint16_t> silent;  // they never answer
  std::set<std::string> refused_hosts;
  int tries = 0;
  std::vector<std::uint16_t> ports;  // of all tries

 private:
  test::World& world_;
};

class ExchangeTest : public ::testing::Test {
 protected:
  ExchangeTest() {
    config.log.access = config::AccessLog{.file = "-", .format = {}, .fields = {}, .redact = {}};
    config.listeners.push_back({.name = "web", .addresses = {}, .max_connections = 0, .server = {}});
    config.upstreams["api"] = {.name = "api", .servers = {world.address()}};
    config.routes.push_back({.name = "all", .action = config::ToUpstream{"api"}});
  }
  config::Upstream& upstream() { return config.upstreams["api"]; }
  config::Route& route() { return config.routes[0]; }
  Address port(std::uint16_t number) {
    Address address = world.address();
    address.ip.port = number;
    return address;
  }
  static Address name(std::string_view text) {
    return {.kind = Address::Kind::name, .ip = {}, .text = std::string(text), .port = 80};
  }
  void start() {
    gateway.apply(std::make_shared<const config::Config>(config));
    gateway.serve(server, "web");
  }
  test::TestPeer& connect() {
    auto [stream, peer] = world.connect();
    server.adopt(std::move(stream));
    return peer;
  }
  test::TestPeer& origin_got(std::string_view text, std::size_t n = 0) {
    EXPECT_TRUE(world.run_until([&] {
      test::TestPeer* peer = world.accepted(n);
      return peer != nullptr && peer->received().find(text) != std::string::npos;
    })) << text;
    return *world.accepted(n);
  }
  void expect_answer(test::TestPeer& client, std::string_view text) {
    EXPECT_TRUE(world.run_until([&] { return client.received().find(text) != std::string::npos; })) << text;
  }
  // Two servers, of which the one whose turn it is refuses; the other answers.
  test::TestPeer& answered_by_the_second() {
    upstream().servers = {port(1), port(2)};
    network.refused = {1};
    start();
    for (int i = 0; i < 2; ++i) {  // one of the two begins with the server that refuses
      test::TestPeer& client = connect();
      client.send(get);
      origin_got("\r\n\r\n", static_cast<std::size_t>(i));
      if (network.tries > i + 1) return client;
      world.accepted(static_cast<std::size_t>(i))->send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
      world.accepted(static_cast<std::size_t>(i))->half_close();
      expect_answer(client, "200 OK");
      log();
      lines.text.clear();
    }
    ADD_FAILURE() << "nobody was refused";
    return connect();
  }
  // Of the connection that answered_by_the_second() has brought about.
  test::TestPeer& second() { return *world.accepted(world.accepted(1) == nullptr ? 0 : 1); }
  std::string log() {
    world.settle();
    gateway.flush_log();
    return lines.text;
  }

  test::World world;
  ChoosyNetwork network{world};
  config::Config config;
  ScriptedResolver resolver;
  CollectedLines lines;
  Http http{world.loop(), network, resolver};
  Server server{http, Gateway::server_options({})};
  TunnelPlaces places;
  Fleets fleets{1};
  Gateway gateway{http, &lines, places, {fleets, 0}};
};

}  // namespace culvert::proxy
