// An [upstream.NAME] out of a tree in which the checker found no error.
#pragma once
#include <string>

#include "config/config.hpp"
#include "config/node.hpp"

namespace culvert::config {

Upstream build_upstream(const std::string& name, const Node& table);
Upstream upstream_of_url(const std::string& url);  // of which nothing else is said

}  // namespace culvert::config
