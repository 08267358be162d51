#include "culvert/headers.hpp"

#include <memory>

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "wire/header_names.hpp"

namespace culvert {

namespace {
constexpr std::uint32_t first_capacity = 24;  // more than most messages have
}

const Header* HeaderList::search(HeaderId id) const {
  assert(id != HeaderId::other);
  for (const Header& header : *this) {
    if (header.id == id) return &header;
  }
  return nullptr;
}

const Header* HeaderList::find(std::string_view name) const {
  if (const HeaderId id = wire::header_id(name); id != HeaderId::other) return find(id);
  for (const Header& header : *this) {
    if (header.id == HeaderId::other && ascii::iequals(header.name, name)) return &header;
  }
  return nullptr;
}

bool HeaderList::has_token(HeaderId id, std::string_view token) const {
  if (!may_have(id)) return false;
  for (const Header& header : *this) {
    if (header.id != id) continue;
    for (std::string_view rest = header.value; !rest.empty();) {
      if (ascii::iequals(ascii::take_member(rest), token)) return true;
    }
  }
  return false;
}

void HeaderList::grow(Arena& arena) {
  capacity_ = capacity_ == 0 ? first_capacity : capacity_ * 2;
  auto* place = static_cast<Header*>(arena.allocate(capacity_ * sizeof(Header), alignof(Header)));
  std::uninitialized_copy_n(first_, size_, place);
  first_ = place;
}

}  // namespace culvert
