// If these fail, a worker waits for hashes, an answer reaches somebody who has gone, or checks pile up without a bound.
#include "daemon/password_pool.hpp"

#include <gtest/gtest.h>

#include <latch>
#include <optional>
#include <semaphore>
#include <thread>
#include <vector>

#include "daemon/password_hash.hpp"
#include "net/epoll_loop.hpp"

namespace culvert::daemon {
namespace {

using namespace std::chrono_literals;

class PasswordPoolTest : public ::testing::Test {
 protected:
  bool run_until(const std::function<bool()>& done) {
    for (int i = 0; i < 500 && !done(); ++i) loop_.turn(10ms);
    return done();
  }
  net::EpollLoop loop_;
};

TEST_F(PasswordPoolTest, AnswersOnTheLoopThatAsked) {
  PasswordPool pool;
  const std::string hash = *make_hash("secret", 1);
  for (const bool right : {true, false}) {
    std::optional<bool> answer;
    std::thread::id thread;
    const proxy::PasswordCheck check = pool.check(loop_, right ? "secret" : "Secret", hash, [&](bool is_right) {
      answer = is_right;
      thread = std::this_thread::get_id();
    });
    EXPECT_TRUE(check);
    EXPECT_FALSE(answer);
    ASSERT_TRUE(run_until([&] { return answer.has_value(); }));
    EXPECT_EQ(*answer, right);
    EXPECT_EQ(thread, std::this_thread::get_id());
  }
}

TEST_F(PasswordPoolTest, RejectsByAHashThatCryptCannotRead) {
  EXPECT_FALSE(PasswordPool::crypt_compare("secret", "$2b$99$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"));
}

TEST_F(PasswordPoolTest, TakesABoundedNumber) {
  std::latch go(1);
  PasswordPool pool([&](const std::string&, const std::string&) {
    go.wait();
    return true;
  });
  std::size_t answers = 0;
  std::vector<proxy::PasswordCheck> checks;
  const auto ask = [&] { return pool.check(loop_, "p", "h", [&](bool) { ++answers; }); };
  for (std::size_t i = 0; i < PasswordPool::waiting_max; ++i) {
    checks.push_back(ask());
    ASSERT_TRUE(checks.back()) << i;
  }
  EXPECT_FALSE(ask()) << "one more";
  go.count_down();
  ASSERT_TRUE(run_until([&] { return answers == PasswordPool::waiting_max; }));
  EXPECT_TRUE(ask()) << "there is room again";
}

TEST_F(PasswordPoolTest, TellsNobodyWhoHasGone) {
  std::latch begun(2);
  bool told = false;
  bool told_gone = false;
  proxy::PasswordCheck check;
  {
    PasswordPool pool([&](const std::string&, const std::string&) {
      begun.count_down();
      return true;
    });
    check = pool.check(loop_, "p", "h", [&](bool) { told = true; });
    const proxy::PasswordCheck gone = pool.check(loop_, "p", "h", [&](bool) { told_gone = true; });
    begun.wait();
  }  // when both have answered
  ASSERT_TRUE(run_until([&] { return told; }));
  EXPECT_FALSE(told_gone);
}

TEST_F(PasswordPoolTest, MayEndWhileChecksWait) {
  std::counting_semaphore begun(0);
  std::latch go(1);
  bool told = false;
  std::optional<PasswordPool> pool(std::in_place, [&](const std::string&, const std::string&) {
    begun.release();
    go.wait();
    return true;
  });
  std::vector<proxy::PasswordCheck> checks;
  for (std::size_t i = 0; i < 2 * PasswordPool::threads; ++i) {
    checks.push_back(pool->check(loop_, "p", "h", [&](bool) { told = true; }));
  }
  for (std::size_t i = 0; i < PasswordPool::threads; ++i) begun.acquire();
  go.count_down();
  pool.reset();
  checks.clear();
  loop_.turn(0ms);
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace culvert::daemon
