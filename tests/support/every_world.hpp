// For suites that run in all three worlds within one program:
//
//   INSTANTIATE_TEST_SUITE_P(All, MyTest, every_world, name_of_world);
#pragma once
#include <gtest/gtest.h>

#include <string>

#include "support/world.hpp"

namespace culvert::test {

inline const auto every_world =
    ::testing::Values(World::Kind::memory, World::Kind::trickle, World::Kind::sockets);

inline std::string name_of_world(const ::testing::TestParamInfo<World::Kind>& info) {
  constexpr const char* names[] = {"Memory", "Trickle", "Sockets"};
  return names[static_cast<std::size_t>(info.param)];
}

}  // namespace culvert::test
