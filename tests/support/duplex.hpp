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

  // Where a stream is, and where its peer.
  struct Ends {
    Endpoint local;
    Endpoint remote;
  };

  // `capacity`: how many bytes fit in each direction.
  static std::pair<std::unique_ptr<Duplex>, std::unique_ptr<Duplex>> pair(ManualLoop& loop,
                                                                          std::size_t capacity = default_capacity);
  static std::pair<std::unique_ptr<Duplex>, std::unique_ptr<Duplex>> pair(ManualLoop& loop, const Ends& first,
                                                                          const Ends& second,
                                                                          std::size_t capacity = default_capacity);
  // An attempt to connect that nobody answers.
  static std::unique_ptr<Duplex> refused(ManualLoop& loop, const Ends& ends);
  ~Duplex() override;

  // From now on each read of this end returns one byte.
  void trickle() { trickle_left_ = trickled_bytes; }

  void attach(Watcher& watcher) override;
  void want(Interest interest) override;
  Result<Bytes> read() override;
  bool is_quiet() override;
  Result<std::size_t> write(std::span<const iovec> parts) override;
  std::error_code shutdown_write() override;
  void reset_on_close() override { reset_on_close_ = true; }
  std::error_code take_error() override { return error(); }
  void set_no_delay(bool on) override { no_delay_ = on; }
  void set_keep_alive(bool on, int idle_seconds) override;
  const Endpoint& local() const override { return local_; }
  const Endpoint& remote() const override { return remote_; }

  // The options as they were last set.
  bool no_delay() const { return no_delay_; }
  bool keep_alive() const { return keep_alive_; }
  int keep_alive_idle_seconds() const { return keep_alive_idle_seconds_; }  // 0: the system's

 private:
  struct Way;    // one direction
  struct Cable;  // both

  Duplex(ManualLoop& loop, std::shared_ptr<Cable> cable, int side, std::size_t capacity, const Ends& ends);
  bool tell() override;
  Way& in();
  Way& out();
  std::error_code error();

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
  bool no_delay_ = false;
  bool keep_alive_ = false;
  int keep_alive_idle_seconds_ = 0;
};

}  // namespace culvert::test
