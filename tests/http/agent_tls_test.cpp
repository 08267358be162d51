// If these fail, an agent speaks in the clear where TLS was asked for, or one request's connection serves another that does
// not believe the same server.
#include "http/agent_fixture.hpp"
#include "support/test_authority.hpp"
#include "support/tls_peer.hpp"

namespace culvert {
namespace {

using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::StartsWith;

class AgentTlsTest : public test::AgentRequestsTest {
 protected:
  std::shared_ptr<const SecureContext> context(SecureContextOptions options = {}) {
    if (options.ca.empty()) options.ca = root.pem();
    return std::make_shared<const SecureContext>(options);
  }
  // The server at the other end of the n-th connection, once a request's head has arrived there.
  test::TlsServer& secure_origin(std::size_t n = 0) {
    while (servers.size() <= n) servers.push_back(nullptr);
    const auto arrived = [&] {
      if (servers[n] == nullptr && world.accepted(n) != nullptr) {
        servers[n] = std::make_unique<test::TlsServer>(*world.accepted(n), pair);
      }
      if (servers[n] != nullptr) servers[n]->pump();
      return servers[n] != nullptr && servers[n]->received().ends_with("\r\n\r\n");
    };
    EXPECT_TRUE(world.run_until(arrived));
    return *servers[n];
  }
  void answer(std::size_t n = 0) {
    closed = false;
    test::TlsServer& server = secure_origin(n);
    server.write(test::ok_answer);
    EXPECT_TRUE(world.run_until([&] {
      server.pump();
      return closed;
    }));
  }

  const test::TestAuthority root{"Root"};
  const PemPair pair = root.issue({.name = "server", .alternative_names = "DNS:a.test,DNS:b.test,IP:127.0.0.1",
                                   .usage = "serverAuth"});
  std::vector<std::unique_ptr<test::TlsServer>> servers;
  Agent secure{http, {.keep_alive = true, .secure_context = context()}};
};

TEST_F(AgentTlsTest, SpeaksItAndKeepsTheConnection) {
  EXPECT_EQ(secure.options.protocol, "https:");
  EXPECT_EQ(secure.options.default_port, 443);
  for (int i = 0; i < 2; ++i) {
    get(secure, {.protocol = "https:", .servername = "a.test"});
    EXPECT_THAT(secure_origin().received(), StartsWith("GET / HTTP/1.1\r\n"));
    answer();
  }
  EXPECT_EQ(world.attempts().size(), 1u);
  EXPECT_EQ(secure_origin().server_name(), "a.test");
}

TEST_F(AgentTlsTest, RefusesAnotherProtocol) {
  ROWS("request.options.protocol");
  EXPECT_THROW(get(secure, {.protocol = "http:"}), http_error);
  Agent plain(http);
  EXPECT_THROW(get(plain, {.protocol = "https:"}), http_error);
}

TEST_F(AgentTlsTest, NeverMixesWhatIsNotProvedAlike) {
  ROWS("agent.getName.https");
  const test::TestAuthority other("Other");
  const auto both = context({.ca = root.pem() + other.pem()});
  const auto anybody = context({.reject_unauthorized = false});
  const std::vector<RequestOptions> differ{{.servername = "a.test"},
                                           {.servername = "b.test"},
                                           {.secure_context = both, .servername = "a.test"},
                                           {.secure_context = anybody, .servername = "a.test"}};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < differ.size(); ++i) {
    const std::string name = secure.get_name(to_origin(differ[i]));
    EXPECT_THAT(names, Not(::testing::Contains(name)));
    names.push_back(name);
    get(secure, differ[i]);
    answer(i);
    EXPECT_EQ(world.attempts().size(), i + 1) << "a connection was shared";
  }
  EXPECT_EQ(secure.free_sockets().size(), differ.size());
  get(secure, {.secure_context = context(), .servername = "a.test"});
  answer(0);
  EXPECT_EQ(world.attempts().size(), differ.size()) << "equal rules are the same rules";
}

TEST_F(AgentTlsTest, WhoIsNotProvedGetsNothing) {
  get(secure, {.servername = "c.test"});
  EXPECT_TRUE(world.run_until([&] {
    if (servers.empty() && world.accepted(0) != nullptr) {
      servers.push_back(std::make_unique<test::TlsServer>(*world.accepted(0), pair));
    }
    if (!servers.empty()) servers[0]->pump();
    return closed;
  }));
  EXPECT_STREQ(error.category().name(), "certificate");
  EXPECT_EQ(servers[0]->received(), "");
}

// By TLS 1.3 a server sends its tickets when it likes.
TEST_F(AgentTlsTest, TicketThatComesLateLeavesAFreeConnectionFree) {
  get(secure, {.servername = "a.test"});
  answer();
  ASSERT_EQ(SSL_new_session_ticket(servers[0]->ssl()), 1);
  EXPECT_EQ(SSL_do_handshake(servers[0]->ssl()), 1);
  servers[0]->pump();
  world.settle();
  EXPECT_EQ(secure.free_sockets().size(), 1u);
  servers[0]->write("unasked");
  servers[0]->pump();
  EXPECT_TRUE(world.run_until([&] { return secure.free_sockets().empty(); }));
}

TEST_F(AgentTlsTest, EndIsSeenBeforeTheConnectionIsUsedAgain) {
  using namespace std::chrono_literals;
  secure.options.self_tuning = true;
  for (int i = 0; i < 2; ++i) {
    get(secure, {.servername = "a.test"});
    answer();
    world.advance(11ms);
    world.settle();
  }
  EXPECT_EQ(world.attempts().size(), 1u);
  servers[0]->end();
  servers[0]->pump();  // and no turn of the loop in between
  get(secure, {.servername = "a.test"});
  answer(1);
  EXPECT_EQ(secure.statistics().stale_at_check, 1u);
  EXPECT_EQ(error, std::error_code());
}

}  // namespace
}  // namespace culvert
