// The table behind header_id(), for readers of heads, which look up every name: inline, and sixteen bytes at a time.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/ascii.hpp"
#include "wire/header_names.hpp"
#include "wire/sixteen.hpp"

namespace culvert::wire::lookup {

inline constexpr std::size_t name_bytes_max = 48;
inline constexpr auto count = static_cast<std::size_t>(HeaderId::count_);

// A name is the row's where it is `lower` as soon as the bits of `ignored` are set in it: the case of letters, and all
// of what stands behind the name.
struct Row {
  std::array<char, name_bytes_max> lower{};
  std::array<char, name_bytes_max> ignored{};
  std::size_t size = 0;
};

constexpr Row row(std::string_view spelling) {
  Row result{.size = spelling.size()};
  for (std::size_t i = 0; i < name_bytes_max; ++i) {
    const char lower = i < spelling.size() ? ascii::to_lower(spelling[i]) : '\xff';
    const bool letter = lower >= 'a' && lower <= 'z';
    result.lower[i] = lower;
    result.ignored[i] = i >= spelling.size() ? '\xff' : letter ? ' ' : '\0';
  }
  return result;
}

inline constexpr std::array<Row, count> rows{
    row(""),
#define CULVERT_HEADER(id, spelling, flags) row(spelling),
#include "wire/header_names.def"
#undef CULVERT_HEADER
};

// The length and three characters tell all known names apart, and this multiplier gives each a slot of its own. A new
// name that shares a slot fails to compile: then any other odd number for which it compiles will do.
inline constexpr std::uint64_t multiplier = 0x064062f4beb38f43;
inline constexpr int slot_bits = 9;

constexpr std::size_t slot_of(std::string_view name) {
  const auto at = [&](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(name[i])}; };
  const std::size_t size = name.size();
  const std::uint64_t key = size | at(0) << 8 | at(size / 2) << 16 | at(size - 2) << 24;
  constexpr std::uint64_t any_case = 0x20202000;
  return static_cast<std::size_t>(((key | any_case) * multiplier) >> (64 - slot_bits));
}

inline constexpr auto slots = [] {
  std::array<std::uint8_t, std::size_t{1} << slot_bits> table{};
  std::size_t id = 0;
#define CULVERT_HEADER(name, spelling, flags) \
  if (table[slot_of(spelling)] != 0) throw "two header names share a slot"; \
  table[slot_of(spelling)] = static_cast<std::uint8_t>(++id);
#include "wire/header_names.def"
#undef CULVERT_HEADER
  return table;
}();
static_assert(count <= 256);

// What header_id() answers, for a name behind which fifteen bytes may be read.
inline HeaderId guarded_header_id(std::string_view name) {
  if (name.size() < 2) return HeaderId::other;
  const std::size_t id = slots[slot_of(name)];
  const Row& known = rows[id];
  if (name.size() != known.size) return HeaderId::other;
  for (std::size_t i = 0; i < name.size(); i += sixteen) {
    const Sixteen same = Sixteen::at(name.data() + i) | Sixteen::at(known.ignored.data() + i);
    if (same.equal(Sixteen::at(known.lower.data() + i)).places() != all_places) return HeaderId::other;
  }
  return static_cast<HeaderId>(id);
}

}  // namespace culvert::wire::lookup
