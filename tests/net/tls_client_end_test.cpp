// What would break: connections to servers would stand before it is proved who is there, would never stand, or lose what a
// server says first. The other side is OpenSSL's own server.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include "culvert/error.hpp"
#include "net/tls_error.hpp"
#include "net/tls_transport.hpp"
#include "support/every_world.hpp"
#include "support/test_authority.hpp"
#include "support/tls_peer.hpp"

namespace culvert::test {
namespace {

using net::TlsBuffers;
using net::TlsDestination;
using net::TlsTransport;

class TlsClientEndTest : public ::testing::TestWithParam<World::Kind>, protected Watcher {
 protected:
  Ref<TlsDestination> destination(std::string name, SecureContextOptions options = {}) {
    if (options.ca.empty()) options.ca = root_.pem();
    return make_ref<TlsDestination>(std::make_shared<const SecureContext>(options), std::move(name));
  }
  PemPair certificate(std::string_view alternative_names) {
    return root_.issue({.name = "server", .alternative_names = alternative_names, .usage = "serverAuth"});
  }
  // Dials the server once more.
  void dial(Ref<TlsDestination> to, std::string_view alpn = {}) {
    end_.reset();
    stream_.reset();
    server_.reset();
    error_.reset();
    Result<std::unique_ptr<Transport>> wire = world_.network().connect(world_.address(), {});
    ASSERT_TRUE(wire);
    stream_ = std::make_unique<TlsTransport>(world_.loop(), buffers_, std::move(*wire), std::move(to), alpn);
    stream_->attach(*this);
    stream_->want({.read = false, .write = true});
    ASSERT_TRUE(world_.run_until([&] { return world_.accepted(dialled_) != nullptr; }));
    wire_ = world_.accepted(dialled_++);
  }
  TlsServer& serve(const PemPair& pair) { return server_.emplace(*wire_, pair); }
  // Whether it has ended in one way or the other.
  bool answers() {
    return run_until([&] { return error_.has_value(); });
  }
  bool stands() { return answers() && !*error_; }
  bool run_until(const Predicate& done) {
    return world_.run_until([&] {
      if (server_) server_->pump();
      return done();
    });
  }
  void on_ready(Ready ready) noexcept override {
    ASSERT_TRUE(ready.writable || ready.broken);
    EXPECT_FALSE(error_) << "told twice";
    error_ = stream_->take_error();
    if (*error_) {
      stream_.reset();
    } else {
      end_.emplace(std::move(stream_));
    }
  }

