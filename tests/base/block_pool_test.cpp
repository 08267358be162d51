// What would break: memory of one connection would be given to another, or never go back to the system.
#include "base/block_pool.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace culvert {
namespace {

TEST(BlockPool, GivesTheLastBlockAgain) {
  BlockPool pool;
  Block* block = pool.take();
  EXPECT_EQ(pool.in_use(), 1u);
  pool.give(block);
  EXPECT_EQ(pool.in_use(), 0u);
  EXPECT_EQ(pool.kept(), 1u);
  EXPECT_EQ(pool.take(), block);
  EXPECT_EQ(block->next, nullptr);
  pool.give(block);
}

TEST(BlockPool, BlocksInUseAreDifferentOnes) {
  BlockPool pool;
  std::set<Block*> blocks;
  for (int i = 0; i < 10; ++i) blocks.insert(pool.take());
  EXPECT_EQ(blocks.size(), 10u);
  for (Block* block : blocks) pool.give(block);
}

TEST(BlockPool, KeepsNoMoreThanItsLimit) {
  BlockPool pool;
  std::vector<Block*> blocks;
  for (std::size_t i = 0; i < BlockPool::kept_max + 1; ++i) blocks.push_back(pool.take());
  for (Block* block : blocks) pool.give(block);
  EXPECT_EQ(pool.kept(), BlockPool::kept_max);
}

}  // namespace
}  // namespace culvert
