// The characters of HTTP and the small operations on text that need no locale and no allocation.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace culvert::ascii {

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
constexpr char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }  // OWS of RFC 9110

std::string lower(std::string_view text);
// Equal without regard to the case of ASCII letters.
bool iequals(std::string_view a, std::string_view b);
// Without the blanks at both ends.
std::string_view trim(std::string_view text);

// What may stand in a method or a header name: not empty, RFC 9110 5.6.2.
bool is_token(std::string_view text);
// What may stand in a header's value: visible characters, blanks and bytes above 127. Empty is fine.
bool is_field_value(std::string_view text);

// Cuts the first member off a comma-separated list; commas inside a quoted string do not count. Members may be empty:
//   for (std::string_view rest = value; !rest.empty();) use(take_member(rest));
std::string_view take_member(std::string_view& rest);
// Whether the list has a member equal to `token` without regard to case.
bool list_contains(std::string_view list, std::string_view token);

// Digits and nothing else; nothing where there are none or the number does not fit.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

// Write the digits of `number` at `out`, without a terminator, and return the place behind them.
inline constexpr std::size_t decimal_digits_max = 20;
inline constexpr std::size_t hex_digits_max = 16;
char* append_decimal(char* out, std::uint64_t number);
char* append_hex(char* out, std::uint64_t number);  // lower case, no "0x"

}  // namespace culvert::ascii
