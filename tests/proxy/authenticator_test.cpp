// If these fail, somebody passes who should not, an accepted client costs hashes again, or guessing is free.
#include "proxy/authenticator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "proxy/scripted_checker.hpp"
#include "support/manual_loop.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using Verdict = Authenticator::Verdict;
using Kind = Verdict::Kind;

std::string basic(std::string_view pair) { return "Basic " + encode_base64(as_bytes(pair)); }

struct Asker final : Authenticator::Waiter {
  void on_verdict(const Verdict& verdict) noexcept override { told.push_back(verdict); }
  std::vector<Verdict> told;
};

class AuthenticatorTest : public ::testing::Test {
 protected:
  AuthenticatorTest() {
    settings.name = "teams";
    settings.users = {{"ann", "secret"}, {"bob", "hunter2"}};
    settings.max_failures = 3;
    settings.failure_interval = 6s;
  }
  Authenticator& authenticator() {
    if (!made_) made_ = make_ref<Authenticator>(settings, loop, Passwords{checker, guesses});
    return *made_;
  }
  Verdict ask(std::string_view pair, std::string_view client = "192.0.2.1") {
    return authenticator().judge(basic(pair), *Endpoint::parse_ip(client), asker);
  }
  // With the check that it needs.
  Verdict verdict(std::string_view pair, std::string_view client = "192.0.2.1") {
    const Verdict at_once = ask(pair, client);
    if (at_once.kind != Kind::later) return at_once;
    checker.answer();
    EXPECT_FALSE(asker.told.empty());
    return asker.told.back();
  }
  Kind kind(std::string_view pair, std::string_view client = "192.0.2.1") { return verdict(pair, client).kind; }

  test::ManualLoop loop;
  ScriptedChecker checker;
  GuessLimit guesses;
  config::Auth settings;
  Asker asker;

 private:
  Ref<Authenticator> made_;
};

TEST_F(AuthenticatorTest, AcceptsThePasswordOfAUser) {
  EXPECT_EQ(ask("ann:secret").kind, Kind::later);
  EXPECT_TRUE(asker.told.empty());
  checker.answer();
  ASSERT_EQ(asker.told.size(), 1u);
  EXPECT_EQ(asker.told[0].kind, Kind::accepted);
  EXPECT_EQ(asker.told[0].user, "ann");
}

TEST_F(AuthenticatorTest, RejectsEverythingElse) {
  EXPECT_EQ(kind("ann:Secret"), Kind::rejected);
  EXPECT_EQ(kind("ann:hunter2"), Kind::rejected) << "another user's";
  EXPECT_EQ(kind("Ann:secret", "192.0.2.2"), Kind::rejected);
  EXPECT_EQ(kind("ann:", "192.0.2.3"), Kind::rejected);
  EXPECT_EQ(authenticator().judge("Bearer x", {}, asker).kind, Kind::rejected);
}

TEST_F(AuthenticatorTest, HashesOnceForAClientThatStays) {
  EXPECT_EQ(kind("ann:secret"), Kind::accepted);
  for (int i = 0; i < 1000; ++i) {
    const Verdict verdict = ask("ann:secret", i % 2 == 0 ? "192.0.2.1" : "2001:db8::1");
    ASSERT_EQ(verdict.kind, Kind::accepted);
    ASSERT_EQ(verdict.user, "ann");
  }
  EXPECT_THAT(checker.asked, ElementsAre("secret for secret"));
  EXPECT_EQ(ask("ann:secret2").kind, Kind::later) << "what is known is this password";
}

TEST_F(AuthenticatorTest, ForgetsAPasswordThatIsNotUsed) {
  settings.cache_timeout = 60s;
  EXPECT_EQ(kind("ann:secret"), Kind::accepted);
  for (int i = 0; i < 3; ++i) {
    loop.advance(59s);
    loop.settle();
    EXPECT_EQ(ask("ann:secret").kind, Kind::accepted) << "used within its time";
  }
  loop.advance(60s);
  loop.settle();
  EXPECT_EQ(kind("ann:secret"), Kind::accepted);
  EXPECT_EQ(checker.asked.size(), 2u);
}

TEST_F(AuthenticatorTest, NeverForgetsWhereItIsToldSo) {
  settings.cache_timeout = config::off;
  EXPECT_EQ(kind("ann:secret"), Kind::accepted);
  loop.advance(1000h);
  loop.settle();
  EXPECT_EQ(ask("ann:secret").kind, Kind::accepted);
}

TEST_F(AuthenticatorTest, ChecksOnceForAllWhoSayTheSame) {
  Asker second;
  EXPECT_EQ(ask("ann:secret").kind, Kind::later);
  EXPECT_EQ(authenticator().judge(basic("ann:secret"), {}, second).kind, Kind::later);
  EXPECT_EQ(checker.asked.size(), 1u);
  checker.answer();
  EXPECT_EQ(asker.told.size(), 1u);
  EXPECT_EQ(second.told.size(), 1u);
}

TEST_F(AuthenticatorTest, TellsNobodyWhoHasGone) {
  {
    Asker gone;
    EXPECT_EQ(authenticator().judge(basic("ann:secret"), {}, gone).kind, Kind::later);
  }
  checker.answer();
  EXPECT_EQ(ask("ann:secret").kind, Kind::accepted) << "what was found out is known";
}

