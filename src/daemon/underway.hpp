// What a worker, or all of them, would have to finish.
#pragma once
#include <cstddef>

namespace culvert::daemon {

struct Underway {
  std::size_t requests = 0;
  std::size_t tunnels = 0;  // and WebSockets
};

}  // namespace culvert::daemon
