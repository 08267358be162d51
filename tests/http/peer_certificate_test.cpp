// What would break: a handler could not know who its client is, or would take a client for another.
#include "culvert/peer_certificate.hpp"

#include <memory>

#include "http/server_fixture.hpp"
#include "net/tls_transport.hpp"
#include "support/test_authority.hpp"
#include "support/tls_peer.hpp"

namespace culvert {
namespace {

// What the server's streams need for as long as it has some.
struct TlsOfServer {
  const test::TestAuthority root{"Root"};
  const net::TlsServerContext context{
      {.certificates = {root.issue({.name = "server"})},
       .client_auth = ClientAuth{.authorities = root.pem(), .revoked = {}, .required = false}}};
  Ref<net::TlsBuffers> buffers = make_ref<net::TlsBuffers>();
};

class PeerCertificateTest : protected TlsOfServer, public ServerTest, private Watcher {
 protected:
  PeerCertificateTest() {
    server.on_request([this](IncomingMessage& request, ServerResponse& response) {
      const std::shared_ptr<const PeerCertificate> shown = request.socket()->peer_certificate();
      subject = shown == nullptr ? "nobody" : shown->subject;
      response.end("ok");
    });
  }

  // What the handler learns of a client of TLS that has this certificate, or none.
  std::string subject_of(const PemPair* pair) {
    auto [wire, peer] = world.connect();
    test::TlsClient client(peer);
    if (pair != nullptr) {
      SSL_CTX_use_certificate(client.context(), test::certificate_of(*pair).get());
      SSL_CTX_use_PrivateKey(client.context(), test::key_of(*pair).get());
    }
    client.write(get);
    stream = std::make_unique<net::TlsTransport>(world.loop(), buffers, std::move(wire), context.accept());
    stream->attach(*this);
    subject.clear();
    EXPECT_TRUE(world.run_until([&] {
      client.pump();
      return client.received().ends_with("ok");
    }));
    return subject;
  }
  void on_ready(Ready ready) noexcept override {
    if (!ready.readable) return;
    Result<bool> over = stream->shake_hands();
    ASSERT_TRUE(over) << over.error().message();
    if (!*over) return;
    Result<Bytes> first = stream->take_early();
    ASSERT_TRUE(first);
    server.adopt(std::move(stream), *first);
  }

  std::unique_ptr<net::TlsTransport> stream;
  std::string subject;
};

TEST_F(PeerCertificateTest, IsReadFromTheSocket) {
  ROWS("message.socket.peer-certificate");
  const PemPair alice = root.issue({.name = "alice"});
  EXPECT_EQ(subject_of(&alice), "CN=alice,O=Test");
  EXPECT_EQ(subject_of(nullptr), "nobody");
}

TEST_F(PeerCertificateTest, PlainStreamsHaveNone) {
  test::TestPeer& client = connect();
  client.send(get);
  EXPECT_TRUE(receives(client, "ok"));
  EXPECT_EQ(subject, "nobody");
}

}  // namespace
}  // namespace culvert
