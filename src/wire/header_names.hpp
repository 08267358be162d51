// Header names as numbers, with what a proxy must know of each. Generated from header_names.def.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "culvert/headers.hpp"

namespace culvert {

enum class HeaderId : std::uint16_t {
  other = 0,
#define CULVERT_HEADER(id, spelling, flags) id,
#include "wire/header_names.def"
#undef CULVERT_HEADER
  count_
};

namespace wire {

// What a name means for a relay and for the joined view of a message. A set of bits.
enum HeaderFlags : std::uint8_t {
  plain = 0,
  hop_by_hop = 1,   // belongs to one connection: never relayed
  list = 2,         // a comma-separated list: lines may be joined
  singleton = 4,    // at most one line; Node keeps the first of several
  framing = 8,      // says where a message ends
  protected_ = 16,  // Connection may not nominate it for removal; not allowed as a trailer
};

struct HeaderRow {
  std::string_view spelling;
  std::uint8_t flags;
};
inline constexpr HeaderRow header_rows[] = {
    {"", plain},
#define CULVERT_HEADER(id, spelling, flags) {spelling, flags},
#include "wire/header_names.def"
#undef CULVERT_HEADER
};

HeaderId header_id(std::string_view name);  // any case; `other` where there is no row
constexpr std::string_view spelling(HeaderId id) { return header_rows[static_cast<std::size_t>(id)].spelling; }
constexpr std::uint8_t flags_of(HeaderId id) { return header_rows[static_cast<std::size_t>(id)].flags; }

}  // namespace wire
}  // namespace culvert
