// What would break: connections and deadlines would be visited after their death, twice, or not at all.
#include "base/intrusive_list.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace culvert {
namespace {

struct Element : ListHook {
  explicit Element(char letter) : name(letter) {}
  char name;
};

class IntrusiveListTest : public ::testing::Test {
 protected:
  std::string names(IntrusiveList<Element>& list) {
    std::string all;
    list.for_each([&](Element& element) { all += element.name; });
    return all;
  }
  Element a_{'a'}, b_{'b'}, c_{'c'};
  IntrusiveList<Element> list_;
};

TEST_F(IntrusiveListTest, KeepsTheOrder) {
  EXPECT_TRUE(list_.empty());
  list_.push_back(b_);
  list_.push_back(c_);
  list_.push_front(a_);
  EXPECT_EQ(names(list_), "abc");
  EXPECT_EQ(list_.front().name, 'a');
  EXPECT_EQ(list_.back().name, 'c');
}

TEST_F(IntrusiveListTest, AnElementLeavesWhenItLikesAndWhenItDies) {
  list_.push_back(a_);
  {
    Element brief('x');
    list_.push_back(brief);
    list_.push_back(b_);
  }
  EXPECT_EQ(names(list_), "ab");
  a_.unlink();
  EXPECT_FALSE(a_.linked());
  a_.unlink();
  EXPECT_EQ(names(list_), "b");
}

TEST_F(IntrusiveListTest, TheVisitorMayDestroyWhatItVisits) {
  std::vector<std::unique_ptr<Element>> elements;
  for (const char name : {'a', 'b', 'c'}) list_.push_back(*elements.emplace_back(std::make_unique<Element>(name)));
  std::string visited;
  list_.for_each([&](Element& element) {
    visited += element.name;
    elements[static_cast<std::size_t>(element.name - 'a')].reset();
  });
  EXPECT_EQ(visited, "abc");
  EXPECT_TRUE(list_.empty());
}

TEST_F(IntrusiveListTest, SplicesBehindWhatItHas) {
  IntrusiveList<Element> other;
  list_.push_back(a_);
  other.push_back(b_);
  other.push_back(c_);
  list_.splice_back(other);
  EXPECT_EQ(names(list_), "abc");
  EXPECT_TRUE(other.empty());
}

TEST_F(IntrusiveListTest, ADyingListLetsItsElementsGo) {
  {
    IntrusiveList<Element> brief;
    brief.push_back(a_);
  }
  EXPECT_FALSE(a_.linked());
}

}  // namespace
}  // namespace culvert
