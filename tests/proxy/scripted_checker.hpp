// Passwords are checked when a test says so. What stands for a hash is the password itself.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/password_checker.hpp"

namespace culvert::proxy {

class ScriptedChecker final : public PasswordChecker {
 public:
  PasswordCheck check(Loop& loop, std::string password, std::string hash, Done done) override {
    if (waiting_.size() >= room) return {};
    asked.push_back(password + " for " + hash);
    waiting_.push_back(std::make_shared<PasswordQuestion>(loop, std::move(password), std::move(hash), std::move(done)));
    return PasswordCheck(waiting_.back());
  }
  // The oldest that is open.
  void answer() {
    const std::shared_ptr<PasswordQuestion> question = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    Done done = std::move(question->done);
    if (done) done(question->password == question->hash);
  }
  std::size_t waiting() const { return waiting_.size(); }

  std::vector<std::string> asked;  // all checks so far: each would have cost a hash
  std::size_t room = 100;

 private:
  std::vector<std::shared_ptr<PasswordQuestion>> waiting_;
};

}  // namespace culvert::proxy
