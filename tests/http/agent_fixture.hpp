// Several requests of an agent to an origin that the test plays, each on a connection of which the test knows the
// number.
#pragma once
#include "http/request_fixture.hpp"

namespace culvert::test {

inline constexpr std::string_view ok_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class AgentRequestsTest : public RequestTest {
 protected:
  // What get_name() calls the origin.
  std::string name(std::string_view host = "127.0.0.1") {
    return std::string(host) + ':' + std::to_string(world.address().ip.port) + ':';
  }
  ClientRequest& get(Agent& by, RequestOptions options = {}) {
    options.agent = &by;
    return count(RequestTest::get(std::move(options)));
  }
  ClientRequest& count(ClientRequest& request) {
    request.on_close([this] { ++ended; });
    return request;
  }
  // The request on the n-th connection gets an answer, which ends it.
  void answer(std::size_t n, std::string_view text = ok_answer) {
    TestPeer& peer = origin(n);
    peer.forget_received();
    const std::size_t before = ended;
    peer.send(text);
    EXPECT_TRUE(world.run_until([&] { return ended > before; })) << "on connection " << n;
  }
  // The n-th connection comes to its end, as the origin sees it.
  bool closes(std::size_t n) {
    return world.run_until([&] { return world.accepted(n) != nullptr && world.accepted(n)->closed(); });
  }
  // How many connections stand, as the origin sees it.
  std::size_t open_connections() {
    world.settle();
    std::size_t open = 0;
    for (std::size_t n = 0; world.accepted(n) != nullptr; ++n) open += !world.accepted(n)->closed();
    return open;
  }

  std::size_t ended = 0;
};

}  // namespace culvert::test
