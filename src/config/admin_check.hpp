// What is asked of [admin]: who can reach it from elsewhere has to say who he is.
#pragma once
#include "config/diagnostic.hpp"
#include "config/node.hpp"

namespace culvert::config {

void check_admin(const Node& root, Diagnostics& diagnostics);

}  // namespace culvert::config
