// Which of the backends that can be used is next. One worker's: what others have under way it reads where it matters.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "config/upstream.hpp"
#include "culvert/loop.hpp"
#include "proxy/backend.hpp"

namespace culvert::proxy {

class Balancer {
 public:
  Balancer(config::Balance kind, std::chrono::milliseconds slow_start, Loop& loop)
      : kind_(kind), slow_start_(slow_start), loop_(loop) {}

  // Among whom to choose from now on.
  void set(std::vector<Backend*> usable);
  // One that `tried` does not name; null where none is left. `key`: of the request, for consistent_hash.
  Backend* choose(std::uint64_t tried, std::uint64_t key);
  // The next turn decides, and nothing else.
  bool is_plain() const { return plain_; }
  Backend* take_turn() {
    Backend* const next = *turn_;
    if (++turn_ == turns_end_) turn_ = turns_.data();
    return next;
  }

 private:
  Backend* next_in_turn(std::uint64_t tried);
  Backend* next_with_ramp(std::uint64_t tried);
  Backend* least_loaded(std::uint64_t tried);
  template <class Load>
  Backend* least_of(std::uint64_t tried, Load&& load);
  Backend* better_of_two(std::uint64_t tried);
  Backend* by_hash(std::uint64_t tried, std::uint64_t key);
  double load(const Backend& backend) const;
  double ramp(const Backend& backend) const;
  void arrange_turns();

  const config::Balance kind_;
  const std::chrono::milliseconds slow_start_;
  Loop& loop_;
  std::vector<Backend*> usable_;
  std::vector<Backend*> turns_;  // each as often as its weight wants, spread evenly
  Backend** turn_ = nullptr;     // in turns_
  Backend** turns_end_ = nullptr;
  std::size_t first_ = 0;        // in usable_, to be compared first
  bool ramps_ = false;           // somebody's share is still growing
  bool plain_ = false;           // there are turns
  bool weighted_ = false;
};

}  // namespace culvert::proxy
