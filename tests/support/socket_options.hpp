// TCP's options of a stream, as the kernel has them or, in memory, as they were last set.
#pragma once
#include "culvert/transport.hpp"

namespace culvert::test {

struct SocketOptions {
  bool no_delay = false;
  bool keep_alive = false;
  int keep_idle_s = 0;      // 0: the system's
  int keep_interval_s = 0;  // as well

  bool operator==(const SocketOptions&) const = default;
};

SocketOptions socket_options(const Transport& stream);

}  // namespace culvert::test
