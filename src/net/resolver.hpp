// Names to addresses. Lookups block, so they run on a few threads of their own, shared by all workers; an answer is
// posted to the loop that asked, and never comes from inside resolve().
//
// A Question is shared between the loop that asked and the lookup under way, since either may end first; its `done` is
// touched on the loop's thread only.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "culvert/endpoint.hpp"
#include "culvert/error.hpp"
#include "culvert/event.hpp"
#include "culvert/loop.hpp"

namespace culvert::net {

using Endpoints = std::vector<Endpoint>;

struct Question {
  Loop& loop;
  std::uint16_t port;
  Delegate<void(Result<Endpoints>)> done;  // empty: nobody waits any more
};

// Somebody's wait for an answer. Destroying or replacing it drops the callback.
class Resolution {
 public:
  Resolution() = default;
  explicit Resolution(std::shared_ptr<Question> question) : question_(std::move(question)) {}
  Resolution(Resolution&& other) noexcept = default;
  Resolution& operator=(Resolution&& other) noexcept {
    drop();
    question_ = std::move(other.question_);
    return *this;
  }
  ~Resolution() { drop(); }
  // Whether an answer is still awaited or just being given.
  explicit operator bool() const { return question_ != nullptr; }

 private:
  void drop() {
    if (question_ != nullptr) question_->done.clear();
    question_.reset();
  }
  std::shared_ptr<Question> question_;
};

class Resolver {
 public:
  using Done = Delegate<void(Result<Endpoints>)>;
  virtual ~Resolver() = default;
  // On the thread of `loop`. The endpoints carry `port`; at least one, in the order of preference, or an error
  // (errc::name_not_found where the name has no address).
  virtual Resolution resolve(Loop& loop, const std::string& name, std::uint16_t port, Done done) = 0;
};

// Asks the system. Questions for a name that is being looked up wait for that answer. The loops that ask live longer.
class PoolResolver final : public Resolver {
 public:
  static constexpr std::size_t threads = 4;
  // Blocks until it knows; called from any of the threads.
  using Lookup = std::function<Result<Endpoints>(const std::string& name)>;

  explicit PoolResolver(Lookup lookup = system_lookup);
  ~PoolResolver() override;  // waits for lookups under way

  Resolution resolve(Loop& loop, const std::string& name, std::uint16_t port, Done done) override;
  static Result<Endpoints> system_lookup(const std::string& name);

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace culvert::net
