#include "wire/parse_error.hpp"

#include <array>
#include <cstddef>
#include <string>

namespace culvert::wire {
namespace {

struct Row {
  std::string_view name;
  std::uint16_t status;
  std::string_view sentence;
};

constexpr std::array rows{
    Row{"ok", 0, "no error"},
#define CULVERT_PARSE_ERROR(name, status, sentence) Row{#name, status, sentence},
#include "wire/parse_error.def"
#undef CULVERT_PARSE_ERROR
};

const Row& row_of(int value) {
  const auto index = static_cast<std::size_t>(value);
  return index < rows.size() ? rows[index] : rows.back();
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "http/1"; }
  std::string message(int value) const override { return std::string(row_of(value).sentence); }
};

}  // namespace

const std::error_category& parse_category() {
  static const Category category;
  return category;
}

std::string_view name_of(ParseError error) { return row_of(static_cast<int>(error)).name; }

ParseError parse_error_named(std::string_view name) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].name == name) return static_cast<ParseError>(i);
  }
  return ParseError::HPE_INTERNAL;
}

std::uint16_t status_for(std::error_code error) {
  return error.category() == parse_category() ? row_of(error.value()).status : std::uint16_t{400};
}

}  // namespace culvert::wire
