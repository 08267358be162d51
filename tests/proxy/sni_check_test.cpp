// What would break: a tunnel for one host would carry TLS to another, or one that is right would be refused or cut.
#include "proxy/sni_check.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "base/block_pool.hpp"
#include "support/every_world.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;
using config::EncryptedClientHello;
using test::World;

Reason judged(std::string_view name, std::string_view host, bool encrypted = false,
              EncryptedClientHello mode = EncryptedClientHello::allow) {
  return judge_hello({.server_name = name, .alpn = {}, .encrypted_client_hello = encrypted}, host, mode);
}

TEST(JudgeHello, TheNameIsTheHosts) {
  EXPECT_EQ(judged("a.test", "a.test"), Reason::none);
  EXPECT_EQ(judged("a.test", "A.Test."), Reason::none);
  for (const char* name : {"b.test", "www.a.test", "test", "a.test.b", "xa.test"}) {
    EXPECT_EQ(judged(name, "a.test"), Reason::tunnel_sni_mismatch) << name;
  }
  EXPECT_EQ(judged("", "a.test"), Reason::tunnel_sni_missing);
}

TEST(JudgeHello, AnAddressIsNotNamed) {
  for (const char* host : {"192.0.2.1", "2001:db8::1"}) {
    EXPECT_EQ(judged("", host), Reason::none) << host;
    EXPECT_EQ(judged("a.test", host), Reason::tunnel_sni_mismatch) << host;
  }
}

TEST(JudgeHello, AnEncryptedOneIsJudgedByItsOuterNameWhereItMayBe) {
  EXPECT_EQ(judged("a.test", "a.test", true), Reason::none);
  EXPECT_EQ(judged("public.test", "a.test", true), Reason::tunnel_sni_mismatch);
  EXPECT_EQ(judged("a.test", "a.test", true, EncryptedClientHello::deny), Reason::tunnel_ech_denied);
  EXPECT_EQ(judged("a.test", "a.test", false, EncryptedClientHello::deny), Reason::none);
}

std::string hello_for_a_example() {
  std::ifstream file(CULVERT_SOURCE_DIR "/tests/fuzz/corpus/client_hello/small", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class SniCheckTest : public ::testing::TestWithParam<World::Kind>, public SniCheck::Owner {
 protected:
  SniCheck& begin(std::string_view host, std::string_view to_client = {}) {
    BareStream downstream(std::move(client_.first), world_.loop());
    downstream.unsent.copy(as_bytes(to_client));
    check_.emplace(world_.loop(), *this, settings_, host, std::move(downstream),
                   BareStream(std::move(server_.first), world_.loop()));
    check_->start({});
    return *check_;
  }
  void on_checked(Reason reason, std::error_code) noexcept override {
    EXPECT_FALSE(reason_) << "told twice";
    reason_ = reason;
    if (reason != Reason::none) check_.reset();
  }
  bool decides() {
    return world_.run_until([&] { return reason_.has_value(); });
  }
  test::TestPeer& client() { return client_.second; }
  test::TestPeer& server() { return server_.second; }

  World world_{GetParam()};
  config::Tunnel settings_;
  std::pair<std::unique_ptr<Transport>, test::TestPeer&> client_ = world_.connect();
  std::pair<std::unique_ptr<Transport>, test::TestPeer&> server_ = world_.connect();
  std::optional<SniCheck> check_;
  std::optional<Reason> reason_;
};
INSTANTIATE_TEST_SUITE_P(All, SniCheckTest, test::every_world, test::name_of_world);

TEST_P(SniCheckTest, GivesBackWhatItHasRead) {
  begin("a.example");
  client().send(hello_for_a_example());
  ASSERT_TRUE(decides());
  EXPECT_EQ(reason_, Reason::none);
  EXPECT_EQ(as_text(check_->early()), hello_for_a_example());
  EXPECT_NE(check_->take_downstream().stream, nullptr);
  EXPECT_NE(check_->take_upstream().stream, nullptr);
}

TEST_P(SniCheckTest, TellsARefusedClientWhyAndTheServerNothing) {
  begin("b.example");
  client().send(hello_for_a_example());
  ASSERT_TRUE(decides());
  EXPECT_EQ(reason_, Reason::tunnel_sni_mismatch);
  ASSERT_TRUE(world_.run_until([&] { return client().closed() && server().closed(); }));
  EXPECT_EQ(client().received(), std::string("\x15\x03\x03\x00\x02\x02\x70", 7));
  EXPECT_FALSE(client().error()) << "a reset might overtake the alert";
  EXPECT_EQ(server().received(), "");
  EXPECT_TRUE(server().error());
}

TEST_P(SniCheckTest, SendsFirstWhatWasWrittenBefore) {
  const std::string much(4'000'000, 'x');
  client().stop_reading();
  begin("a.example", much);
  client().start_reading();
  ASSERT_TRUE(world_.run_until([&] { return client().received().size() == much.size(); }));
  EXPECT_FALSE(reason_);
  client().send(hello_for_a_example());
  ASSERT_TRUE(decides());
  EXPECT_EQ(reason_, Reason::none);
}

TEST_P(SniCheckTest, WaitsForSoLong) {
  settings_.hello_timeout = 2s;
  begin("a.example");
  client().send(hello_for_a_example().substr(0, 20));
  world_.settle();
  world_.advance(1999ms);
  world_.settle();
  EXPECT_FALSE(reason_);
  world_.advance(2ms);
  ASSERT_TRUE(decides());
  EXPECT_EQ(reason_, Reason::tls_hello_timeout);
  ASSERT_TRUE(world_.run_until([&] { return client().closed() && server().closed(); }));
  EXPECT_TRUE(client().error());
}

TEST_P(SniCheckTest, HearsOfAServerThatGoes) {
  begin("a.example");
  server().reset();
  ASSERT_TRUE(decides());
  EXPECT_EQ(reason_, Reason::tunnel_upstream_reset);
}

}  // namespace
}  // namespace culvert::proxy
