#include "culvert/outgoing_headers.hpp"

#include <algorithm>
#include <memory>

#include "base/arena.hpp"
#include "base/ascii.hpp"
#include "wire/header_names.hpp"

namespace culvert {

namespace {

constexpr std::uint32_t first_capacity = 8;

std::span<const std::string_view> copy(Arena& arena, std::span<const std::string_view> kept,
                                       std::span<const std::string_view> added) {
  const std::span<std::string_view> copies = arena.array<std::string_view>(kept.size() + added.size());
  std::copy(kept.begin(), kept.end(), copies.begin());
  for (std::size_t i = 0; i < added.size(); ++i) copies[kept.size() + i] = arena.copy(added[i]);
  return copies;
}

}  // namespace

HeaderValue OutgoingHeaders::Field::value() const {
  switch (kind) {
    case Kind::number: return static_cast<std::int64_t>(std::stoll(std::string(values.front())));
    case Kind::list: return std::vector<std::string_view>(values.begin(), values.end());
    case Kind::text: break;
  }
  return values.front();
}

const OutgoingHeaders::Field* OutgoingHeaders::find(std::string_view name) const {
  const HeaderId id = wire::header_id(name);
  for (const Field& field : *this) {
    if (field.id == id && (id != HeaderId::other || ascii::iequals(field.name, name))) return &field;
  }
  return nullptr;
}

OutgoingHeaders::Field& OutgoingHeaders::place_for(Arena& arena, std::string_view name) {
  if (const Field* known = find(name)) return const_cast<Field&>(*known);
  if (size_ == capacity_) {
    const std::uint32_t capacity = capacity_ == 0 ? first_capacity : 2 * capacity_;
    auto* place = static_cast<Field*>(arena.allocate(capacity * sizeof(Field), alignof(Field)));
    std::uninitialized_copy_n(first_, size_, place);
    first_ = place;
    capacity_ = capacity;
  }
  Field* field = ::new (first_ + size_++) Field{};
  field->id = wire::header_id(name);
  return *field;
}

void OutgoingHeaders::set(Arena& arena, std::string_view name, Kind kind, std::span<const std::string_view> values) {
  Field& field = place_for(arena, name);
  field.name = arena.copy(name);
  field.kind = kind;
  field.values = copy(arena, {}, values);
}

void OutgoingHeaders::append(Arena& arena, std::string_view name, std::span<const std::string_view> values) {
  Field& field = place_for(arena, name);
  if (field.name.empty()) field.name = arena.copy(name);
  field.values = copy(arena, field.values, values);
  field.kind = field.values.size() == 1 ? Kind::text : Kind::list;
}

bool OutgoingHeaders::remove(std::string_view name) {
  const Field* known = find(name);
  if (known == nullptr) return false;
  std::copy(known + 1, end(), const_cast<Field*>(known));
  --size_;
  return true;
}

}  // namespace culvert
