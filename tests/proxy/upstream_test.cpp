// If these fail, one server gets all the work, a server that has just failed is tried again, or a name that moved (or
// that nobody can resolve right now) takes the site down.
#include "culvert/http.hpp"
#include "proxy/upstream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "proxy/scripted_resolver.hpp"
#include "support/world.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;

struct CountingWaiter final : Upstream::Waiter {
  void on_try_again() noexcept override { ++calls; }
  int calls = 0;
};

class UpstreamTest : public ::testing::Test {
 protected:
  Upstream& with(std::vector<config::UpstreamServer> servers) {
    settings.servers = std::move(servers);
    upstream = make_ref<Upstream>(settings, http, FleetSeat{fleets, 0});
    return *upstream;
  }
  static Address ip(std::string_view text) {
    return Address::of(*Endpoint::parse_ip(text, 80));
  }
  static Address name(std::string_view text) {
    return {.kind = Address::Kind::name, .ip = {}, .text = std::string(text), .port = 80};
  }
  // Whose turn it is, of all; null: nobody's.
  static Backend* next_of(Upstream& of) {
    std::uint64_t tried = 0;
    return of.choose(tried);
  }
  // The address that is next; empty where there is none.
  std::string next() {
    const Backend* const backend = next_of(*upstream);
    return backend == nullptr ? "" : backend->address.to_string();
  }
  Upstream& named() { return with({name("api.test")}); }
  void pass(Duration time) {
    world.advance(time);
    world.settle();
  }

  test::World world;
  ScriptedResolver resolver;
  Http http{world.loop(), world.network(), resolver};
  Fleets fleets{1};
  config::Upstream settings;
  Ref<Upstream> upstream;
};

using Choosing = UpstreamTest;
using Resolving = UpstreamTest;

