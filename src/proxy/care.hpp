// What an exchange has besides where it is not plain (Route::is_plain()): it has a body that may have to be sent again, was
// held, is one of a limited number, or may go to two servers. It lies in the exchange's arena and goes with it.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/arena.hpp"
#include "culvert/bytes.hpp"
#include "proxy/exchange.hpp"
#include "proxy/fleet.hpp"

namespace culvert::proxy {

// A request's body as far as it has come. Small pieces share a place: a client may send them byte by byte.
class KeptBody {
 public:
  void add(Bytes bytes, Arena& arena) {
    size_ += bytes.size();
    if (last_ != nullptr) bytes = bytes.subspan(last_->fill(bytes));
    if (bytes.empty()) return;
    Part* const part = new (arena.allocate(sizeof(Part), alignof(Part))) Part;
    part->capacity = std::max(bytes.size(), part_bytes_least);
    part->data = static_cast<std::byte*>(arena.allocate(part->capacity, 1));
    part->fill(bytes);
    (last_ == nullptr ? first_ : last_->next) = part;
    last_ = part;
  }
  std::size_t size() const { return size_; }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Part* part = first_; part != nullptr; part = part->next) visit(Bytes(part->data, part->size));
  }

 private:
  static constexpr std::size_t part_bytes_least = 1024;
  struct Part {
    // As much as there is room for; how much that was.
    std::size_t fill(Bytes bytes) {
      const std::size_t taken = std::min(bytes.size(), capacity - size);
      std::copy_n(bytes.begin(), taken, data + size);
      size += taken;
      return taken;
    }
    std::byte* data = nullptr;
    std::size_t size = 0;
    std::size_t capacity = 0;
    Part* next = nullptr;
  };
  Part* first_ = nullptr;
  Part* last_ = nullptr;
  std::size_t size_ = 0;
};

struct Exchange::Care {
  Tallied<std::uint32_t>* counted_by = nullptr;  // where the upstream's requests are limited
  TimePoint held_until = never;                  // `never`: it was not held
  std::uint32_t tries_before_hold = 0;
  KeptBody body;
  bool body_is_lost = false;  // some of it has gone to a server and is not kept
  Hedge* hedge = nullptr;     // where another server may be asked as well; ended by ~Exchange()
};

}  // namespace culvert::proxy
