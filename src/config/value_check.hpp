// Holds one value against its row of the schema.
#pragma once
#include <optional>
#include <string>

#include "config/diagnostic.hpp"
#include "config/node.hpp"
#include "config/schema.hpp"

namespace culvert::config {

// What is wrong with a scalar that stands where `key` wants one; `name` is its full dotted name.
std::optional<Diagnostic> check_value(const Key& key, const Node& value, const std::string& name);

// "upstream.api" must be a table, not a string
Diagnostic wrong_type(const std::string& name, std::string_view expected, const Node& value, std::string label = {},
                      std::string help = {});

// one of: "a", "b"
std::string one_of(std::string_view choices);

// A value that is fine but asks for what this version cannot do.
bool needs_later_version(const Key& key, const Node& value);

}  // namespace culvert::config
