#include "wire/preface_error.hpp"

#include <array>
#include <cstddef>
#include <string>

namespace culvert::wire {
namespace {

struct Row {
  std::string_view name;
  std::string_view sentence;
};

constexpr std::array rows{
    Row{"ok", "no error"},
#define CULVERT_PREFACE_ERROR(name, sentence) Row{#name, sentence},
#include "wire/preface_error.def"
#undef CULVERT_PREFACE_ERROR
};

const Row& row_of(int value) {
  static constexpr Row unknown{"unknown", "unknown error"};
  const auto index = static_cast<std::size_t>(value);
  return index < rows.size() ? rows[index] : unknown;
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "preface"; }
  std::string message(int value) const override { return std::string(row_of(value).sentence); }
};

}  // namespace

const std::error_category& preface_category() {
  static const Category category;
  return category;
}

std::string_view name_of(PrefaceError error) { return row_of(static_cast<int>(error)).name; }

}  // namespace culvert::wire
