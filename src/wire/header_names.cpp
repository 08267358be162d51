#include "wire/header_names.hpp"

#include <array>
#include <cstddef>
#include <cstring>

#include "base/ascii.hpp"
#include "wire/text.hpp"

namespace culvert::wire {
namespace {

constexpr std::size_t name_bytes_max = 40;
constexpr auto count = static_cast<std::size_t>(HeaderId::count_);

struct Row {
  std::string_view spelling;
  std::array<char, name_bytes_max> lower{};
  std::uint8_t flags = 0;
};

constexpr Row row(std::string_view spelling, int flags) {
  Row result{spelling, {}, static_cast<std::uint8_t>(flags)};
  for (std::size_t i = 0; i < spelling.size(); ++i) result.lower[i] = ascii::to_lower(spelling[i]);
  return result;
}

constexpr std::array<Row, count> rows{
    row("", plain),
#define CULVERT_HEADER(id, spelling, flags) row(spelling, flags),
#include "wire/header_names.def"
#undef CULVERT_HEADER
};

// The length and three characters tell all known names apart, and this multiplier gives each a slot of its own. A new
// name that shares a slot fails to compile: then any other odd number for which it compiles will do.
constexpr std::uint64_t multiplier = 0xf56910137f339125;
constexpr int slot_bits = 9;

constexpr std::size_t slot_of(std::string_view name) {
  const auto at = [&](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(name[i])}; };
  const std::size_t size = name.size();
  const std::uint64_t key = size | at(0) << 8 | at(size / 2) << 16 | at(size - 2) << 24;
  constexpr std::uint64_t any_case = 0x20202000;
  return static_cast<std::size_t>(((key | any_case) * multiplier) >> (64 - slot_bits));
}

constexpr auto slots = [] {
  std::array<std::uint8_t, std::size_t{1} << slot_bits> table{};
  for (std::size_t id = 1; id < count; ++id) {
    auto& slot = table[slot_of(rows[id].spelling)];
    if (slot != 0) throw "two header names share a slot";
    slot = static_cast<std::uint8_t>(id);
  }
  return table;
}();
static_assert(count <= 256);

template <class Word>
bool same_word(const char* name, const char* lower) {
  Word left, right;
  std::memcpy(&left, name, sizeof left);
  std::memcpy(&right, lower, sizeof right);
  // In a lower-case name only letters have bit 0x40; there, and only there, bit 0x20 of the other does not matter.
  const auto letters = static_cast<Word>((right & static_cast<Word>(0x4040404040404040)) >> 1);
  return (left | letters) == right;
}

// Whole words, the last one overlapping the one before.
template <class Word>
bool same_words(const char* name, const char* lower, std::size_t size) {
  for (std::size_t i = 0; i + sizeof(Word) < size; i += sizeof(Word)) {
    if (!same_word<Word>(name + i, lower + i)) return false;
  }
  return same_word<Word>(name + size - sizeof(Word), lower + size - sizeof(Word));
}

bool same_name(std::string_view name, const Row& known) {
  if (name.size() != known.spelling.size()) return false;
  if (name.size() >= 8) return same_words<std::uint64_t>(name.data(), known.lower.data(), name.size());
  if (name.size() >= 4) return same_words<std::uint32_t>(name.data(), known.lower.data(), name.size());
  return same_words<std::uint8_t>(name.data(), known.lower.data(), name.size());
}

}  // namespace

HeaderId header_id(std::string_view name) {
  if (name.size() < 2) return HeaderId::other;
  const std::size_t id = slots[slot_of(name)];
  return id != 0 && same_name(name, rows[id]) ? static_cast<HeaderId>(id) : HeaderId::other;
}

std::string_view spelling(HeaderId id) { return rows[static_cast<std::size_t>(id)].spelling; }

std::uint8_t flags_of(HeaderId id) { return rows[static_cast<std::size_t>(id)].flags; }

}  // namespace culvert::wire
