#include "proxy/counts.hpp"

#include <algorithm>

namespace culvert::proxy {

[[gnu::cold]] void RouteCounts::find(std::uint64_t kind, std::string_view method) {
  const auto found = std::ranges::find(rows, kind, &Row::kind);
  last_ = found != rows.end() ? &*found : &rows.emplace_back(Row{kind, 0, std::string(method)});
}

Ref<RouteCounts> Counts::route(const std::string& name) {
  Ref<RouteCounts>& counts = routes_[name];
  if (!counts) counts = make_ref<RouteCounts>(name);
  return counts;
}

std::uint16_t Counts::listener(const std::string& name) {
  const auto [entry, is_new] = listener_numbers_.emplace(name, static_cast<std::uint16_t>(listeners_.size()));
  if (is_new) listeners_.push_back(std::make_shared<const std::string>(name));
  return entry->second;
}

}  // namespace culvert::proxy
