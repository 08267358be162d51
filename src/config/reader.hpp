// Reads one file into a tree. What is no TOML or YAML at all ends the reading; what is given twice does not.
#pragma once
#include <optional>

#include "config/diagnostic.hpp"
#include "config/node.hpp"

namespace culvert::config {

// The root table; nothing where the file cannot be read to its end.
std::optional<Node> read_toml(const Source& source, Diagnostics& diagnostics);
std::optional<Node> read_yaml(const Source& source, Diagnostics& diagnostics);

}  // namespace culvert::config
