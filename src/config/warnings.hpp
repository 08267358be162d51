// What is allowed but surely not meant.
#pragma once
#include "config/config.hpp"
#include "config/diagnostic.hpp"
#include "config/node.hpp"

namespace culvert::config {

// `config` was built from `root`.
void add_warnings(const Node& root, const Config& config, Diagnostics& diagnostics);

// Whether `earlier` matches every request that `later` matches, as far as can be told without trying them.
bool covers(const Match& earlier, const Match& later);

}  // namespace culvert::config
