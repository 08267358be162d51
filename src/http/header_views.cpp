#include "http/header_views.hpp"

#include "base/ascii.hpp"
#include "wire/header_names.hpp"

namespace culvert {

namespace {

void add_repeated(std::string& text, const Header& line, bool join_duplicates) {
  if ((wire::flags_of(line.id) & wire::singleton) != 0 && !join_duplicates) return;
  text.append(line.id == HeaderId::cookie ? "; " : ", ").append(line.value);
}

}  // namespace

std::string_view HeaderMap::text(std::string_view name) const {
  const auto entry = find(name);
  const auto* value = entry == end() ? nullptr : std::get_if<std::string>(&entry->second);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

const std::vector<std::string>& HeaderMap::list(std::string_view name) const {
  static const std::vector<std::string> none;
  const auto entry = find(name);
  const auto* values = entry == end() ? nullptr : std::get_if<std::vector<std::string>>(&entry->second);
  return values == nullptr ? none : *values;
}

HeaderMap joined_headers(const HeaderList& lines, bool join_duplicates) {
  HeaderMap map;
  for (const Header& line : lines) {
    std::string name = ascii::lower(line.name);
    if (line.id == HeaderId::set_cookie) {
      auto& value = map.try_emplace(std::move(name), std::vector<std::string>{}).first->second;
      std::get<std::vector<std::string>>(value).emplace_back(line.value);
      continue;
    }
    const auto [entry, first] = map.try_emplace(std::move(name), std::string(line.value));
    if (!first) add_repeated(std::get<std::string>(entry->second), line, join_duplicates);
  }
  return map;
}

DistinctHeaders distinct_headers(const HeaderList& lines) {
  DistinctHeaders map;
  for (const Header& line : lines) map[ascii::lower(line.name)].emplace_back(line.value);
  return map;
}

}  // namespace culvert
