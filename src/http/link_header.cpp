#include "http/link_header.hpp"

#include "base/ascii.hpp"
#include "wire/text.hpp"

namespace culvert {

namespace {

std::string_view skip_blanks(std::string_view text) {
  while (!text.empty() && ascii::is_blank(text.front())) text.remove_prefix(1);
  return text;
}

// Cuts a parameter's value off; false where it is none.
bool take_value(std::string_view& rest) {
  if (!rest.starts_with('"')) {
    const std::size_t end = std::min(rest.find_first_of("; \t"), rest.size());
    const bool valid = wire::all(wire::value_char, rest.substr(0, end)) && rest.substr(0, end).find(',') == rest.npos;
    rest.remove_prefix(end);
    return valid && end > 0;
  }
  const std::size_t quote = rest.find('"', 1);
  if (quote == std::string_view::npos) return false;
  rest.remove_prefix(quote + 1);
  return true;
}

}  // namespace

bool valid_link(std::string_view text) {
  if (!text.starts_with('<')) return false;
  const std::size_t end = text.find('>');
  if (end == std::string_view::npos || end == 1) return false;
  if (!wire::all(wire::target_char, text.substr(1, end - 1)) && text.substr(1, end - 1).find('#') == text.npos) return false;
  std::string_view rest = skip_blanks(text.substr(end + 1));
  while (!rest.empty()) {
    if (!rest.starts_with(';')) return false;
    rest = skip_blanks(rest.substr(1));
    const std::size_t name_end = std::min(rest.find_first_of("=; \t"), rest.size());
    if (!wire::is_token(rest.substr(0, name_end))) return false;
    rest.remove_prefix(name_end);
    if (rest.starts_with('=')) {
      rest.remove_prefix(1);
      if (!take_value(rest)) return false;
    }
    rest = skip_blanks(rest);
  }
  return true;
}

}  // namespace culvert