  World world_{GetParam()};
  const TestAuthority root_{"Root"};
  Ref<TlsBuffers> buffers_ = make_ref<TlsBuffers>();
  std::size_t dialled_ = 0;
  TestPeer* wire_ = nullptr;
  std::optional<TlsServer> server_;
  std::unique_ptr<TlsTransport> stream_;
  std::optional<std::error_code> error_;
  std::optional<TestPeer> end_;  // what the stream became
};
INSTANTIATE_TEST_SUITE_P(All, TlsClientEndTest, every_world, name_of_world);

TEST_P(TlsClientEndTest, CarriesBothWays) {
  dial(destination("origin.test"));
  serve(certificate("DNS:origin.test"));
  ASSERT_TRUE(stands());
  EXPECT_EQ(server_->server_name(), "origin.test");
  server_->write("to the client");
  end_->send("to the server");
  EXPECT_TRUE(run_until([&] { return end_->received() == "to the client" && server_->received() == "to the server"; }));
}

TEST_P(TlsClientEndTest, WhatAServerSaysFirstIsNotLost) {
  dial(destination("origin.test"));
  serve(certificate("DNS:origin.test")).write("welcome");
  ASSERT_TRUE(stands());
  EXPECT_TRUE(run_until([&] { return end_->received() == "welcome"; }));
}

TEST_P(TlsClientEndTest, AddressIsProvedAndNotNamed) {
  dial(destination("127.0.0.1"));
  serve(certificate("IP:127.0.0.1"));
  ASSERT_TRUE(stands());
  EXPECT_EQ(server_->server_name(), "");
  dial(destination("::1"));
  serve(certificate("IP:127.0.0.1"));
  ASSERT_TRUE(answers());
  EXPECT_EQ(*error_, std::error_code(X509_V_ERR_IP_ADDRESS_MISMATCH, net::certificate_category()));
}

TEST_P(TlsClientEndTest, OtherNameIsRefused) {
  dial(destination("origin.test"));
  serve(certificate("DNS:other.test"));
  ASSERT_TRUE(answers());
  EXPECT_EQ(*error_, std::error_code(X509_V_ERR_HOSTNAME_MISMATCH, net::certificate_category()));
}

TEST_P(TlsClientEndTest, PartOfANameIsNoWildcard) {
  dial(destination("origin.test"));
  serve(certificate("DNS:ori*.test"));
  ASSERT_TRUE(answers());
  EXPECT_TRUE(net::is_of_certificate(*error_));
}

TEST_P(TlsClientEndTest, StrangersAreRefusedUnlessAllAreWelcome) {
  const TestAuthority stranger("Stranger");
  const PemPair pair = stranger.issue({.name = "server", .alternative_names = "DNS:origin.test", .usage = "serverAuth"});
  dial(destination("origin.test"));
  serve(pair);
  ASSERT_TRUE(answers());
  EXPECT_TRUE(net::is_of_certificate(*error_)) << error_->message();
  dial(destination("another.test", {.reject_unauthorized = false}));
  serve(pair);
  EXPECT_TRUE(stands());
}

TEST_P(TlsClientEndTest, ServerThatGoesWhileHandsAreShaken) {
  dial(destination("origin.test"));
  ASSERT_TRUE(run_until([&] { return !wire_->received().empty(); }));
  wire_->half_close();
  ASSERT_TRUE(answers());
  EXPECT_EQ(*error_, errc::tls_disconnected);
}

TEST_P(TlsClientEndTest, ServerThatResetsWhileHandsAreShaken) {
  dial(destination("origin.test"));
  ASSERT_TRUE(run_until([&] { return !wire_->received().empty(); }));
  wire_->reset();
  ASSERT_TRUE(answers());
  EXPECT_EQ(*error_, std::errc::connection_reset);
}

TEST_P(TlsClientEndTest, ServerThatSpeaksNoTls) {
  dial(destination("origin.test"));
  wire_->send("HTTP/1.1 400 Bad Request\r\n\r\n");
  ASSERT_TRUE(answers());
  EXPECT_TRUE(net::is_of_tls(*error_)) << error_->message();
  EXPECT_FALSE(net::is_alert(*error_));
}

TEST_P(TlsClientEndTest, ServerThatAlerts) {
  dial(destination("origin.test", {.only_1_3 = true}));
  SSL_CTX_set_max_proto_version(serve(certificate("DNS:origin.test")).context(), TLS1_2_VERSION);
  ASSERT_TRUE(answers());
  EXPECT_TRUE(net::is_alert(*error_)) << error_->message();
}

TEST_P(TlsClientEndTest, ConnectionThatCannotBeMade) {
  Address nowhere = world_.address();
  nowhere.ip.port = 1;
  Result<std::unique_ptr<Transport>> wire = world_.network().connect(nowhere, {});
  ASSERT_TRUE(wire);
  stream_ = std::make_unique<TlsTransport>(world_.loop(), buffers_, std::move(*wire), destination("origin.test"), "");
  stream_->attach(*this);
  stream_->want({.read = false, .write = true});
  ASSERT_TRUE(answers());
  EXPECT_EQ(*error_, std::errc::connection_refused);
}

TEST_P(TlsClientEndTest, OffersAProtocol) {
  dial(destination("origin.test"), "http/1.1");
  const auto take_first = [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned int,
                             void*) {
    *out = in + 1;
    *size = *in;
    return SSL_TLSEXT_ERR_OK;
  };
  SSL_CTX_set_alpn_select_cb(serve(certificate("DNS:origin.test")).context(), take_first, nullptr);
  ASSERT_TRUE(stands());
  EXPECT_EQ(server_->protocol(), "http/1.1");
}

TEST_P(TlsClientEndTest, ShowsItsCertificateToWhoAsks) {
  const PemPair own = root_.issue({.name = "proxy"});
  dial(destination("origin.test", {.cert = own.certificate, .key = own.key}));
  SSL_CTX_set_verify(serve(certificate("DNS:origin.test")).context(), SSL_VERIFY_PEER,
                     [](int, X509_STORE_CTX*) { return 1; });
  ASSERT_TRUE(run_until([&] { return SSL_is_init_finished(server_->ssl()) == 1; }));
  EXPECT_EQ(x509::text_of(X509_get_subject_name(SSL_get0_peer_certificate(server_->ssl()))), "CN=proxy,O=Test");
}

TEST_P(TlsClientEndTest, CutIsNoEnd) {
  dial(destination("origin.test"));
  serve(certificate("DNS:origin.test"));
  ASSERT_TRUE(stands());
  wire_->half_close();
  EXPECT_TRUE(run_until([&] { return end_->closed(); }));
  EXPECT_EQ(end_->error(), std::errc::connection_reset);
}

TEST_P(TlsClientEndTest, EndInOrder) {
  dial(destination("origin.test"));
  serve(certificate("DNS:origin.test"));
  ASSERT_TRUE(stands());
  ASSERT_TRUE(run_until([&] { return SSL_is_init_finished(server_->ssl()) == 1; }));
  server_->end();
  EXPECT_TRUE(run_until([&] { return end_->closed(); }));
  EXPECT_EQ(end_->error(), std::error_code());
}

TEST(SecureContextTest, HasANameForAllThatDecides) {
  const TestAuthority one("One");
  const TestAuthority other("Other");
  const PemPair pair = one.issue();
  const SecureContextOptions standard{.ca = one.pem()};
  const auto name = [](const SecureContextOptions& options) { return SecureContext(options).name(); };
  EXPECT_EQ(name(standard), name({.ca = one.pem()}));
  for (const SecureContextOptions& differs :
       {SecureContextOptions{}, SecureContextOptions{.ca = other.pem()},
        SecureContextOptions{.ca = one.pem(), .reject_unauthorized = false},
        SecureContextOptions{.ca = one.pem(), .cert = pair.certificate, .key = pair.key},
        SecureContextOptions{.ca = one.pem(), .only_1_3 = true}}) {
    EXPECT_NE(name(differs), name(standard));
  }
}

TEST(SecureContextTest, SaysWhatIsWrong) {
  const TestAuthority one("One");
  const auto wrong_with = [](const SecureContextOptions& options) {
    try {
      const SecureContext made(options);
    } catch (const http_error& error) {
      EXPECT_EQ(error.code(), errc::ERR_INVALID_ARG_VALUE);
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(wrong_with({.ca = "x"}), "ca: there is no certificate in it (PEM)");
  EXPECT_EQ(wrong_with({.cert = "x", .key = "y"}), "cert: there is no certificate in it (PEM)");
  EXPECT_EQ(wrong_with({.cert = one.pem()}), "cert: there is no private key in it (PEM)");
}

}  // namespace
}  // namespace culvert::test
