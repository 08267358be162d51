// Compares the servers of an upstream with each other, interval by interval: who fails too large a part of its requests, or
// takes much longer than the others, is left out for a while. One worker does it for all, from what they have counted.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/upstream.hpp"
#include "net/loop_entries.hpp"
#include "proxy/backend.hpp"

namespace culvert::proxy {

class OutlierJudge {
 public:
  class Owner {
   public:
    virtual std::vector<Backend*> all_backends() noexcept = 0;
    virtual void on_outlier(Backend& backend, const std::string& why) noexcept = 0;  // it should be left out

   protected:
    ~Owner() = default;
  };

  OutlierJudge(const config::Outlier& settings, Loop& loop, Owner& owner);
  OutlierJudge(const OutlierJudge&) = delete;
  OutlierJudge& operator=(const OutlierJudge&) = delete;
  ~OutlierJudge() { loop_.forget(due_); }

 private:
  friend struct LoopEntries<OutlierJudge>;
  struct Counted {
    std::uint32_t answers = 0;
    std::uint32_t failures = 0;
    std::uint64_t nanoseconds = 0;
  };
  struct Interval {
    Backend* backend;
    Counted had;
    double mean = 0;  // milliseconds to answer
  };

  TimePoint on_due(TimePoint now) noexcept;
  std::vector<Interval> last_interval();
  void judge_errors(const std::vector<Interval>& all);
  void judge_latency(const std::vector<Interval>& all);

  const config::Outlier settings_;
  Loop& loop_;
  Owner& owner_;
  std::map<const BackendState*, Counted> counted_;  // by the end of the interval before
  TimePoint next_at_;
  LoopEntries<OutlierJudge>::Due due_{*this};
};

}  // namespace culvert::proxy
