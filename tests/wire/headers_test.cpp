// If this fails, header lines get lost, out of order, or are not found by name.
#include "culvert/headers.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/arena.hpp"
#include "wire/header_names.hpp"

namespace culvert {
namespace {

class HeaderListTest : public testing::Test {
 protected:
  void add(std::string_view name, std::string_view value) {
    headers_.push(arena_, {wire::header_id(name), arena_.copy(name), arena_.copy(value)});
  }
  BlockPool pool_;
  Arena arena_{pool_};
  HeaderList headers_;
};

TEST_F(HeaderListTest, KeepsOrderCaseAndRepetitionWhileItGrows) {
  for (int i = 0; i < 100; ++i) add("X-Name", std::to_string(i));
  ASSERT_EQ(headers_.size(), 100u);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(headers_[i].name, "X-Name");
    EXPECT_EQ(headers_[i].value, std::to_string(i));
  }
}

TEST_F(HeaderListTest, FindsTheFirstLineByIdOrByName) {
  add("X-Other", "1");
  add("HOST", "a");
  add("host", "b");
  add("x-OTHER", "2");
  EXPECT_EQ(headers_.find(HeaderId::host)->value, "a");
  EXPECT_EQ(headers_.find("Host")->value, "a");
  EXPECT_EQ(headers_.find("x-other")->value, "1");
  EXPECT_EQ(headers_.find("x-othe"), nullptr);
  EXPECT_EQ(headers_.find(HeaderId::via), nullptr);
}

// Ids that differ by 64 share the bit that is asked first: the answer of find() must come from the lines.
TEST_F(HeaderListTest, FindsNoLineThatIsNotThere) {
  for (int id = 1; id < static_cast<int>(HeaderId::count_); ++id) {
    headers_.clear();
    EXPECT_FALSE(headers_.may_have(static_cast<HeaderId>(id)));
    add(wire::spelling(static_cast<HeaderId>(id)), "x");
    for (int other = 1; other < static_cast<int>(HeaderId::count_); ++other) {
      EXPECT_EQ(headers_.find(static_cast<HeaderId>(other)) != nullptr, id == other) << id << " and " << other;
    }
  }
}

TEST_F(HeaderListTest, FindsTokensOverAllLines) {
  add("Connection", "keep-alive,\tUpgrade ,");
  add("Connection", ", close");
  add("TE", "trailers");
  EXPECT_TRUE(headers_.has_token(HeaderId::connection, "upgrade"));
  EXPECT_TRUE(headers_.has_token(HeaderId::connection, "keep-alive"));
  EXPECT_TRUE(headers_.has_token(HeaderId::connection, "Close"));
  EXPECT_FALSE(headers_.has_token(HeaderId::connection, "keep"));
  EXPECT_FALSE(headers_.has_token(HeaderId::connection, "trailers"));
}

TEST_F(HeaderListTest, ForgetsTheLastLine) {
  add("A", "1");
  add("B", "2");
  headers_.remove_last();
  ASSERT_EQ(headers_.size(), 1u);
  EXPECT_EQ(headers_[0].name, "A");
  headers_.clear();
  EXPECT_TRUE(headers_.empty());
}

}  // namespace
}  // namespace culvert
