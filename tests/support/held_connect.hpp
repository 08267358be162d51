// A stream to a peer that takes its time to answer: it is still connecting until the test lets it stand.
#pragma once
#include <memory>
#include <utility>

#include "culvert/transport.hpp"

namespace culvert::test {

class HeldConnect final : public Transport {
 public:
  explicit HeldConnect(std::unique_ptr<Transport> stream) : stream_(std::move(stream)) {}

  void stand() {
    stands_ = true;
    if (watcher_ != nullptr) attach(*watcher_);
    want(wanted_);
  }

  void attach(Watcher& watcher) override {
    watcher_ = &watcher;
    if (stands_) stream_->attach(watcher);
  }
  void want(Interest interest) override {
    wanted_ = interest;
    if (stands_) stream_->want(interest);
  }
  Result<Bytes> read() override { return stream_->read(); }
  Result<std::size_t> write(std::span<const iovec> parts) override { return stream_->write(parts); }
  std::error_code shutdown_write() override { return stream_->shutdown_write(); }
  void reset_on_close() override { stream_->reset_on_close(); }
  std::error_code take_error() override { return stream_->take_error(); }
  const Endpoint& local() const override { return stream_->local(); }
  const Endpoint& remote() const override { return stream_->remote(); }

 private:
  std::unique_ptr<Transport> stream_;
  Watcher* watcher_ = nullptr;
  Interest wanted_;
  bool stands_ = false;
};

}  // namespace culvert::test
