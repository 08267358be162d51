#include "base/block_pool.hpp"

#include <cassert>
#include <new>

namespace culvert {

BlockPool::~BlockPool() {
  assert(in_use_ == 0);
  while (free_ != nullptr) {
    Block* next = free_->next;
    ::operator delete(free_);
    free_ = next;
  }
}

Block* BlockPool::take() {
  ++in_use_;
  if (free_ == nullptr) return ::new (::operator new(Block::total_bytes)) Block;
  Block* block = free_;
  free_ = block->next;
  block->next = nullptr;
  --kept_;
  return block;
}

void BlockPool::give(Block* block) {
  --in_use_;
  if (kept_ == kept_max) return ::operator delete(block);
  block->next = free_;
  free_ = block;
  ++kept_;
}

}  // namespace culvert
