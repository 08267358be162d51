// What would break: a name would be looked up once for each request, an answer would reach somebody who has gone, or
// run on a thread that it does not belong to.
#include "net/pool_resolver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <atomic>
#include <latch>
#include <map>
#include <mutex>
#include <thread>

#include "net/epoll_loop.hpp"

namespace culvert::net {
namespace {

using namespace std::chrono_literals;

Endpoint address(std::uint8_t last) {
  Endpoint endpoint{.family = Endpoint::Family::ipv4};
  endpoint.address = {192, 0, 2, last};
  return endpoint;
}

class ResolverTest : public ::testing::Test {
 protected:
  bool run_until(const std::function<bool()>& done) {
    for (int i = 0; i < 500 && !done(); ++i) loop_.turn(10ms);
    return done();
  }
  EpollLoop loop_;
};

TEST_F(ResolverTest, AnswersOnTheLoopThatAskedWithThePortAsked) {
  PoolResolver resolver([](const std::string&, const LookupOptions&) -> Result<Endpoints> {
    return Endpoints{address(1), address(2)};
  });
  Endpoints got;
  std::thread::id thread;
  const Resolution wait = resolver.resolve(loop_, "name", 8080, {}, [&](Result<Endpoints> answer) {
    got = *answer;
    thread = std::this_thread::get_id();
  });
  EXPECT_TRUE(wait);
  EXPECT_TRUE(got.empty());
  ASSERT_TRUE(run_until([&] { return !got.empty(); }));
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].address, address(1).address);
  EXPECT_EQ(got[1].port, 8080);
  EXPECT_EQ(thread, std::this_thread::get_id());
}

TEST_F(ResolverTest, TellsWhyThereIsNoAnswer) {
  PoolResolver resolver([](const std::string&, const LookupOptions&) -> Result<Endpoints> {
    return errc::name_not_found;
  });
  std::error_code error;
  const auto note = [&](Result<Endpoints> answer) { error = answer.error(); };
  const Resolution wait = resolver.resolve(loop_, "name", 1, {}, note);
  ASSERT_TRUE(run_until([&] { return bool(error); }));
  EXPECT_EQ(error, errc::name_not_found);
}

TEST_F(ResolverTest, QuestionsForOneNameShareALookup) {
  std::latch both_asked(1);
  std::atomic<int> lookups = 0;
  PoolResolver resolver([&](const std::string&, const LookupOptions&) -> Result<Endpoints> {
    ++lookups;
    both_asked.wait();
    return Endpoints{address(1)};
  });
  std::vector<std::uint16_t> ports;
  const auto note = [&](Result<Endpoints> answer) { ports.push_back(answer->front().port); };
  const Resolution first = resolver.resolve(loop_, "name", 1, {}, note);
  const Resolution second = resolver.resolve(loop_, "name", 2, {}, note);
  both_asked.count_down();
  ASSERT_TRUE(run_until([&] { return ports.size() == 2; }));
  EXPECT_EQ(lookups, 1);
  EXPECT_EQ(ports, (std::vector<std::uint16_t>{1, 2}));

  const Resolution later = resolver.resolve(loop_, "name", 3, {}, note);  // answers are not kept
  ASSERT_TRUE(run_until([&] { return ports.size() == 3; }));
  EXPECT_EQ(lookups, 2);
}

TEST_F(ResolverTest, QuestionsOfAnotherKindDoNotShareIt) {
  std::mutex mutex;
  std::vector<std::pair<int, int>> lookups;  // guarded by mutex
  std::latch all_asked(1);
  PoolResolver resolver([&](const std::string&, const LookupOptions& options) -> Result<Endpoints> {
    all_asked.wait();
    const std::lock_guard lock(mutex);
    lookups.emplace_back(options.family, options.hints);
    return Endpoints{address(static_cast<std::uint8_t>(10 * options.family + options.hints))};
  });
  std::map<std::uint16_t, int> last_bytes;  // by the port asked for
  const auto ask = [&](std::uint16_t port, const LookupOptions& options) {
    return resolver.resolve(loop_, "name", port, options, [&](Result<Endpoints> answer) {
      last_bytes[answer->front().port] = answer->front().address[3];
    });
  };
  const Resolution any = ask(1, {});
  const Resolution v4 = ask(2, {.family = 4});
  const Resolution v4_again = ask(3, {.family = 4});
  const Resolution hinted = ask(4, {.family = 4, .hints = 2});
  all_asked.count_down();
  ASSERT_TRUE(run_until([&] { return last_bytes.size() == 4; }));
  EXPECT_THAT(last_bytes, testing::ElementsAre(testing::Pair(1, 0), testing::Pair(2, 40), testing::Pair(3, 40),
                                               testing::Pair(4, 42)));
  const std::lock_guard lock(mutex);
  EXPECT_THAT(lookups, testing::UnorderedElementsAre(testing::Pair(0, 0), testing::Pair(4, 0), testing::Pair(4, 2)));
}

