#include "wire/websocket_error.hpp"

#include <array>
#include <cstddef>
#include <string>

namespace culvert::wire {
namespace {

struct Row {
  std::string_view name;
  std::uint16_t close_code;
  std::string_view sentence;
};

constexpr std::uint16_t our_own_fault = 1011;

constexpr std::array rows{
    Row{"ok", 0, "no error"},
#define CULVERT_WEBSOCKET_ERROR(name, close_code, sentence) Row{#name, close_code, sentence},
#include "wire/websocket_error.def"
#undef CULVERT_WEBSOCKET_ERROR
};

const Row& row_of(int value) {
  static constexpr Row unknown{"unknown", our_own_fault, "unknown error"};
  const auto index = static_cast<std::size_t>(value);
  return index < rows.size() ? rows[index] : unknown;
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "websocket"; }
  std::string message(int value) const override { return std::string(row_of(value).sentence); }
};

}  // namespace

const std::error_category& websocket_category() {
  static const Category category;
  return category;
}

std::string_view name_of(WebSocketError error) { return row_of(static_cast<int>(error)).name; }

std::uint16_t close_code_for(std::error_code error) {
  return error.category() == websocket_category() ? row_of(error.value()).close_code : our_own_fault;
}

}  // namespace culvert::wire
