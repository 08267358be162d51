#include "base/uri_path.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/ascii.hpp"

namespace culvert::uri {

namespace {

int hex_value(char c) {
  if (ascii::is_digit(c)) return c - '0';
  const char lower = ascii::to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool unreserved(char c) {
  const char lower = ascii::to_lower(c);
  return (lower >= 'a' && lower <= 'z') || ascii::is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

// Writes `path` with its escapes in normal form at `out`; returns the end of it, or null where one is refused.
char* write_unescaped(std::string_view path, bool keep_slashes, char* out) {
  for (std::size_t at = 0; at < path.size(); ++at) {
    char c = path[at];
    if (c == '%') {
      const int high = at + 2 < path.size() ? hex_value(path[at + 1]) : -1;
      const int low = high >= 0 ? hex_value(path[at + 2]) : -1;
      if (low < 0) return nullptr;
      const char meant = static_cast<char>(high * 16 + low);
      if (meant == '\0' || ((meant == '/' || meant == '\\') && !keep_slashes)) return nullptr;
      if (unreserved(meant)) {
        c = meant;
        at += 2;
      } else {
        *out++ = c;
        *out++ = ascii::to_upper(path[at + 1]);
        c = ascii::to_upper(path[at + 2]);
        at += 2;
      }
    } else if (c == '\\' && !keep_slashes) {
      return nullptr;
    }
    *out++ = c;
  }
  return out;
}

// Resolves the segments of `text` in place; returns how much of it is left, or nothing where a segment is refused.
std::optional<std::size_t> resolve_segments(char* text, std::size_t size, bool merge_slashes) {
  const std::string_view path{text, size};
  std::size_t kept = 0;
  for (std::size_t at = 0; at < size;) {
    const std::size_t end = std::min(path.find('/', at + 1), size);
    const std::string_view segment = path.substr(at + 1, end - at - 1);
    const std::string_view name = segment.substr(0, segment.find(';'));
    const bool last = end == size;
    if (name == "." || name == "..") {
      if (name.size() != segment.size()) return std::nullopt;
      if (name == "..") kept = kept == 0 ? 0 : path.rfind('/', kept - 1);
      if (last) text[kept++] = '/';
    } else if (!segment.empty() || last || !merge_slashes) {
      std::memmove(text + kept, text + at, end - at);
      kept += end - at;
    }
    at = end;
  }
  return kept;
}

}  // namespace

std::optional<std::string_view> normal_path(std::string_view path, const PathRules& rules, Arena& arena) {
  if (is_plain_path(path)) return path;
  char* const text = static_cast<char*>(arena.allocate(path.size(), 1));
  const char* const end = write_unescaped(path, rules.keep_escaped_slashes, text);
  if (end == nullptr) return std::nullopt;
  const std::optional<std::size_t> size = resolve_segments(text, static_cast<std::size_t>(end - text), rules.merge_slashes);
  if (!size) return std::nullopt;
  const std::string_view result{text, *size};
  return result == path ? path : result;
}

}  // namespace culvert::uri
