// Every limit and every timeout that holds, with what it is and where that is written.
#pragma once
#include <string>
#include <vector>

#include "config/node.hpp"

namespace culvert::config {

struct LimitInForce {
  std::string section;  // "[listener.web]"
  std::string name;
  std::string value;    // as a file says it; "off" where there is none
  std::string origin;   // FILE:LINE:COLUMN, or "default"
  std::string note;     // of one that is off: what bounds it instead
};

// Of a tree that was checked; in the order process, limits, listeners, routes, upstreams, auth.
std::vector<LimitInForce> limits_in_force(const Node& root);
// Sections with a line for each limit.
std::string to_text(const std::vector<LimitInForce>& limits);

}  // namespace culvert::config
