// Accepts connections on one socket for one loop.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "culvert/event.hpp"
#include "culvert/loop.hpp"
#include "culvert/transport.hpp"
#include "net/descriptor.hpp"
#include "net/listen_socket.hpp"

namespace culvert::net {

struct ListenerOptions {
  bool no_delay = true;
  bool shared = false;  // other loops accept from the same open socket
};

class Listener final : public Retired, private Watcher, private Deadline {
 public:
  using OnConnection = Delegate<void(std::unique_ptr<Transport>)>;
  using OnError = Delegate<void(std::error_code)>;

  // Neither delegate may destroy the listener; pausing and closing it is fine. `on_error` hears of connections that
  // could not be taken for want of something (descriptors, memory): the listener then rests for a moment by itself.
  Listener(EpollLoop& loop, ListenSocket socket, OnConnection on_connection, OnError on_error,
           ListenerOptions options = {});

  void pause();   // connections wait in the kernel's queue
  void resume();
  void close();   // at once; afterwards it can only be destroyed
  bool paused() const { return paused_; }
  void set_no_delay(bool on) { options_.no_delay = on; }  // of connections from now on
  std::uint64_t accepted() const { return accepted_; }
  std::uint64_t refused() const { return refused_; }  // how often it had to rest
  Endpoint local() const;

 private:
  void on_ready(Ready ready) noexcept override;
  TimePoint on_due(TimePoint now) noexcept override;
  bool accept_one();
  void rest(std::error_code reason);
  void update_interest();

  EpollLoop& loop_;
  std::optional<Descriptor> descriptor_;  // until close()
  OnConnection on_connection_;
  OnError on_error_;
  ListenerOptions options_;
  bool paused_ = false;
  bool resting_ = false;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace culvert::net
