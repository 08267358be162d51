// A stream to a peer that takes its time to answer: it is still connecting until the test lets it stand.
#pragma once
#include "support/wrapped_transport.hpp"

namespace culvert::test {

class HeldConnect final : public WrappedTransport {
 public:
  using WrappedTransport::WrappedTransport;

  void stand() {
    stands_ = true;
    if (watcher_ != nullptr) stream_->attach(*watcher_);
    stream_->want(wanted_);
  }

  void attach(Watcher& watcher) override {
    watcher_ = &watcher;
    if (stands_) stream_->attach(watcher);
  }
  void want(Interest interest) override {
    wanted_ = interest;
    if (stands_) stream_->want(interest);
  }

 private:
  Watcher* watcher_ = nullptr;
  Interest wanted_;
  bool stands_ = false;
};

}  // namespace culvert::test
