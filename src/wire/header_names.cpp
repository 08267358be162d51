#include "wire/header_names.hpp"

#include <cstring>

#include "wire/header_lookup.hpp"

namespace culvert::wire {

HeaderId header_id(std::string_view name) {
  if (name.size() > lookup::name_bytes_max) return HeaderId::other;
  char guarded[lookup::name_bytes_max] = {};
  std::memcpy(guarded, name.data(), name.size());
  return lookup::guarded_header_id({guarded, name.size()});
}

}  // namespace culvert::wire
