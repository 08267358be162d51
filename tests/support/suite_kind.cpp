#include "support/world.hpp"

// A file of its own: the linker leaves it out where a program has another.
namespace culvert::test {
const World::Kind World::suite_kind = Kind::memory;
}
