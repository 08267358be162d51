// METHODS and STATUS_CODES of Node's http module.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace culvert {

// A row of STATUS_CODES.
struct StatusCode {
  std::uint16_t code;       // 404
  std::string_view phrase;  // "Not Found"
};

// Every standard status code with its reason phrase, in ascending order.
std::span<const StatusCode> status_codes();
// The standard reason phrase: 404 is "Not Found"; "unknown" for a number that has none.
std::string_view status_message(std::uint16_t status);
// The request methods that the parser knows, in alphabetical order.
std::span<const std::string_view> methods();

}  // namespace culvert