TEST_F(AuthenticatorTest, MayGoBeforeItsAnswers) {
  auto other = make_ref<Authenticator>(settings, loop, Passwords{checker, guesses});
  EXPECT_EQ(other->judge(basic("ann:secret"), {}, asker).kind, Kind::later);
  other = nullptr;
  checker.answer();
  EXPECT_TRUE(asker.told.empty());
}

TEST_F(AuthenticatorTest, ChecksANameThatNobodyHasAgainstSomebodysHash) {
  EXPECT_EQ(kind("aaa:secret"), Kind::rejected) << "although it is that hash's password";
  EXPECT_EQ(kind("zoe:secret"), Kind::rejected);
  EXPECT_THAT(checker.asked, ElementsAre("secret for secret", "secret for secret"));
}

TEST_F(AuthenticatorTest, WithoutUsersRejectsAtOnce) {
  settings.users.clear();
  EXPECT_EQ(ask("ann:secret").kind, Kind::rejected);
}

TEST_F(AuthenticatorTest, LimitsWrongGuessesOfAClient) {
  for (const char* pair : {"ann:1", "bob:2", "zoe:3"}) EXPECT_EQ(kind(pair), Kind::rejected);
  const Verdict limited = ask("bob:hunter2");
  EXPECT_EQ(limited.kind, Kind::limited) << "even if it is right";
  EXPECT_EQ(limited.retry_after, 6s);
  EXPECT_EQ(kind("bob:hunter2", "192.0.2.2"), Kind::accepted) << "another client";
  EXPECT_EQ(ask("bob:hunter2").kind, Kind::accepted) << "now that it is known";
  loop.advance(6s);
  loop.settle();
  EXPECT_EQ(kind("ann:4"), Kind::rejected) << "one more";
  EXPECT_EQ(ask("ann:5").kind, Kind::limited);
}

TEST_F(AuthenticatorTest, LimitsWrongGuessesForAUserAndForAnyOtherName) {
  for (const char* name : {"ann", "zoe"}) {
    for (int i = 1; i <= 3; ++i) {
      EXPECT_EQ(kind(std::string(name) + ":" + std::to_string(i), "192.0.2." + std::to_string(i)), Kind::rejected);
    }
    EXPECT_EQ(ask(std::string(name) + ":4", "192.0.2.4").kind, Kind::limited) << name;
  }
  EXPECT_EQ(kind("bob:hunter2", "192.0.2.4"), Kind::accepted) << "another user";
}

TEST_F(AuthenticatorTest, ChargesNothingForWhatIsRight) {
  settings.cache_timeout = 1s;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(kind("ann:secret"), Kind::accepted);
    loop.advance(1s);
    loop.settle();
  }
  EXPECT_EQ(guesses.debtors(), 0u);
  EXPECT_EQ(checker.asked.size(), 20u);
}

TEST_F(AuthenticatorTest, TakesANetworkOfIpv6AsOneClient) {
  for (const char* client : {"2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::"}) {
    EXPECT_EQ(kind(std::string(client, 11) + client + ":x", client), Kind::rejected);
  }
  EXPECT_EQ(ask("bob:hunter2", "2001:db8::3").kind, Kind::limited);
  EXPECT_EQ(ask("bob:hunter2", "2001:db8:0:1::3").kind, Kind::later);
}

TEST_F(AuthenticatorTest, TakesIpv4InTheFormOfIpv6AsItsAddress) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(kind("n" + std::to_string(i) + ":x", "::ffff:192.0.2.1"), Kind::rejected);
  EXPECT_EQ(ask("bob:hunter2", "::ffff:192.0.2.1").kind, Kind::limited);
  EXPECT_EQ(ask("bob:hunter2", "::ffff:192.0.2.2").kind, Kind::later);
}

TEST_F(AuthenticatorTest, KeepsItsDebtorsFromThoseOfOthers) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(kind("ann:" + std::to_string(i)), Kind::rejected);
  settings.name = "ops";
  Authenticator other(settings, loop, Passwords{checker, guesses});
  EXPECT_EQ(other.judge(basic("ann:secret"), *Endpoint::parse_ip("192.0.2.1"), asker).kind, Kind::later);
}

TEST_F(AuthenticatorTest, RemembersDebtsWhenTheUsersChange) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(kind("ann:" + std::to_string(i)), Kind::rejected);
  settings.users["ann"] = "new";
  Authenticator next(settings, loop, Passwords{checker, guesses});
  EXPECT_EQ(next.judge(basic("ann:new"), *Endpoint::parse_ip("192.0.2.1"), asker).kind, Kind::limited);
}

TEST_F(AuthenticatorTest, SaysThatTooManyWait) {
  checker.room = 1;
  EXPECT_EQ(ask("ann:secret").kind, Kind::later);
  EXPECT_EQ(ask("bob:hunter2").kind, Kind::overloaded);
  checker.answer();
  EXPECT_EQ(kind("bob:hunter2"), Kind::accepted);
}

TEST_F(AuthenticatorTest, AsksWithItsRealm) {
  EXPECT_EQ(authenticator().challenge, "Basic realm=\"culvert\", charset=\"UTF-8\"");
  settings.realm = "a \"b\" \\c";
  EXPECT_EQ(Authenticator(settings, loop, Passwords{checker, guesses}).challenge,
            "Basic realm=\"a \\\"b\\\" \\\\c\", charset=\"UTF-8\"");
}

}  // namespace
}  // namespace culvert::proxy
