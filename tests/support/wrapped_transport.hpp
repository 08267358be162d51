// A stream that passes everything on to another one: for tests that change or watch one thing of it.
#pragma once
#include <memory>
#include <utility>

#include "culvert/transport.hpp"

namespace culvert::test {

class WrappedTransport : public Transport {
 public:
  explicit WrappedTransport(std::unique_ptr<Transport> stream) : stream_(std::move(stream)) {}

  void attach(Watcher& watcher) override { stream_->attach(watcher); }
  void want(Interest interest) override { stream_->want(interest); }
  Result<Bytes> read() override { return stream_->read(); }
  bool is_quiet() override { return stream_->is_quiet(); }
  Result<std::size_t> write(std::span<const iovec> parts) override { return stream_->write(parts); }
  std::error_code shutdown_write() override { return stream_->shutdown_write(); }
  void reset_on_close() override { stream_->reset_on_close(); }
  std::error_code take_error() override { return stream_->take_error(); }
  void set_no_delay(bool on) override { stream_->set_no_delay(on); }
  void set_keep_alive(bool on, int idle_seconds) override { stream_->set_keep_alive(on, idle_seconds); }
  int native_handle() const override { return stream_->native_handle(); }
  const Endpoint& local() const override { return stream_->local(); }
  const Endpoint& remote() const override { return stream_->remote(); }

 protected:
  std::unique_ptr<Transport> stream_;
};

}  // namespace culvert::test
