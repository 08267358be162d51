// What would break: a server that is back would stay left out, or one that is not would be asked without end or in step.
#include "proxy/health_probe.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "proxy/scripted_resolver.hpp"
#include "support/world.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;

// Refuses until it is told otherwise.
class Refusing final : public Connector {
 public:
  explicit Refusing(test::World& world) : world_(world) {}
  Result<std::unique_ptr<Transport>> connect(const Address& address, const ConnectOptions&) override {
    dialled.push_back(address.to_string());
    if (!reachable) return std::make_error_code(std::errc::connection_refused);
    return std::unique_ptr<Transport>(world_.connect().first);
  }
  std::vector<std::string> dialled;
  bool reachable = false;

 private:
  test::World& world_;
};

struct HealthProbeTest : ::testing::Test, HealthProbe::Owner {
  void on_reachable() noexcept override {
    ++told;
    probe.reset();
  }
  void begin(const Address& address) {
    probe.emplace(HealthProbe::World{world.loop(), network, resolver}, address, 1s, static_cast<HealthProbe::Owner&>(*this));
  }
  void pass(std::chrono::milliseconds time) {
    world.advance(time);
    world.settle();
  }

  test::World world{test::World::Kind::memory};
  ScriptedResolver resolver;
  Refusing network{world};
  std::optional<HealthProbe> probe;
  int told = 0;
};

TEST_F(HealthProbeTest, LooksAtEachIntervalATenthMoreOrLessAndTellsOnce) {
  begin(Address::of(*Endpoint::parse_ip("10.0.0.1", 3128)));
  pass(890ms);
  EXPECT_EQ(network.dialled.size(), 0u);
  for (std::size_t looks = 1; looks <= 3; ++looks) {
    pass(1300ms);
    EXPECT_EQ(network.dialled.size(), looks);
  }
  EXPECT_EQ(told, 0);
  network.reachable = true;
  pass(1300ms);
  EXPECT_EQ(told, 1);
  pass(5s);
  EXPECT_EQ(network.dialled.size(), 4u) << "it goes on looking";
  EXPECT_FALSE(world.loop().referenced()) << "it keeps a program alive";
}

TEST_F(HealthProbeTest, ANameIsLookedUpForEachLook) {
  begin(Address{.kind = Address::Kind::name, .ip = {}, .text = "proxy.test", .port = 3128});
  pass(1300ms);
  resolver.answer({"10.0.0.1"});
  world.settle();
  network.reachable = true;
  pass(1300ms);
  resolver.answer({"10.0.0.2", "10.0.0.3"});
  world.settle();
  EXPECT_EQ(network.dialled, (std::vector<std::string>{"10.0.0.1:3128", "10.0.0.2:3128"}));
  EXPECT_EQ(told, 1);
}

TEST_F(HealthProbeTest, AnAnswerThatComesTooLateIsNotWaitedFor) {
  begin(Address{.kind = Address::Kind::name, .ip = {}, .text = "proxy.test", .port = 3128});
  pass(1300ms);
  pass(1300ms);
  EXPECT_EQ(resolver.names.size(), 2u);
  resolver.answer({"10.0.0.1"});  // to the first question
  world.settle();
  EXPECT_EQ(network.dialled.size(), 0u);
}

}  // namespace
}  // namespace culvert::proxy
