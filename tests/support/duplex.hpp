// A connection in memory: two ends, each a Transport, that behave as the two sockets of a TCP connection do. Room in
// each direction is bounded, each side can finish on its own, and closing with unread bytes resets.
#pragma once
#include <cstddef>
#include <memory>
#include <utility>

#include "culvert/transport.hpp"
#include "support/manual_loop.hpp"

namespace culvert::test {

class Duplex final : public Transport, private ManualLoop::Source {
 public:
  static constexpr std::size_t default_capacity = 64 * 1024;
  // So many bytes come one by one on an end that trickles; then it reads as others do, since large bodies have nothing
  // left to show byte by byte.
  static constexpr std::size_t trickled_bytes = 16 * 1024;

  // `capacity`: how many bytes fit in each direction.
  static std::pair<std::unique_ptr<Duplex>, std::unique_ptr<Duplex>> pair(ManualLoop& loop,
                                                                          std::size_t capacity = default_capacity);
  ~Duplex() override;

  // From now on each read of this end returns one byte.
  void trickle() { trickle_left_ = trickled_bytes; }

  void attach(Watcher& watcher) override;
  void want(Interest interest) override;
  Result<Bytes> read() override;
  Result<std::size_t> write(std::span<const iovec> parts) override;
  std::error_code shutdown_write() override;
  void reset_on_close() override { reset_on_close_ = true; }
  std::error_code take_error() override;
  void keep_alive_probes(int) override {}
  const Endpoint& local() const override { return local_; }
  const Endpoint& remote() const override { return remote_; }

 private:
  struct Way;    // one direction
  struct Cable;  // both

  Duplex(ManualLoop& loop, std::shared_ptr<Cable> cable, int side, std::size_t capacity);
  bool tell() override;
  Way& in();
  Way& out();
  bool was_reset();

  ManualLoop& loop_;
  std::shared_ptr<Cable> cable_;
  const int side_;
  const std::size_t capacity_;
  const Endpoint local_;
  const Endpoint remote_;
  Watcher* watcher_ = nullptr;
  Interest wanted_;
  std::size_t trickle_left_ = 0;
  bool quiet_ = false;  // told that it is broken while nothing was wanted
  bool reset_on_close_ = false;
};

}  // namespace culvert::test
