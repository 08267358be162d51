// Text as a JSON string.
#pragma once
#include <string>
#include <string_view>

namespace culvert {

// Appends `text` with its quotes. Valid UTF-8 passes through; each byte that is not part of it becomes \ufffd.
void append_json_string(std::string& out, std::string_view text);

}  // namespace culvert
