// What would break: header text of one message would overlap, move, or leak with every request.
#include "base/arena.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace culvert {
namespace {

class ArenaTest : public ::testing::Test {
 protected:
  BlockPool pool_;
  Arena arena_{pool_};
};

TEST_F(ArenaTest, UnusedItHoldsNothing) {
  EXPECT_TRUE(arena_.copy("").empty());
  EXPECT_EQ(pool_.in_use(), 0u);
}

TEST_F(ArenaTest, CopiesStayWhereTheyAre) {
  std::vector<std::string_view> copies;
  for (int i = 0; i < 2000; ++i) copies.push_back(arena_.copy("text " + std::to_string(i)));
  for (int i = 0; i < 2000; ++i) EXPECT_EQ(copies[static_cast<std::size_t>(i)], "text " + std::to_string(i));
  EXPECT_GT(pool_.in_use(), 1u);
}

TEST_F(ArenaTest, AlignsWhatItIsAskedFor) {
  for (const std::size_t alignment : {1u, 2u, 4u, 8u, 16u}) {
    arena_.copy("x");
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arena_.allocate(1, alignment)) % alignment, 0u);
  }
}

TEST_F(ArenaTest, ArraysBeginAsZeroes) {
  arena_.copy("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
  for (const int value : arena_.array<int>(100)) EXPECT_EQ(value, 0);
}

TEST_F(ArenaTest, TheLastPieceGrowsInPlace) {
  const std::string_view piece = arena_.copy("abc");
  const std::string_view longer = arena_.extend(piece, "def");
  EXPECT_EQ(longer, "abcdef");
  EXPECT_EQ(longer.data(), piece.data());
}

TEST_F(ArenaTest, AnotherPieceGrowsElsewhere) {
  const std::string_view piece = arena_.copy("abc");
  const std::string_view other = arena_.copy("xyz");
  EXPECT_EQ(arena_.extend(piece, "def"), "abcdef");
  EXPECT_EQ(arena_.extend({}, "new"), "new");
  EXPECT_EQ(other, "xyz");
}

TEST_F(ArenaTest, GrowsPastTheEndOfABlock) {
  std::string expected;
  std::string_view piece;
  for (int i = 0; i < 300; ++i) {
    expected += "0123456789abcdefghijklmnopqrstuvwxyz";
    piece = arena_.extend(piece, "0123456789abcdefghijklmnopqrstuvwxyz");
  }
  EXPECT_EQ(piece, expected);
}

TEST_F(ArenaTest, PiecesLargerThanABlockComeFromElsewhere) {
  const std::string large(Block::capacity() + 1, 'x');
  EXPECT_EQ(arena_.copy(large), large);
  EXPECT_EQ(pool_.in_use(), 0u);
  const std::string_view fits = arena_.copy(std::string(Block::capacity() - 1, 'y'));
  EXPECT_EQ(fits.size(), Block::capacity() - 1);
  EXPECT_EQ(pool_.in_use(), 1u);
}

TEST_F(ArenaTest, GivesEverythingBack) {
  for (int i = 0; i < 1000; ++i) arena_.allocate(100);
  arena_.allocate(100'000);
  arena_.clear();
  EXPECT_EQ(pool_.in_use(), 0u);
  EXPECT_EQ(arena_.copy("again"), "again");
  EXPECT_EQ(pool_.in_use(), 1u);
}

}  // namespace
}  // namespace culvert
