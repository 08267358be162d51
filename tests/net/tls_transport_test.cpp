// What would break: TLS would lose, reorder or show bytes that are not the stream's, take a cut for an end, or fail where
// records arrive in pieces. The other side is OpenSSL's own client.
#include "net/tls_transport.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <array>
#include <optional>
#include <string>

#include "net/tls_error.hpp"
#include "support/duplex.hpp"
#include "support/every_world.hpp"
#include "support/tls_peer.hpp"

namespace culvert::test {
namespace {

using net::SslSession;
using net::TlsBuffers;
using net::TlsServerContext;
using net::TlsTransport;

PemPair pair_for(std::string_view name) { return make_self_signed(std::array{name}); }

class TlsTransportTest : public ::testing::TestWithParam<World::Kind>, private Watcher {
 protected:
  TlsTransportTest() : ends_(world_.connect()) {}

  // The server's end; `settings` say what it presents.
  void begin(net::TlsServerSettings settings = {.certificates = {pair_for("first.test")}}) {
    context_.emplace(std::move(settings));
    stream_ = std::make_unique<TlsTransport>(world_.loop(), buffers_, std::move(ends_.first), context_->accept());
    stream_->attach(*this);
  }
  void on_ready(Ready ready) noexcept override {
    if (!ready.readable) return;
    Result<bool> over = stream_->shake_hands();
    if (!over) {
      failure_ = over.error();
      stream_.reset();
    } else if (*over) {
      Result<Bytes> first = stream_->take_early();
      ASSERT_TRUE(first);
      early_ = as_text(*first);
      server_.emplace(std::move(stream_));
    }
  }
  bool run_until(const Predicate& done) {
    return world_.run_until([&] {
      client_.pump();
      return done();
    });
  }
  bool is_established() {
    return run_until([&] { return server_.has_value() && SSL_is_init_finished(client_.ssl()) == 1; });
  }
  bool fails() {
    return run_until([&] { return static_cast<bool>(failure_); });
  }
  std::string received() const { return early_ + server_->received(); }

