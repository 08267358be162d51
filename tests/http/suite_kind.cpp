#include "support/world.hpp"

namespace culvert::test {
const World::Kind World::suite_kind = Kind::CULVERT_WORLD;
}
