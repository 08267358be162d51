// The path of a URI in the one form in which it is matched and passed on (RFC 3986 6.2.2), so that no two programs on the
// way look at different ones.
#pragma once
#include <optional>
#include <string_view>

#include "base/arena.hpp"

namespace culvert::uri {

struct PathRules {
  bool merge_slashes = true;          // "//" is read as "/"
  bool keep_escaped_slashes = false;  // "%2F", "%5C" and "\" stay as they are; else they are refused
};

// Whether there is nothing to do for normal_path(): so it is for nearly every path, and says so after one look.
inline bool is_plain_path(std::string_view path) {
  char before = '\0';
  for (const char c : path) {
    if (c == '%' || c == '\\' || (before == '/' && (c == '/' || c == '.'))) return false;
    before = c;
  }
  return true;
}

// `path`, which begins with "/": escapes of unreserved characters decoded, the others in capitals, dot segments resolved,
// slashes merged. It is `path` itself where that changes nothing, else lies in `arena`. Nothing where it can be read in
// more than one way: an escape that is none, or of NUL; a slash that only some would take for one; a dot segment with
// parameters ("..;").
std::optional<std::string_view> normal_path(std::string_view path, const PathRules& rules, Arena& arena);

}  // namespace culvert::uri
