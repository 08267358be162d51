// Holds a tree against the schema, and its parts against each other. Finds all that is wrong, not only the first.
#pragma once
#include "config/diagnostic.hpp"
#include "config/node.hpp"

namespace culvert::config {

// What is known but does not work in this version is reported only where nothing else is wrong.
void check(const Node& root, Diagnostics& diagnostics);

}  // namespace culvert::config
