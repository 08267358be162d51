// A stream socket, TCP or Unix. Idle, it costs its descriptor and about a hundred bytes.
#pragma once
#include "culvert/transport.hpp"
#include "net/descriptor.hpp"

namespace culvert::net {

class TcpTransport final : public Transport {
 public:
  // Takes `fd`: non-blocking, connected or connecting.
  TcpTransport(EpollLoop& loop, int fd, const Endpoint& remote) : descriptor_(loop, fd), remote_(remote) {}

  // The attempt to connect has failed already: take_error() will say so.
  void fail_connecting(int error_number) { failed_with_ = error_number; }

  void attach(Watcher& watcher) override { descriptor_.attach(watcher); }
  void want(Interest interest) override { descriptor_.want(interest); }
  Result<Bytes> read() override;
  bool is_quiet() override;
  Result<std::size_t> write(std::span<const iovec> parts) override;
  std::error_code shutdown_write() override;
  void reset_on_close() override;
  std::error_code take_error() override;
  void set_no_delay(bool on) override;
  void set_keep_alive(bool on, int idle_seconds) override;
  int native_handle() const override { return descriptor_.fd(); }
  int plain_handle() const override { return descriptor_.fd(); }
  const Endpoint& local() const override;
  const Endpoint& remote() const override { return remote_; }
  void stand_for(const Endpoint& local, const Endpoint& remote) override {
    local_ = local;
    remote_ = remote;
  }

 private:
  ssize_t send_several(std::span<const iovec> parts) const;

  Descriptor descriptor_;
  Endpoint remote_;
  int failed_with_ = 0;    // errno of an attempt to connect that failed at once
  mutable Endpoint local_;  // asked for when somebody wants to know
};

}  // namespace culvert::net
