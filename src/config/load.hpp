// Reads a configuration file (TOML, or YAML by the extension .yaml/.yml), with its includes, and checks it whole.
#pragma once
#include <memory>
#include <string>

#include "config/config.hpp"
#include "config/diagnostic.hpp"

namespace culvert::config {

struct Loaded {
  std::shared_ptr<const Config> config;  // null where there is an error
  Diagnostics diagnostics;               // errors and warnings, in file order
};

Loaded load(const std::string& path);

}  // namespace culvert::config