  World world_{GetParam()};
  Ref<TlsBuffers> buffers_ = make_ref<TlsBuffers>();
  std::pair<std::unique_ptr<Transport>, TestPeer&> ends_;
  TlsClient client_{ends_.second};
  std::optional<TlsServerContext> context_;
  std::unique_ptr<TlsTransport> stream_;
  std::string early_;
  std::optional<TestPeer> server_;
  std::error_code failure_;
};
INSTANTIATE_TEST_SUITE_P(All, TlsTransportTest, every_world, name_of_world);

// Bytes of which none is like its neighbours.
std::string many_bytes(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text.push_back(static_cast<char>((i * 31 + i / 251) & 0xff));
  return text;
}

TEST_P(TlsTransportTest, CarriesBothWays) {
  begin();
  ASSERT_TRUE(is_established());
  client_.write("to the server");
  server_->send("to the client");
  EXPECT_TRUE(run_until([&] { return received() == "to the server" && client_.received() == "to the client"; }));
}

TEST_P(TlsTransportTest, WhatComesWithTheLastWordOfTheHandshakeIsNotLost) {
  begin();
  client_.write("early");
  EXPECT_TRUE(run_until([&] { return server_ && received() == "early"; }));
}

TEST_P(TlsTransportTest, CarriesMuchBothWaysAtOnce) {
  begin();
  ASSERT_TRUE(is_established());
  const std::string much = many_bytes(1'000'000);
  client_.write(much);
  server_->send(much);
  EXPECT_TRUE(run_until([&] { return received().size() == much.size() && client_.received().size() == much.size(); }));
  EXPECT_TRUE(received() == much);
  EXPECT_TRUE(client_.received() == much);
}

TEST_P(TlsTransportTest, WaitsForWhoDoesNotRead) {
  begin();
  ASSERT_TRUE(is_established());
  ends_.second.stop_reading();
  const std::string much = many_bytes(8'000'000);
  server_->send(much);
  world_.settle();
  EXPECT_GT(server_->unsent(), 0u) << "all of it is held in memory";
  ends_.second.start_reading();
  EXPECT_TRUE(run_until([&] { return client_.received().size() == much.size(); }));
  EXPECT_TRUE(client_.received() == much);
}

TEST_P(TlsTransportTest, EndOfOneSideIsNotThatOfTheOther) {
  begin();
  ASSERT_TRUE(is_established());
  client_.write("last words");
  client_.pump();
  client_.end();
  EXPECT_TRUE(run_until([&] { return server_->closed(); }));
  EXPECT_FALSE(server_->error());
  EXPECT_EQ(received(), "last words");
  server_->send("an answer all the same");
  EXPECT_TRUE(run_until([&] { return client_.received() == "an answer all the same"; }));
  EXPECT_FALSE(client_.ended());
  server_->half_close();
  EXPECT_TRUE(run_until([&] { return client_.ended() && ends_.second.closed(); }));
}

TEST_P(TlsTransportTest, EndComesBehindWhatTheWireDidNotTake) {
  begin();
  ASSERT_TRUE(is_established());
  ends_.second.stop_reading();
  const std::string text = many_bytes(Duplex::default_capacity - 1);  // it fits, what goes around it does not
  server_->send(text);
  server_->half_close();
  world_.settle();
  ends_.second.start_reading();
  EXPECT_TRUE(run_until([&] { return ends_.second.closed(); }));
  EXPECT_TRUE(client_.received() == text);
  EXPECT_TRUE(client_.ended());
}

TEST_P(TlsTransportTest, WhoHearsThatAllIsTakenMayClose) {
  begin();
  ASSERT_TRUE(is_established());
  ends_.second.stop_reading();
  const std::string text = many_bytes(Duplex::default_capacity - 1);
  server_->send(text);
  world_.settle();
  ends_.second.start_reading();
  ASSERT_TRUE(run_until([&] { return server_->unsent() == 0; }));
  server_->close();
  EXPECT_TRUE(run_until([&] { return ends_.second.closed(); }));
  EXPECT_TRUE(client_.received() == text);
}

TEST_P(TlsTransportTest, ClosingTellsThePeer) {
  begin();
  ASSERT_TRUE(is_established());
  server_->close();
  EXPECT_TRUE(run_until([&] { return ends_.second.closed(); }));
  EXPECT_TRUE(client_.ended());
}

TEST_P(TlsTransportTest, ResetSaysNothingOfAnEnd) {
  begin();
  ASSERT_TRUE(is_established());
  server_->reset();
  EXPECT_TRUE(run_until([&] { return ends_.second.closed(); }));
  EXPECT_FALSE(client_.ended());
}

TEST_P(TlsTransportTest, EndWithoutCloseNotifyIsACut) {
  begin();
  ASSERT_TRUE(is_established());
  client_.write("half of");
  EXPECT_TRUE(run_until([&] { return received() == "half of"; }));
  ends_.second.half_close();
  EXPECT_TRUE(run_until([&] { return server_->closed(); }));
  EXPECT_EQ(server_->error(), std::errc::connection_reset);
}

TEST_P(TlsTransportTest, ARecordThatWasTouchedEndsIt) {
  begin();
  ASSERT_TRUE(is_established());
  client_.write("good");
  EXPECT_TRUE(run_until([&] { return received() == "good"; }));
  ends_.second.send(std::string("\x17\x03\x03\x00\x20", 5).append(32, 'x'));
  EXPECT_TRUE(run_until([&] { return server_->closed(); }));
  EXPECT_TRUE(net::is_of_tls(server_->error())) << server_->error().message();
  EXPECT_EQ(received(), "good");
}

TEST_P(TlsTransportTest, KeysMayChange) {
  begin();
  ASSERT_TRUE(is_established());
  SSL_key_update(client_.ssl(), SSL_KEY_UPDATE_REQUESTED);
  client_.write("with new keys");
  EXPECT_TRUE(run_until([&] { return received() == "with new keys"; }));
  server_->send("both ways");
  EXPECT_TRUE(run_until([&] { return client_.received() == "both ways"; }));
}

TEST_P(TlsTransportTest, PlainHttpIsTold) {
  begin();
  ends_.second.send("GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(world_.run_until([&] { return static_cast<bool>(failure_); }));
  EXPECT_TRUE(net::is_plain_http(failure_)) << failure_.message();
}

TEST_P(TlsTransportTest, GarbageFails) {
  begin();
  ends_.second.send(std::string(64, '\x80'));
  ASSERT_TRUE(world_.run_until([&] { return static_cast<bool>(failure_); }));
  EXPECT_TRUE(net::is_of_tls(failure_)) << failure_.message();
  EXPECT_FALSE(net::is_plain_http(failure_));
}

TEST_P(TlsTransportTest, OldVersionsFail) {
  begin();
  SSL_CTX_set_max_proto_version(client_.context(), TLS1_1_VERSION);
  SSL_CTX_set_security_level(client_.context(), 0);
  ASSERT_TRUE(fails());
  EXPECT_EQ(failure_.message(), "unsupported protocol");
}

TEST_P(TlsTransportTest, TheLowestVersionIsForTheSettingsToSay) {
  begin({.certificates = {pair_for("first.test")}, .only_1_3 = true});
  SSL_CTX_set_max_proto_version(client_.context(), TLS1_2_VERSION);
  EXPECT_TRUE(fails());
}

TEST_P(TlsTransportTest, CertificateFollowsTheName) {
  const struct {
    const char* asked;  // null: no name
    const char* presented;
  } cases[] = {{nullptr, "first.test"},         {"first.test", "first.test"}, {"second.test", "second.test"},
               {"SECOND.test", "second.test"},  {"a.wild.test", "*.wild.test"}, {"a.b.wild.test", "first.test"},
               {"wild.test", "first.test"},     {"unknown.test", "first.test"}};
  const net::TlsServerSettings settings{
      .certificates = {pair_for("first.test"), pair_for("second.test"), pair_for("*.wild.test")}};
  const TlsServerContext context(settings);
  for (const auto& [asked, presented] : cases) {
    SCOPED_TRACE(asked == nullptr ? "no name" : asked);
    const SslSession server = context.accept();
    TlsClient client(ends_.second);
    if (asked != nullptr) SSL_ctrl(client.ssl(), SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, const_cast<char*>(asked));
    BIO* to_server = nullptr;
    BIO* to_client = nullptr;
    BIO_new_bio_pair(&to_server, 0, &to_client, 0);
    SSL_set_bio(server.get(), to_server, to_server);
    SSL_set_bio(client.ssl(), to_client, to_client);
    for (int i = 0; i < 4; ++i) SSL_do_handshake(i % 2 == 0 ? client.ssl() : server.get());
    EXPECT_EQ(client.subject(), presented);
  }
}

TEST_P(TlsTransportTest, ProtocolIsAgreedOnOrRefused) {
  begin({.certificates = {pair_for("first.test")}, .alpn = {"http/1.1"}});
  SSL_set_alpn_protos(client_.ssl(), reinterpret_cast<const unsigned char*>("\x02h2\x08http/1.1"), 12);
  ASSERT_TRUE(is_established());
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(client_.ssl(), &chosen, &size);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(chosen), size), "http/1.1");
}

TEST_P(TlsTransportTest, ProtocolsThatNobodySpeaksAreRefused) {
  begin({.certificates = {pair_for("first.test")}, .alpn = {"http/1.1"}});
  SSL_set_alpn_protos(client_.ssl(), reinterpret_cast<const unsigned char*>("\x02h2"), 3);
  EXPECT_TRUE(fails());
}

}  // namespace
}  // namespace culvert::test
