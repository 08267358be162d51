// Memory in blocks of one size, kept for reuse by one thread: what a busy connection borrows, an idle one gives back.
#pragma once
#include <cstddef>
#include <new>
#include <utility>

namespace culvert {

// Each block's payload follows its header; `next` belongs to whoever holds the block.
struct Block {
  static constexpr std::size_t total_bytes = 4096;
  Block* next = nullptr;
  std::byte* data() { return reinterpret_cast<std::byte*>(this + 1); }
  static constexpr std::size_t capacity() { return total_bytes - sizeof(Block); }
};

class BlockPool {
 public:
  // Up to this many free blocks are kept (4 MiB); more go back to the system.
  static constexpr std::size_t kept_max = 1024;

  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  Block* take() {
    ++in_use_;
    if (free_ == nullptr) return make();
    --kept_;
    Block* const block = std::exchange(free_, free_->next);
    block->next = nullptr;
    return block;
  }
  void give(Block* block) {
    --in_use_;
    if (kept_ == kept_max) return ::operator delete(block);
    ++kept_;
    block->next = std::exchange(free_, block);
  }
  // Of pieces too large for a block, which their owners take from the heap and count here.
  void count_large(std::size_t bytes) { large_bytes_ += bytes; }
  void discount_large(std::size_t bytes) { large_bytes_ -= bytes; }

  std::size_t bytes_in_use() const { return in_use_ * Block::total_bytes + large_bytes_; }
  std::size_t in_use() const { return in_use_; }
  std::size_t kept() const { return kept_; }

 private:
  static Block* make();

  Block* free_ = nullptr;
  std::size_t kept_ = 0;
  std::size_t in_use_ = 0;
  std::size_t large_bytes_ = 0;
};

}  // namespace culvert
