// One tree out of a file and the files that it includes.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "config/diagnostic.hpp"
#include "config/node.hpp"

namespace culvert::config {

// What was read: its tree is missing where a file could not be read to its end.
struct Files {
  std::optional<Node> tree;
  std::vector<std::string> names;  // in the order of reading
};

// Reads `path` and then what its `include` names, in the order of the patterns and, within one, of the names. Named
// sections come together, [[route]] lists follow each other, and nothing may be said twice.
Files read_with_includes(const std::string& path, Diagnostics& diagnostics);

}  // namespace culvert::config
