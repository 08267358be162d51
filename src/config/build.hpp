// Makes the plain structs of config.hpp out of a tree in which the checker found no error.
#pragma once
#include "config/config.hpp"
#include "config/node.hpp"

namespace culvert::config {

Config build(const Node& root);

}  // namespace culvert::config