TEST_F(Choosing, TakesServersInTurn) {
  Upstream& three = with({ip("10.0.0.1"), ip("10.0.0.2"), ip("10.0.0.3")});
  EXPECT_EQ(three.servers(), 3u);
  std::vector<std::string> turns;
  for (int i = 0; i < 7; ++i) turns.push_back(next_of(three)->text);
  const std::vector<std::string> all = {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"};
  const auto first = std::find(all.begin(), all.end(), turns[0]) - all.begin();  // it begins anywhere
  for (std::size_t i = 0; i < turns.size(); ++i) EXPECT_EQ(turns[i], all[(static_cast<std::size_t>(first) + i) % 3]);
}

TEST_F(Choosing, LeavesOutWhatWasTriedUntilNoneIsLeft) {
  Upstream& three = with({ip("10.0.0.1"), ip("10.0.0.2"), ip("10.0.0.3")});
  std::uint64_t tried = 0;
  std::vector<Backend*> seen;
  for (int i = 0; i < 3; ++i) {
    seen.push_back(three.choose(tried));
    next_of(three);  // others take their turns in between
  }
  EXPECT_NE(seen[0], seen[1]);
  EXPECT_NE(seen[1], seen[2]);
  EXPECT_NE(seen[0], seen[2]);
  EXPECT_EQ(three.choose(tried), nullptr);
  EXPECT_EQ(three.choose(tried), nullptr);
}

TEST_F(Choosing, AddressesAndUnixSocketsNeedNoResolver) {
  const Address socket{.kind = Address::Kind::unix_path, .ip = {}, .text = "/run/api.sock", .port = 0};
  Upstream& two = with({ip("10.0.0.1"), socket});
  EXPECT_NE(next_of(two), nullptr);
  world.advance(24h);
  EXPECT_NE(next_of(two), nullptr);
  EXPECT_TRUE(resolver.names.empty());
}

// Servers of an upstream, by their last number.
config::UpstreamServer server(int number) {
  return Address::of(*Endpoint::parse_ip("10.0.0." + std::to_string(number), 80));
}

TEST_F(Choosing, BackupsAreForWhenNoOtherCanBeUsed) {
  config::UpstreamServer backup = server(3);
  backup.backup = true;
  Upstream& api = with({server(1), server(2), backup});
  settings.outlier.max_ejected_percent = 100;
  for (int i = 0; i < 6; ++i) EXPECT_NE(next(), "10.0.0.3:80");
  const auto fleet = fleets.fleet("[upstream.]");
  fleet->set_failing(*fleet->backend("10.0.0.1:80"), true, world.loop().now());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(next(), "10.0.0.2:80");
  fleet->set_failing(*fleet->backend("10.0.0.2:80"), true, world.loop().now());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(next(), "10.0.0.3:80");
  std::uint64_t tried = 0;
  EXPECT_EQ(api.choose(tried)->address.to_string(), "10.0.0.3:80");
  EXPECT_EQ(api.choose(tried)->address.to_string(), "10.0.0.1:80") << "where nobody else is left, those left out are asked";
}

TEST_F(Choosing, OneThatIsDrainedGetsNothingNew) {
  config::UpstreamServer leaving = server(1);
  leaving.drain = true;
  Upstream& api = with({leaving, server(2)});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(next(), "10.0.0.2:80");
  std::uint64_t tried = 0;
  ASSERT_NE(api.choose(tried), nullptr);
  EXPECT_EQ(api.choose(tried), nullptr) << "not even where nobody else is left";
}

TEST_F(Choosing, InAPanicAllAreUsed) {
  settings.panic_percent = 50;
  with({server(1), server(2), server(3)});
  const auto fleet = fleets.fleet("[upstream.]");
  fleet->set_failing(*fleet->backend("10.0.0.1:80"), true, world.loop().now());
  for (int i = 0; i < 6; ++i) EXPECT_NE(next(), "10.0.0.1:80");
  fleet->set_failing(*fleet->backend("10.0.0.2:80"), true, world.loop().now());
  std::set<std::string> seen;
  for (int i = 0; i < 3; ++i) seen.insert(next());
  EXPECT_EQ(seen.size(), 3u) << "one of three is less than half";
}

TEST_F(Choosing, OneThatWasLeftOutComesBackInTime) {
  Upstream& api = with({server(1), server(2)});
  settings.outlier.consecutive_failures = 5;
  std::uint64_t tried = 0;
  Backend* const bad = api.choose(tried);
  for (int i = 0; i < 5; ++i) api.failed(*bad, Reason::upstream_connect_refused);
  for (int i = 0; i < 4; ++i) EXPECT_NE(next_of(api), bad);
  world.advance(settings.outlier.eject_for);
  EXPECT_TRUE(next_of(api) == bad || next_of(api) == bad);
}

TEST_F(Choosing, WhatIsKnownOfAServerOutlivesTheUpstream) {
  Upstream& api = with({server(1), server(2)});
  std::uint64_t tried = 0;
  Backend* const bad = api.choose(tried);
  const std::string address = bad->address.to_string();
  for (int i = 0; i < 5; ++i) api.failed(*bad, Reason::upstream_connect_refused);
  const Ref<Upstream> before = upstream;
  settings.response_timeout = 1s;  // a reload has changed something else
  with({server(1), server(2)});
  for (int i = 0; i < 4; ++i) EXPECT_NE(next(), address);
}

TEST_F(Choosing, ACookieLeadsToItsServer) {
  Upstream& api = with({server(1), server(2), server(3)});
  std::uint64_t tried = 0;
  Backend* const mine = api.choose(tried);
  tried = 0;
  EXPECT_EQ(api.by_id(mine->id, tried), mine);
  EXPECT_EQ(tried, mine->bit);
  EXPECT_EQ(api.by_id(mine->id, tried), nullptr) << "it was tried";
  tried = 0;
  EXPECT_EQ(api.by_id(12345, tried), nullptr);
  const auto fleet = fleets.fleet("[upstream.]");
  fleet->set_failing(*mine->state, true, world.loop().now());
  EXPECT_EQ(api.by_id(mine->id, tried), nullptr);
}

TEST_F(Resolving, BeginsAtOnceAndTellsThoseWhoWait) {
  Upstream& api = named();
  EXPECT_EQ(resolver.names, std::vector<std::string>{"api.test"});
  EXPECT_EQ(next(), "");
  EXPECT_TRUE(api.resolving());
  CountingWaiter first;
  CountingWaiter second;
  CountingWaiter left;
  api.wait(first);
  api.wait(second);
  api.wait(left);
  left.unlink();
  resolver.answer({"10.0.0.1"});
  EXPECT_EQ(first.calls, 1);
  EXPECT_EQ(second.calls, 1);
  EXPECT_EQ(left.calls, 0);
  EXPECT_FALSE(first.linked());
  EXPECT_FALSE(api.resolving());
  EXPECT_EQ(next(), "10.0.0.1:80");
  EXPECT_EQ(next_of(api)->text, "api.test:80") << "as it is written, for logs";
}

TEST_F(Resolving, EachAddressOfANameIsABackend) {
  named();
  resolver.answer({"10.0.0.1", "2001:db8::1"});
  EXPECT_EQ(next(), "") << "until it is known which of them answer";
  EXPECT_TRUE(upstream->resolving());
  world.settle();  // none does
  std::vector<std::string> turns;
  for (int i = 0; i < 4; ++i) turns.push_back(next());
  EXPECT_EQ(turns[0], turns[2]);
  EXPECT_EQ(turns[1], turns[3]);
  std::ranges::sort(turns);
  EXPECT_EQ(turns[0], "10.0.0.1:80");
  EXPECT_EQ(turns[3], "[2001:db8::1]:80");
}

TEST_F(Resolving, AnotherAddressOfTheSameServerCanBeTried) {
  Upstream& api = with({name("api.test"), ip("10.0.0.9")});
  resolver.answer({"10.0.0.1", "10.0.0.2"});
  std::uint64_t tried = 0;
  Backend* first = api.choose(tried);
  if (first->text == "10.0.0.9:80") first = api.choose(tried);
  Backend* const other = api.sibling(*first, tried);
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->text, "api.test:80");
  EXPECT_NE(other, first);
  EXPECT_EQ(api.sibling(*first, tried | other->bit), nullptr);
  tried = first->bit;
  api.rule_out(*first, tried);
  EXPECT_EQ(tried, first->bit | other->bit);
}

