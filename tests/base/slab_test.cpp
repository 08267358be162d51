// What would break: requests would cost a malloc each, or an object would get memory that is still in use.
#include "base/slab.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace culvert {
namespace {

struct Thing {
  explicit Thing(std::string text, int* destroyed = nullptr) : name(std::move(text)), destroyed_(destroyed) {}
  ~Thing() {
    if (destroyed_ != nullptr) ++*destroyed_;
  }
  std::string name;
  int* destroyed_;
};

TEST(Slab, MakesAndDestroys) {
  Slab<Thing> slab;
  int destroyed = 0;
  Thing* thing = slab.make("a name that is too long for the small place of a string", &destroyed);
  EXPECT_EQ(thing->name, "a name that is too long for the small place of a string");
  EXPECT_EQ(slab.in_use(), 1u);
  slab.destroy(thing);
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(slab.in_use(), 0u);
}

TEST(Slab, UsesAPlaceAgain) {
  Slab<Thing> slab;
  Thing* first = slab.make("1");
  const void* place = first;
  slab.destroy(first);
  EXPECT_EQ(slab.kept(), 1u);
  Thing* second = slab.make("2");
  EXPECT_EQ(second, place);
  EXPECT_EQ(slab.kept(), 0u);
  slab.destroy(second);
}

TEST(Slab, ThingsInUseHavePlacesOfTheirOwn) {
  Slab<Thing> slab;
  std::set<Thing*> things;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 10; ++i) things.insert(slab.make(std::to_string(i)));
    EXPECT_EQ(things.size(), 10u);
    for (Thing* thing : things) slab.destroy(thing);
    things.clear();
  }
}

TEST(Slab, KeepsNoMoreThanItsLimit) {
  Slab<Thing> slab(2);
  Thing* things[] = {slab.make("1"), slab.make("2"), slab.make("3")};
  for (Thing* thing : things) slab.destroy(thing);
  EXPECT_EQ(slab.kept(), 2u);
}

}  // namespace
}  // namespace culvert
