// Texts that are not for everyone's eyes, and so need not stand in the configuration itself.
#pragma once
#include <string>
#include <string_view>

#include "config/diagnostic.hpp"
#include "config/node.hpp"
#include "config/values.hpp"

namespace culvert::config {

inline constexpr std::string_view secret_sources[] = {"file", "env", "credential"};

// Puts the text itself in the place of each value that says where it is, and checks it. Of a tree that may have errors:
// what is no secret by its form is left alone.
void read_secrets(Node& root, Diagnostics& diagnostics);

// The secret that `value` is or names; its form has been checked.
Parsed<std::string> read_secret(const Node& value);
// The file that this secret is in; empty: it is in none.
std::string file_of_secret(const Node& value);
// A whole file.
Parsed<std::string> read_file(const std::string& path);
// The same, but for the end of its last line.
Parsed<std::string> read_text_file(const std::string& path);

}  // namespace culvert::config
