// Notes every attempt to connect, and passes it on.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "culvert/network.hpp"

namespace culvert::test {

class RecordingNetwork final : public Network {
 public:
  struct Attempt {
    Address address;
    ConnectOptions options;
  };

  explicit RecordingNetwork(Network& real) : real_(real) {}
  const std::vector<Attempt>& attempts() const { return attempts_; }

  Result<std::unique_ptr<Transport>> connect(const Address& address, const ConnectOptions& options) override {
    attempts_.push_back({address, options});
    return real_.connect(address, options);
  }
  Result<std::unique_ptr<Acceptor>> listen(const ListenOptions& options, OnConnection on_connection,
                                           OnError on_error) override {
    return real_.listen(options, std::move(on_connection), std::move(on_error));
  }

 private:
  Network& real_;
  std::vector<Attempt> attempts_;
};

}  // namespace culvert::test
