#include "base/block_pool.hpp"

#include <cassert>

namespace culvert {

BlockPool::~BlockPool() {
  assert(in_use_ == 0);
  while (free_ != nullptr) ::operator delete(std::exchange(free_, free_->next));
}

Block* BlockPool::make() { return ::new (::operator new(Block::total_bytes)) Block; }

}  // namespace culvert
