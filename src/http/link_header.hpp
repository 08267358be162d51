// The Link values that Node's writeEarlyHints takes.
#pragma once
#include <string_view>

namespace culvert {

// "<uri-reference>" followed by parameters: `; name` or `; name=value`, the value a token or quoted. One link; several
// in one text are refused, as Node does with most.
bool valid_link(std::string_view text);

}  // namespace culvert
