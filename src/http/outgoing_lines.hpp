// The headers that a program has set, as the lines of a head.
#pragma once
#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "culvert/outgoing_headers.hpp"
#include "wire/header_names.hpp"

namespace culvert {

// Whether a list is sent as one line: a Cookie always, others where the program asked for it (uniqueHeaders).
inline bool one_line(const OutgoingHeaders::Field& field, std::span<const std::string> unique_headers) {
  if (field.id == HeaderId::cookie) return true;
  return std::any_of(unique_headers.begin(), unique_headers.end(),
                     [&](const std::string& name) { return ascii::iequals(name, field.name); });
}

// Calls `put` with each Header in turn.
template <class Put>
void each_line(const OutgoingHeaders::Field& field, std::span<const std::string> unique_headers, Arena& arena, Put put) {
  if (field.values.size() > 1 && one_line(field, unique_headers)) {
    std::string_view joined = arena.copy(field.values.front());
    for (const std::string_view value : field.values.subspan(1)) joined = arena.extend(arena.extend(joined, "; "), value);
    return put(Header{field.id, field.name, joined});
  }
  for (const std::string_view value : field.values) put(Header{field.id, field.name, value});
}

}  // namespace culvert
