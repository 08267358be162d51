// Bytes of a connection that were read and have to wait, as their reader pauses or another request is under way. They are
// at most a read buffer full, and counted by the loop's pool as memory in use.
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/block_pool.hpp"
#include "culvert/bytes.hpp"
#include "culvert/loop.hpp"

namespace culvert {

class HeldBytes {
 public:
  bool empty() const { return held_ == nullptr; }
  void add(Bytes bytes, BlockPool& pool) {
    if (bytes.empty()) return;
    if (held_ == nullptr) held_ = std::make_unique<Held>(pool);
    held_->bytes.insert(held_->bytes.end(), bytes.begin(), bytes.end());
    held_->count();
  }
  // Back into the read buffer, where they may be borrowed until this handler has returned.
  Bytes take(Loop& loop) {
    if (held_ == nullptr) return {};
    const std::span<std::byte> scratch = loop.scratch();
    const std::size_t size = held_->bytes.size();
    std::copy(held_->bytes.begin(), held_->bytes.end(), scratch.begin());
    held_.reset();
    return scratch.first(size);
  }
  // For good; the pool counts them no more.
  std::vector<std::byte> give_away() {
    std::vector<std::byte> bytes;
    if (held_ != nullptr) bytes = std::move(held_->bytes);
    held_.reset();
    return bytes;
  }
  void clear() { held_.reset(); }

 private:
  struct Held {
    explicit Held(BlockPool& its_pool) : pool(its_pool) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() { pool.discount_large(counted); }
    void count() {
      pool.discount_large(std::exchange(counted, bytes.capacity()));
      pool.count_large(counted);
    }
    BlockPool& pool;
    std::vector<std::byte> bytes;
    std::size_t counted = 0;
  };

  std::unique_ptr<Held> held_;  // null while nothing waits
};

}  // namespace culvert
