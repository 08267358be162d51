// What would break: routes and upstreams would be freed under the exchanges that use them, or never.
#include "base/ref.hpp"

#include <gtest/gtest.h>

namespace culvert {
namespace {

struct Counted final : RefCounted {
  explicit Counted(int& alive) : alive_(alive) { ++alive_; }
  ~Counted() { --alive_; }
  int value = 7;
  int& alive_;
};

TEST(Ref, TheLastOneDestroys) {
  int alive = 0;
  Ref<Counted> first = make_ref<Counted>(alive);
  {
    const Ref<Counted> second = first;
    EXPECT_EQ(second, first);
    EXPECT_FALSE(first.is_last());
    first = nullptr;
    EXPECT_FALSE(first);
    EXPECT_FALSE(first.is_last());
    EXPECT_TRUE(second.is_last());
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(second->value, 7);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Ref, MovingTakesTheReferenceAlong) {
  int alive = 0;
  Ref<Counted> first = make_ref<Counted>(alive);
  Ref<Counted> second = std::move(first);
  EXPECT_EQ(first.get(), nullptr);
  EXPECT_EQ(alive, 1);
  second = make_ref<Counted>(alive);
  EXPECT_EQ(alive, 1);
}

TEST(Ref, AssigningItToItselfKeepsIt) {
  int alive = 0;
  Ref<Counted> ref = make_ref<Counted>(alive);
  const Ref<Counted>& same = ref;
  ref = same;
  EXPECT_EQ(alive, 1);
  EXPECT_EQ((*ref).value, 7);
}

TEST(Ref, CountsInTheObjectSoThatAPointerIsEnough) {
  int alive = 0;
  auto* object = new Counted(alive);
  {
    const Ref<Counted> first(object);
    const Ref<const Counted> second(object);
    EXPECT_EQ(second->value, 7);
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace culvert
