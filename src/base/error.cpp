#include "culvert/error.hpp"

#include <array>

namespace culvert {

namespace {

struct Row {
  std::string_view name;
  const char* sentence;
};

constexpr std::array rows{
    Row{"ok", "no error"},
#define CULVERT_ROW(name, sentence) Row{#name, sentence},
    CULVERT_ERRORS(CULVERT_ROW)
#undef CULVERT_ROW
};

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "culvert"; }
  std::string message(int value) const override {
    const auto index = static_cast<std::size_t>(value);
    return index < rows.size() ? rows[index].sentence : "unknown error";
  }
  std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<errc>(value)) {
      case errc::aborted:
      case errc::socket_hang_up: return std::errc::connection_reset;  // Node's code for both is ECONNRESET
      case errc::timed_out: return std::errc::timed_out;
      default: return {value, *this};
    }
  }
};

}  // namespace

std::string_view name_of(errc error) {
  const auto index = static_cast<std::size_t>(error);
  return index < rows.size() ? rows[index].name : "unknown";
}

const std::error_category& culvert_category() {
  static const Category category;
  return category;
}

}  // namespace culvert
