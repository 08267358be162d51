// Reads a configuration file (TOML, or YAML by the extension .yaml/.yml), with its includes, and checks it whole.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/diagnostic.hpp"
#include "config/limits_list.hpp"

namespace culvert::config {

struct Loaded {
  std::shared_ptr<const Config> config;  // null where there is an error
  Diagnostics diagnostics;               // errors and warnings, in file order
  std::vector<LimitInForce> limits;      // of the config
};

Loaded load(const std::string& path);

}  // namespace culvert::config