TEST_F(ResolverTest, ASlowNameHoldsNoOtherUp) {
  std::latch release(1);
  PoolResolver resolver([&](const std::string& name, const LookupOptions&) -> Result<Endpoints> {
    if (name == "slow") release.wait();
    return Endpoints{address(1)};
  });
  std::string order;
  const Resolution slow = resolver.resolve(loop_, "slow", 1, {}, [&](Result<Endpoints>) { order += "slow"; });
  const Resolution quick = resolver.resolve(loop_, "quick", 1, {}, [&](Result<Endpoints>) { order += "quick "; });
  EXPECT_TRUE(run_until([&] { return !order.empty(); }));
  release.count_down();
  ASSERT_TRUE(run_until([&] { return order == "quick slow"; })) << order;
}

TEST_F(ResolverTest, NobodyHearsAfterTheResolutionIsGone) {
  std::latch dropped(1);
  PoolResolver resolver([&](const std::string&, const LookupOptions&) -> Result<Endpoints> {
    dropped.wait();
    return Endpoints{address(1)};
  });
  bool called = false;
  bool other_called = false;
  Resolution wait = resolver.resolve(loop_, "name", 1, {}, [&](Result<Endpoints>) { called = true; });
  const Resolution other = resolver.resolve(loop_, "name", 1, {}, [&](Result<Endpoints>) { other_called = true; });
  wait = {};
  EXPECT_FALSE(wait);
  dropped.count_down();
  ASSERT_TRUE(run_until([&] { return other_called; }));
  EXPECT_FALSE(called);
}

TEST_F(ResolverTest, TheResolutionMayGoWhileTheAnswerIsGiven) {
  PoolResolver resolver([](const std::string&, const LookupOptions&) -> Result<Endpoints> {
    return Endpoints{address(1)};
  });
  Resolution wait;
  const std::string text = "captured by value, gone with the callback if it were destroyed too early";
  std::string seen;
  wait = resolver.resolve(loop_, "name", 1, {}, [&, text](Result<Endpoints>) {
    wait = {};
    seen = text;
  });
  ASSERT_TRUE(run_until([&] { return !seen.empty(); }));
  EXPECT_EQ(seen, text);
}

// A name, or a service where it has no port.
Address place(std::string_view text, std::uint16_t port = 0) {
  const auto kind = port == 0 ? Address::Kind::service : Address::Kind::name;
  return {.kind = kind, .ip = {}, .text = std::string(text), .port = port};
}

TEST_F(ResolverTest, TellsWhereAServiceIs) {
  PoolResolver resolver(PoolResolver::system_lookup, [](const Address& asked, const LookupOptions&) -> Result<Whereabouts> {
    EXPECT_EQ(asked.to_string(), "srv:_http._tcp.api");
    return Whereabouts{.hosts = {{.host = "a.api", .port = 8001, .priority = 1, .weight = 2, .endpoints = {address(1)}}},
                       .lifetime = 7s};
  });
  Whereabouts got;
  const WhereResolution wait = resolver.locate(loop_, place("_http._tcp.api"), {}, [&](Result<Whereabouts> answer) {
    got = *answer;
  });
  ASSERT_TRUE(run_until([&] { return !got.hosts.empty(); }));
  EXPECT_EQ(got.hosts[0].host, "a.api");
  EXPECT_EQ(got.hosts[0].weight, 2);
  EXPECT_EQ(got.hosts[0].endpoints[0].address, address(1).address);
  EXPECT_EQ(got.lifetime, 7s);
}

TEST_F(ResolverTest, AHostIsNoServiceOfTheSameName) {
  std::mutex mutex;
  std::vector<std::string> asked;  // guarded by mutex
  std::latch all_asked(1);
  PoolResolver resolver(PoolResolver::system_lookup, [&](const Address& address, const LookupOptions&) -> Result<Whereabouts> {
    all_asked.wait();
    const std::lock_guard lock(mutex);
    asked.push_back(address.to_string());
    return errc::name_not_found;
  });
  int answers = 0;
  const auto count = [&](Result<Whereabouts>) { ++answers; };
  const WhereResolution host = resolver.locate(loop_, place("_http._tcp.api", 80), {}, count);
  const WhereResolution again = resolver.locate(loop_, place("_http._tcp.api", 80), {}, count);
  const WhereResolution service = resolver.locate(loop_, place("_http._tcp.api"), {}, count);
  all_asked.count_down();
  ASSERT_TRUE(run_until([&] { return answers == 3; }));
  const std::lock_guard lock(mutex);
  EXPECT_THAT(asked, testing::UnorderedElementsAre("_http._tcp.api:80", "srv:_http._tcp.api"));
}

