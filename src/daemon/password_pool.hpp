// Compares passwords with their hashes on a few threads of its own, shared by all workers.
#pragma once
#include <asio/thread_pool.hpp>
#include <atomic>
#include <cstddef>
#include <functional>
#include <string>

#include "proxy/password_checker.hpp"

namespace culvert::daemon {

// The loops that ask live longer.
class PasswordPool final : public proxy::PasswordChecker {
 public:
  static constexpr std::size_t threads = 2;
  static constexpr std::size_t waiting_max = 256;  // checks that are not done yet
  // Blocks until it knows; called from any of the threads.
  using Compare = std::function<bool(const std::string& password, const std::string& hash)>;

  explicit PasswordPool(Compare compare = crypt_compare);
  ~PasswordPool() override;  // waits for checks under way

  proxy::PasswordCheck check(Loop& loop, std::string password, std::string hash, Done done) override;
  static bool crypt_compare(const std::string& password, const std::string& hash);

 private:
  void run(std::shared_ptr<proxy::PasswordQuestion> question);

  const Compare compare_;
  std::atomic<std::size_t> waiting_{0};
  asio::thread_pool pool_{threads};  // last: its threads use what stands above
};

}  // namespace culvert::daemon
