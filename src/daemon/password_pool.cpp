#include "daemon/password_pool.hpp"

#include <asio/post.hpp>
#include <memory>
#include <utility>

#include "base/log.hpp"
#include "daemon/password_hash.hpp"

namespace culvert::daemon {

PasswordPool::PasswordPool(Compare compare) : compare_(std::move(compare)) {}

PasswordPool::~PasswordPool() {
  pool_.stop();
  pool_.join();
}

proxy::PasswordCheck PasswordPool::check(Loop& loop, std::string password, std::string hash, Done done) {
  if (waiting_.fetch_add(1) >= waiting_max) {
    waiting_.fetch_sub(1);
    return {};
  }
  auto question =
      std::make_shared<proxy::PasswordQuestion>(loop, std::move(password), std::move(hash), std::move(done));
  asio::post(pool_, [this, question] { run(question); });
  return proxy::PasswordCheck(std::move(question));
}

void PasswordPool::run(std::shared_ptr<proxy::PasswordQuestion> question) {
  const bool right = compare_(question->password, question->hash);
  waiting_.fetch_sub(1);
  Loop& loop = question->loop;
  loop.post([question = std::move(question), right] {
    if (!question->done) return;
    proxy::PasswordChecker::Done done = std::move(question->done);  // which may drop the check
    done(right);
  });
}

bool PasswordPool::crypt_compare(const std::string& password, const std::string& hash) {
  Result<bool> has = has_hash(password, hash);
  if (!has) log::error("crypt(3) can make nothing of the hash of a user: {}", has.error());
  return has && *has;
}

}  // namespace culvert::daemon