// One that knows addresses and no records.
class PlainResolver final : public Resolver {
 public:
  Resolution resolve(Loop& loop, const std::string& name, std::uint16_t port, const LookupOptions&, Done done) override {
    EXPECT_EQ(name, "api");
    question = std::make_shared<Question>(Question{loop, port, std::move(done)});
    return Resolution(question);
  }
  std::shared_ptr<Question> question;
};

TEST_F(ResolverTest, OneWithoutRecordsTellsWhereItsAddressesAre) {
  PlainResolver resolver;
  Whereabouts got;
  WhereResolution wait = resolver.locate(loop_, place("api", 80), {}, [&](Result<Whereabouts> answer) {
    got = *answer;
    wait = {};
  });
  ASSERT_NE(resolver.question, nullptr);
  Resolver::Done done = std::move(resolver.question->done);
  done(Endpoints{address(1)});
  ASSERT_EQ(got.hosts.size(), 1u);
  EXPECT_EQ(got.hosts[0].host, "api");
  EXPECT_EQ(got.hosts[0].port, 80);
  EXPECT_FALSE(got.lifetime);
  wait = resolver.locate(loop_, place("api", 80), {}, [&](Result<Whereabouts>) { ADD_FAILURE(); });
  wait = {};
  EXPECT_FALSE(resolver.question->done) << "nobody waits";
}

TEST_F(ResolverTest, OneWithoutRecordsKnowsNoService) {
  PlainResolver resolver;
  std::error_code error;
  const WhereResolution wait =
      resolver.locate(loop_, place("_http._tcp.api"), {}, [&](Result<Whereabouts> answer) { error = answer.error(); });
  EXPECT_FALSE(error);
  ASSERT_TRUE(run_until([&] { return bool(error); }));
  EXPECT_EQ(error, errc::name_not_found);
}

TEST(SystemLookup, AsksNobodyForLocalhost) {
  for (const char* name : {"localhost", "LocalHost", "api.localhost"}) {
    Result<Endpoints> found = PoolResolver::system_lookup(name, {});
    ASSERT_TRUE(found) << name;
    EXPECT_THAT(*found, testing::ElementsAre(*Endpoint::parse_ip("127.0.0.1"), *Endpoint::parse_ip("::1"))) << name;
  }
}

TEST(SystemLookup, LocalhostOfOneFamily) {
  Result<Endpoints> v4 = PoolResolver::system_lookup("localhost", {.family = 4});
  ASSERT_TRUE(v4);
  EXPECT_THAT(*v4, testing::ElementsAre(*Endpoint::parse_ip("127.0.0.1")));
  Result<Endpoints> v6 = PoolResolver::system_lookup("localhost", {.family = 6});
  ASSERT_TRUE(v6);
  EXPECT_THAT(*v6, testing::ElementsAre(*Endpoint::parse_ip("::1")));
}

TEST(SystemLookup, AnAddressOfTheOtherFamilyIsNone) {
  EXPECT_EQ(PoolResolver::system_lookup("127.0.0.1", {.family = 6}).error(), errc::name_not_found);
  EXPECT_EQ(PoolResolver::system_lookup("::1", {.family = 4}).error(), errc::name_not_found);
  EXPECT_TRUE(PoolResolver::system_lookup("127.0.0.1", {.family = 4}));
}

TEST(SystemLookup, HintsReachTheSystem) {
  Result<Endpoints> mapped = PoolResolver::system_lookup("127.0.0.1", {.family = 6, .hints = AI_V4MAPPED});
  ASSERT_TRUE(mapped);
  EXPECT_THAT(*mapped, testing::ElementsAre(*Endpoint::parse_ip("::ffff:127.0.0.1")));
}

TEST(SystemLookup, KnowsAddressesAndRefusesNonsense) {
  Result<Endpoints> found = PoolResolver::system_lookup("127.0.0.1", {});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->front().address[0], 127);
  EXPECT_EQ(PoolResolver::system_lookup("no such name", {}).error(), errc::name_not_found);
}

}  // namespace
}  // namespace culvert::net
