// Texts that are not for everyone's eyes, and so need not stand in the configuration itself.
#pragma once
#include <string>
#include <string_view>

#include "config/node.hpp"
#include "config/values.hpp"

namespace culvert::config {

inline constexpr std::string_view secret_sources[] = {"file", "env", "credential"};

// Whether a value looks like one: a text, or a table that names one source.
bool is_secret(const Node& value);
// Of a value that does: as written, or from where it says. A line end behind it in a file is no part of it.
Parsed<std::string> read_secret(const Node& value);

// Of an [upstream.NAME]: "USER:PASSWORD" (RFC 7617).
Parsed<std::string> read_credentials(const Node& value);

}  // namespace culvert::config