TEST_F(Resolving, AsksAgainWhenTheAnswerIsOld) {
  settings.resolve = 30s;
  named();
  resolver.answer({"10.0.0.1"});
  pass(29'999ms);
  EXPECT_EQ(resolver.names.size(), 1u);
  pass(1ms);
  EXPECT_EQ(resolver.names.size(), 2u) << "without a request";
  EXPECT_EQ(next(), "10.0.0.1:80") << "the old address does until the new one is known";
  EXPECT_EQ(next(), "10.0.0.1:80");
  EXPECT_EQ(resolver.names.size(), 2u) << "one question at a time";
  resolver.answer({"10.0.0.2"});
  EXPECT_EQ(next(), "10.0.0.2:80");
}

TEST_F(Resolving, ABackendWhoseAddressStaysIsTheSame) {
  settings.resolve = 30s;
  Upstream& api = named();
  resolver.answer({"10.0.0.1", "10.0.0.2"});
  std::uint64_t tried = 0;
  Backend* kept = api.choose(tried);
  if (kept->address == ip("10.0.0.2")) kept = api.choose(tried);
  pass(30s);
  resolver.answer({"10.0.0.3", "10.0.0.1"});
  tried = 0;
  const Backend* const first = api.choose(tried);
  const Backend* const second = api.choose(tried);
  EXPECT_TRUE(first == kept || second == kept);
  EXPECT_EQ(api.choose(tried), nullptr) << "10.0.0.2 has gone";
}

TEST_F(Resolving, NeverAsksAgainWithoutALimit) {
  settings.resolve = config::no_limit;
  named();
  resolver.answer({"10.0.0.1"});
  pass(24h);
  EXPECT_EQ(next(), "10.0.0.1:80");
  EXPECT_EQ(resolver.names.size(), 1u);
}

TEST_F(Resolving, KeepsTheLastGoodAnswer) {
  settings.resolve = 30s;
  named();
  resolver.answer({"10.0.0.1"});
  pass(30s);
  resolver.fail(errc::name_not_found);
  EXPECT_EQ(next(), "10.0.0.1:80");
  EXPECT_EQ(resolver.names.size(), 2u) << "not with every request";
  pass(1s);
  EXPECT_EQ(resolver.names.size(), 3u);
  resolver.answer({});  // no address at all counts as no answer
  EXPECT_EQ(next(), "10.0.0.1:80");
}

TEST_F(Resolving, AFailureIsFollowedByQuestionsLessAndLessOften) {
  named();
  resolver.answer({"10.0.0.1"});
  pass(30s);
  std::size_t asked = resolver.names.size();
  for (const std::chrono::milliseconds wait : {1s, 2s, 4s, 8s, 10s, 10s}) {
    resolver.fail(errc::name_not_found);
    pass(wait - 1ms);
    EXPECT_EQ(resolver.names.size(), asked);
    pass(1ms);
    EXPECT_EQ(resolver.names.size(), ++asked) << wait.count();
  }
  resolver.answer({"10.0.0.2"});
  pass(29'999ms);
  EXPECT_EQ(resolver.names.size(), asked) << "one that is answered is as before";
  pass(1ms);
  resolver.fail(errc::name_not_found);
  pass(1s);
  EXPECT_EQ(resolver.names.size(), asked + 2) << "and so is the next failure";
}

TEST_F(Resolving, ADrainedUpstreamAsksNoMore) {
  Upstream& api = named();
  resolver.answer({"10.0.0.1"});
  api.drain();
  pass(24h);
  EXPECT_EQ(resolver.names.size(), 1u);
  Upstream& waiting = named();
  waiting.drain();
  resolver.answer({"10.0.0.1"});
  pass(24h);
  EXPECT_EQ(resolver.names.size(), 2u);
}

TEST_F(Resolving, FailsAndAsksAgainSoon) {
  settings.resolve = 30s;
  Upstream& api = named();
  CountingWaiter waiter;
  api.wait(waiter);
  resolver.fail(errc::name_not_found);
  EXPECT_EQ(waiter.calls, 1);
  EXPECT_EQ(next(), "");
  EXPECT_FALSE(api.resolving());
  EXPECT_EQ(api.name_error(), errc::name_not_found);
  EXPECT_EQ(resolver.names.size(), 1u);
  pass(1s);
  EXPECT_EQ(next(), "");
  EXPECT_EQ(resolver.names.size(), 2u);
  EXPECT_TRUE(api.resolving()) << "whoever comes now waits for the new answer";
  resolver.answer({"10.0.0.1"});
  EXPECT_EQ(next(), "10.0.0.1:80");
}

TEST_F(Resolving, CountsAnEmptyAnswerAsAFailure) {
  Upstream& api = named();
  resolver.answer({});
  EXPECT_EQ(next(), "");
  EXPECT_EQ(api.name_error(), errc::name_not_found);
}

TEST_F(Resolving, WhatHasAnAddressIsUsedWhileANameIsLookedUp) {
  with({name("api.test"), ip("10.0.0.9")});
  EXPECT_EQ(next(), "10.0.0.9:80");
}

TEST_F(Resolving, WhatIsPreferredIsWaitedFor) {
  settings.balance = config::Balance::first;
  Upstream& api = with({name("api.test"), ip("10.0.0.9")});
  EXPECT_EQ(next(), "");
  EXPECT_TRUE(api.resolving());
  resolver.answer({"10.0.0.1"});
  EXPECT_EQ(next(), "10.0.0.1:80");
  EXPECT_EQ(next(), "10.0.0.1:80");
}

TEST_F(Resolving, IsForgottenWithTheUpstream) {
  named();
  upstream = nullptr;
  resolver.answer({"10.0.0.1"});  // nobody is there to hear it
}

// A host with an address of each family, of which the IPv6 one is nobody's until somebody listens there.
class Families : public UpstreamTest {
 protected:
  Upstream& both() {
    Address host = name("both.test");
    host.port = world.address().ip.port;
    Upstream& api = with({host});
    resolver.answer({"::1", "127.0.0.1"});
    world.settle();
    return api;
  }
  void listen() {
    acceptor = std::move(*world.network().listen({.address = Address::of(v6)}, [](auto) {}, [](auto) {}));
    pass(6s);
  }
  std::set<std::string> used() {
    std::set<std::string> seen;
    for (int i = 0; i < 4; ++i) seen.insert(next());
    return seen;
  }

  const Endpoint v6 = *Endpoint::parse_ip("::1", world.address().ip.port);
  const std::set<std::string> only_v4 = {world.address().to_string()};
  const std::set<std::string> all = {world.address().to_string(), v6.to_string()};
  std::unique_ptr<Acceptor> acceptor;
};

TEST_F(Families, OneThatDoesNotAnswerIsLeftOutUntilItDoes) {
  Upstream& api = both();
  EXPECT_EQ(used(), only_v4);
  std::uint64_t tried = 0;
  const Backend* const only = api.choose(tried);
  ASSERT_NE(only, nullptr);
  EXPECT_EQ(api.sibling(*only, tried), nullptr);
  EXPECT_EQ(api.choose(tried), nullptr) << "not even as a last resort";
  listen();
  EXPECT_EQ(used(), all);
}

TEST_F(Families, AConnectionThatTimesOutPutsItsFamilyAside) {
  Upstream& api = both();
  listen();
  Backend* backend = next_of(api);
  while (backend->address.ip.family != Endpoint::Family::ipv6) backend = next_of(api);
  api.failed(*backend, Reason::upstream_connect_refused);
  EXPECT_EQ(used(), all) << "somebody is there";
  api.failed(*backend, Reason::upstream_connect_timeout);
  EXPECT_EQ(used(), only_v4);
  pass(6s);
  EXPECT_EQ(used(), all);
}

TEST_F(Families, ARaceThatNobodyWinsEnds) {
  settings.connect_timeout = 2s;
  with({name("api.test")});
  CountingWaiter waiter;
  upstream->wait(waiter);
  resolver.answer({"10.0.0.1", "2001:db8::1"});
  world.settle();
  EXPECT_GE(waiter.calls, 1);
  EXPECT_EQ(used().size(), 2u);
}

TEST_F(Families, WhoIsPutAsideIsNoReasonForAPanic) {
  settings.panic_percent = 100;
  both();
  EXPECT_EQ(used(), only_v4);
}

// Targets of a service, as its records have them.
class Service : public UpstreamTest {
 protected:
  Upstream& service() {
    return with({Address{.kind = Address::Kind::service, .ip = {}, .text = "_http._tcp.api", .port = 0}});
  }
  static NamedHost target(std::string host, std::uint16_t priority, std::uint16_t weight, std::string_view address) {
    NamedHost target{.host = std::move(host), .port = 8001, .priority = priority, .weight = weight, .endpoints = {}};
    if (!address.empty()) target.endpoints.push_back(*Endpoint::parse_ip(address, 8001));
    return target;
  }
  void answer(std::vector<NamedHost> hosts) { resolver.answer_service(Whereabouts{.hosts = std::move(hosts), .lifetime = {}}); }
  // How often each has its turn.
  std::map<std::string, int> turns(int count) {
    std::map<std::string, int> seen;
    for (int i = 0; i < count; ++i) ++seen[next()];
    return seen;
  }
};
using Turns = std::map<std::string, int>;

TEST_F(Service, EachTargetIsABackendWithItsPortAndName) {
  Upstream& api = service();
  EXPECT_TRUE(api.resolving());
  answer({target("a.api", 0, 1, "10.0.0.1"), target("b.api", 0, 1, "10.0.0.2")});
  EXPECT_EQ(turns(4), (Turns{{"10.0.0.1:8001", 2}, {"10.0.0.2:8001", 2}}));
  std::set<std::string> texts = {next_of(api)->text, next_of(api)->text};
  EXPECT_EQ(texts, (std::set<std::string>{"a.api:8001", "b.api:8001"}));
  EXPECT_EQ(api.servers(), 2u) << "each is worth a try";
}

TEST_F(Service, WeightsMultiplyAndZeroIsTheLeast) {
  config::UpstreamServer server(Address{.kind = Address::Kind::service, .ip = {}, .text = "_http._tcp.api", .port = 0});
  server.weight = 2;
  config::UpstreamServer other = ip("10.0.0.9");
  other.weight = 1;
  with({server, other});
  answer({target("a.api", 0, 3, "10.0.0.1"), target("b.api", 0, 0, "10.0.0.2")});
  EXPECT_EQ(turns(9), (Turns{{"10.0.0.1:8001", 6}, {"10.0.0.2:8001", 2}, {"10.0.0.9:80", 1}}));
}

TEST_F(Service, OnlyTheLowestPriorityIsUsedAsLongAsItCanBe) {
  service();
  answer({target("c.api", 20, 1, "10.0.0.3"), target("a.api", 10, 1, "10.0.0.1"), target("d.api", 30, 1, "10.0.0.4")});
  EXPECT_EQ(turns(3), (Turns{{"10.0.0.1:8001", 3}}));
  const auto fleet = fleets.fleet("[upstream.]");
  fleet->set_failing(*fleet->backend("10.0.0.1:8001"), true, world.loop().now());
  EXPECT_EQ(turns(4), (Turns{{"10.0.0.3:8001", 2}, {"10.0.0.4:8001", 2}}));
}

TEST_F(Service, ATargetWithoutAddressesKeepsTheLastGoodOnes) {
  settings.resolve = 30s;
  service();
  answer({target("a.api", 0, 1, "10.0.0.1"), target("b.api", 0, 1, "10.0.0.2")});
  pass(30s);
  answer({target("a.api", 0, 1, ""), target("b.api", 0, 1, "10.0.0.3")});
  EXPECT_EQ(turns(4), (Turns{{"10.0.0.1:8001", 2}, {"10.0.0.3:8001", 2}}));
  pass(30s);
  answer({target("b.api", 0, 1, "10.0.0.3")});
  EXPECT_EQ(turns(2), (Turns{{"10.0.0.3:8001", 2}})) << "one that the records do not have any more has gone";
}

TEST_F(Service, AFailureKeepsTheLastGoodTargets) {
  settings.resolve = 30s;
  Upstream& api = service();
  answer({target("a.api", 0, 1, "10.0.0.1")});
  for (const auto& failure : {Result<Whereabouts>(errc::name_not_found), Result<Whereabouts>(Whereabouts{})}) {
    pass(30s);
    resolver.answer_service(failure);
    EXPECT_EQ(next(), "10.0.0.1:8001");
    EXPECT_FALSE(api.name_error());
  }
}

TEST_F(Service, WhatChangesInARecordChangesItsBackend) {
  settings.resolve = 30s;
  Upstream& api = service();
  answer({target("a.api", 0, 1, "10.0.0.1"), target("b.api", 0, 1, "10.0.0.2")});
  const std::set<Backend*> before = {next_of(api), next_of(api)};
  pass(30s);
  answer({target("a.api", 0, 3, "10.0.0.1"), target("b.api", 0, 1, "10.0.0.2")});
  EXPECT_EQ(turns(4), (Turns{{"10.0.0.1:8001", 3}, {"10.0.0.2:8001", 1}}));
  EXPECT_TRUE(before.contains(next_of(api))) << "with what is known of it";
}

// How long a target's answer is used that holds for so long by its records.
class Lifetimes : public Service {
 protected:
  void expect_used_for(std::chrono::seconds lifetime, std::chrono::milliseconds used) {
    service();
    const std::size_t asked = resolver.names.size();
    resolver.answer_service(Whereabouts{.hosts = {target("a.api", 0, 1, "10.0.0.1")}, .lifetime = lifetime});
    pass(used - 1ms);
    EXPECT_EQ(resolver.names.size(), asked) << lifetime.count();
    pass(1ms);
    EXPECT_EQ(resolver.names.size(), asked + 1) << lifetime.count();
    EXPECT_EQ(next(), "10.0.0.1:8001") << "while the next answer is awaited";
    upstream = nullptr;
    resolver.answer_service(errc::name_not_found);
  }
};

TEST_F(Lifetimes, AreThoseOfTheRecordsLessTheTimeToAskAgain) {
  expect_used_for(100s, 90s);
  expect_used_for(10s, 9s);
}

TEST_F(Lifetimes, AreAtLeastASecondAndAtMostAnHour) {
  expect_used_for(0s, 900ms);
  expect_used_for(1s, 900ms);
  expect_used_for(2s, 1'800ms);
  expect_used_for(3600s, 54min);
  expect_used_for(3601s, 54min);
  expect_used_for(std::chrono::seconds(0xFFFF'FFFF), 54min);
}

TEST_F(Lifetimes, AreFixedWhereTheOperatorSaysSo) {
  settings.resolve = 7s;
  expect_used_for(100s, 7s);
  expect_used_for(1s, 7s);
}

TEST_F(Lifetimes, AreThirtySecondsWhereNobodySays) {
  named();
  resolver.answer({"10.0.0.1"});
  pass(29'999ms);
  EXPECT_EQ(resolver.names.size(), 1u);
  pass(1ms);
  EXPECT_EQ(resolver.names.size(), 2u);
}

TEST_F(Service, TheAddressesOfATargetStandForEachOther) {
  Upstream& api = service();
  NamedHost both = target("a.api", 0, 1, "10.0.0.1");
  both.endpoints.push_back(*Endpoint::parse_ip("10.0.0.2", 8001));
  answer({both, target("b.api", 0, 1, "10.0.0.3")});
  std::uint64_t tried = 0;
  Backend* first = api.choose(tried);
  while (first->text != "a.api:8001") first = api.choose(tried);
  Backend* const other = api.sibling(*first, first->bit);
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->text, "a.api:8001");
  EXPECT_EQ(api.sibling(*first, first->bit | other->bit), nullptr) << "another target is another server";
}

TEST_F(Service, TheTargetIsWhomCertificatesAreFor) {
  settings.tls.emplace().verify = false;
  Upstream& api = service();
  answer({target("a.api", 0, 1, "10.0.0.1")});
  EXPECT_EQ(next_of(api)->server_name, "a.api");
  settings.tls->server_name = "api.example.com";
  Upstream& named = service();
  answer({target("a.api", 0, 1, "10.0.0.1")});
  EXPECT_EQ(next_of(named)->server_name, "api.example.com");
}

TEST_F(UpstreamTest, AgentIsAsTheSettingsSay) {
  settings.keep_alive = false;
  settings.max_sockets = 3;
  settings.max_free_sockets = 5;
  settings.scheduling = config::Scheduling::fifo;
  settings.timeout = 7s;
  const AgentOptions& options = with({ip("10.0.0.1")}).agent().options;
  EXPECT_FALSE(options.keep_alive);
  EXPECT_EQ(options.max_sockets, 3u);
  EXPECT_EQ(options.max_total_sockets, unlimited) << "0 in a file";
  EXPECT_EQ(options.max_free_sockets, 5u);
  EXPECT_EQ(options.scheduling, AgentOptions::Scheduling::fifo);
  EXPECT_EQ(options.timeout, 7s);
}

}  // namespace
}  // namespace culvert::proxy
