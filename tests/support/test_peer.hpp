// The other side of a connection as a test plays it: sends text, collects what arrives.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "culvert/transport.hpp"

namespace culvert::test {

class TestPeer final : private Watcher {
 public:
  explicit TestPeer(std::unique_ptr<Transport> stream);

  void send(std::string_view text);             // as much as fits now, the rest as the other side reads
  const std::string& received() const { return received_; }
  void forget_received() { received_.clear(); }
  std::size_t unsent() const { return unsent_.size() - sent_; }
  const Endpoint& local() const { return stream_->local(); }  // while it is open
  const Endpoint& remote() const { return stream_->remote(); }

  // The other side has closed, finished sending or reset.
  bool closed() const { return ended_; }
  std::error_code error() const { return error_; }  // none where it ended in order

  void half_close();                            // when everything is sent
  void close() { stream_.reset(); }
  void reset();
  void stop_reading();
  void start_reading();

 private:
  void on_ready(Ready ready) noexcept override;
  void read();
  void write();
  void end(std::error_code error);
  void update_interest();

  std::unique_ptr<Transport> stream_;
  std::string unsent_;
  std::size_t sent_ = 0;  // of unsent_
  std::string received_;
  std::error_code error_;
  bool reading_ = true;
  bool ended_ = false;
  bool finishing_ = false;
};

}  // namespace culvert::test
