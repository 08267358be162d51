// In place of a stream that does not exist yet: nothing arrives on it, and what is sent has to wait.
#pragma once
#include "culvert/transport.hpp"

namespace culvert::net {

class AwaitedTransport final : public Transport {
 public:
  void attach(Watcher&) override {}
  void want(Interest) override {}
  Result<Bytes> read() override { return Bytes{}; }
  bool is_quiet() override { return true; }
  Result<std::size_t> write(std::span<const iovec>) override { return std::size_t{0}; }
  std::error_code shutdown_write() override { return {}; }
  void reset_on_close() override {}
  std::error_code take_error() override { return {}; }
  const Endpoint& local() const override { return nowhere_; }
  const Endpoint& remote() const override { return nowhere_; }

 private:
  const Endpoint nowhere_{};
};

}  // namespace culvert::net
