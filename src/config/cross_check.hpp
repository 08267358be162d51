// Rules that concern more than one value: what may stand together, and what may stand only once.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.hpp"
#include "config/node.hpp"
#include "culvert/endpoint.hpp"

namespace culvert::config {

// Passes over values that are wrong by themselves: the checker has reported them.
void cross_check(const Node& root, Diagnostics& diagnostics);

// The tables of a list section such as [[route]]; the entries of a section of named tables such as [listener.NAME].
std::vector<const Node*> tables_of(const Node& root, std::string_view section);
std::vector<const Entry*> named_tables_of(const Node& root, std::string_view section);

// "route 3" where the file gives no name; `position` counts from 0.
std::string route_name(const Node& route, std::size_t position);

// Where `value` says to listen; nowhere where it is wrong, which is told elsewhere.
std::vector<Address> listen_addresses_of(const Node& value);

}  // namespace culvert::config
