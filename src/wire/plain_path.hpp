// Whether a path is in normal form already, at a glance: nearly every one is, and every request asks.
#pragma once
#include <algorithm>
#include <string_view>

#include "base/uri_path.hpp"
#include "wire/sixteen.hpp"

namespace culvert::wire {

// What uri::is_plain_path() says: no escape, no backslash, no "//" and no "/.".
template <class Text = Sixteen>
bool is_plain_path(std::string_view path) {
  if (path.size() < sixteen) return uri::is_plain_path(path);
  const std::size_t last = path.size() - sixteen;
  for (std::size_t at = 0;; at = std::min(at + sixteen, last)) {
    const Text part = Text::at(path.data() + at);
    const Text slash = part.equal('/');
    const unsigned behind_slash = slash.places() << 1 | static_cast<unsigned>(at > 0 && path[at - 1] == '/');
    if ((part.equal('%') | part.equal('\\')).places() != 0) return false;
    if (((slash | part.equal('.')).places() & behind_slash) != 0) return false;
    if (at == last) return true;
  }
}

}  // namespace culvert::wire
