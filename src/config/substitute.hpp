// ${NAME} and ${NAME:-default} in values, from the environment.
#pragma once
#include "config/diagnostic.hpp"
#include "config/node.hpp"

namespace culvert::config {

// Replaces in every string below `node`. What was replaced has no type of its own any more, so that
// threads = "${THREADS}" is a number. A name that is not set, without a default, is an error.
void substitute(Node& node, Diagnostics& diagnostics);

}  // namespace culvert::config
