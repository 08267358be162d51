// How many requests may be sent a second time that a server may have had: a part of those that there were. Retries that
// would have more keep a server down that has too much to do. One worker's; the reserve is the fleet's.
#pragma once
#include <cstdint>

#include "config/upstream.hpp"
#include "proxy/fleet.hpp"

namespace culvert::proxy {

class RetryBudget {
 public:
  RetryBudget(const config::RetryBudget& settings, Fleet& fleet) : settings_(settings), fleet_(fleet) {}

  void note_request() { ++requests_; }
  // Takes one retry out of it, if there is one.
  bool take(TimePoint now);

 private:
  const config::RetryBudget settings_;
  Fleet& fleet_;
  std::uint64_t requests_ = 0;
  std::uint64_t requests_seen_ = 0;
  TimePoint seen_at_ = SharedTime::earliest;
  double left_ = 0;
};

}  // namespace culvert::proxy
