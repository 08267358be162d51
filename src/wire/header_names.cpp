#include "wire/header_names.hpp"

#include <array>
#include <cstddef>
#include <cstring>

#include "wire/header_lookup.hpp"

namespace culvert::wire {
namespace {

struct Row {
  std::string_view spelling;
  std::uint8_t flags = 0;
};

constexpr std::array<Row, lookup::count> rows{
    Row{"", plain},
#define CULVERT_HEADER(id, spelling, flags) Row{spelling, flags},
#include "wire/header_names.def"
#undef CULVERT_HEADER
};

}  // namespace

HeaderId header_id(std::string_view name) {
  if (name.size() > lookup::name_bytes_max) return HeaderId::other;
  char guarded[lookup::name_bytes_max] = {};
  std::memcpy(guarded, name.data(), name.size());
  return lookup::guarded_header_id({guarded, name.size()});
}

std::string_view spelling(HeaderId id) { return rows[static_cast<std::size_t>(id)].spelling; }

std::uint8_t flags_of(HeaderId id) { return rows[static_cast<std::size_t>(id)].flags; }

}  // namespace culvert::wire
