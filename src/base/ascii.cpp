#include "base/ascii.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace culvert::ascii {

namespace {

constexpr auto token_chars = [] {
  std::array<bool, 256> allowed{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) {
    allowed[static_cast<unsigned char>(c)] = true;
  }
  return allowed;
}();

constexpr auto value_chars = [] {
  std::array<bool, 256> allowed{};
  for (std::size_t c = 0x20; c < allowed.size(); ++c) allowed[c] = c != 0x7f;
  allowed['\t'] = true;
  return allowed;
}();

bool all_of(const std::array<bool, 256>& allowed, std::string_view text) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return allowed[static_cast<unsigned char>(c)]; });
}

// Where the first member ends: the first comma outside a quoted string, or the end.
std::size_t member_end(std::string_view list) {
  bool quoted = false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '"') quoted = !quoted;
    if (quoted && list[i] == '\\') ++i;
    if (!quoted && list[i] == ',') return i;
  }
  return list.size();
}

}  // namespace

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), to_lower);
  return result;
}

bool iequals(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

bool is_token(std::string_view text) { return !text.empty() && all_of(token_chars, text); }
bool is_field_value(std::string_view text) { return all_of(value_chars, text); }

std::string_view take_member(std::string_view& rest) {
  const std::size_t end = member_end(rest);
  const std::string_view member = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return member;
}

bool list_contains(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    if (iequals(take_member(list), token)) return true;
  }
  return false;
}

namespace {

std::optional<std::uint64_t> parse_long_decimal(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);  // takes neither sign nor blanks
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

}  // namespace

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  constexpr std::size_t digits_that_fit = 19;  // whichever they are
  if (text.size() > digits_that_fit) return parse_long_decimal(text);
  if (text.empty()) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : text) {
    const unsigned digit = static_cast<unsigned char>(c) - unsigned{'0'};
    if (digit > 9) return std::nullopt;
    number = number * 10 + digit;
  }
  return number;
}

char* append_decimal(char* out, std::uint64_t number) {
  return std::to_chars(out, out + decimal_digits_max, number).ptr;
}

char* append_hex(char* out, std::uint64_t number) {
  return std::to_chars(out, out + hex_digits_max, number, 16).ptr;
}

}  // namespace culvert::ascii
