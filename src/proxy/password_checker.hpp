// Who compares passwords with their hashes. It takes as long as a hash is worth, tens of milliseconds and more, so it is
// done elsewhere and no worker waits for it: the answer is posted to the loop that asked.
#pragma once
#include <memory>
#include <string>
#include <utility>

#include "base/digest.hpp"
#include "culvert/event.hpp"
#include "culvert/loop.hpp"

namespace culvert::proxy {

// A question, shared between the loop that asked and the check under way, since either may end first. `done` is touched
// on the loop's thread only.
struct PasswordQuestion {
  PasswordQuestion(Loop& asking, std::string said, std::string known, Delegate<void(bool)> then)
      : loop(asking), password(std::move(said)), hash(std::move(known)), done(std::move(then)) {}
  PasswordQuestion(const PasswordQuestion&) = delete;
  PasswordQuestion& operator=(const PasswordQuestion&) = delete;
  ~PasswordQuestion() { wipe(password); }

  Loop& loop;
  std::string password;
  const std::string hash;
  Delegate<void(bool)> done;  // empty: nobody waits any more
};

// Somebody's wait for an answer. Destroying or replacing it drops the callback.
class PasswordCheck {
 public:
  PasswordCheck() = default;
  explicit PasswordCheck(std::shared_ptr<PasswordQuestion> question) : question_(std::move(question)) {}
  PasswordCheck(PasswordCheck&& other) noexcept = default;
  PasswordCheck& operator=(PasswordCheck&& other) noexcept {
    drop();
    question_ = std::move(other.question_);
    return *this;
  }
  ~PasswordCheck() { drop(); }
  explicit operator bool() const { return question_ != nullptr; }

 private:
  void drop() {
    if (question_ != nullptr) question_->done.clear();
    question_.reset();
  }
  std::shared_ptr<PasswordQuestion> question_;
};

class PasswordChecker {
 public:
  using Done = Delegate<void(bool)>;  // whether the password has the hash; never called from inside check()
  virtual ~PasswordChecker() = default;
  // On the thread of `loop`. No check where too many wait already.
  virtual PasswordCheck check(Loop& loop, std::string password, std::string hash, Done done) = 0;
};

}  // namespace culvert::proxy
