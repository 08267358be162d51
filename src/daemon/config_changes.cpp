#include "daemon/config_changes.hpp"

#include <algorithm>
#include <map>
#include <ranges>
#include <string_view>

namespace culvert::daemon {

namespace {

template <class Item>
using ByName = std::map<std::string_view, const Item*>;

template <class Items>
auto by_name(const Items& items) {
  ByName<std::ranges::range_value_t<Items>> result;
  for (const auto& item : items) result.emplace(item.name, &item);
  return result;
}

void list(std::string& out, std::string_view what) {
  if (!out.empty()) out += ", ";
  out += what;
}

void list_count(std::string& out, std::size_t count, std::string_view singular, std::string_view what) {
  if (count > 0) list(out, counted(count, singular).append(what));
}

// Compares objects that have a name; both are views of their kind.
template <class Items>
void list_named(std::string& out, const Items& before, const Items& after, std::string_view singular) {
  const auto old_items = by_name(before);
  const auto new_items = by_name(after);
  std::size_t added = 0;
  std::size_t changed = 0;
  std::size_t removed = 0;
  for (const auto& [name, item] : new_items) {
    const auto old_item = old_items.find(name);
    if (old_item == old_items.end()) {
      ++added;
    } else if (*old_item->second != *item) {
      ++changed;
    }
  }
  for (const auto& [name, item] : old_items) removed += new_items.contains(name) ? 0 : 1;
  list_count(out, added, singular, " added");
  list_count(out, changed, singular, " changed");
  list_count(out, removed, singular, " removed");
}

// The order of routes decides which is used.
bool reordered(const std::vector<config::Route>& before, const std::vector<config::Route>& after) {
  const auto name = &config::Route::name;
  return !std::ranges::equal(before, after, {}, name, name) &&
         std::ranges::is_permutation(before, after, {}, name, name);
}

}  // namespace

std::string counted(std::size_t count, std::string_view singular) {
  std::string text = std::to_string(count).append(" ").append(singular);
  if (count != 1) text += 's';
  return text;
}

std::string describe_changes(const config::Config& before, const config::Config& after) {
  std::string out;
  list_named(out, before.listeners, after.listeners, "listener");
  list_named(out, before.routes, after.routes, "route");
  if (reordered(before.routes, after.routes)) list(out, "routes reordered");
  list_named(out, before.upstreams | std::views::values, after.upstreams | std::views::values, "upstream");
  list_named(out, before.tunnels | std::views::values, after.tunnels | std::views::values, "tunnel");
  list_named(out, before.tls | std::views::values, after.tls | std::views::values, "TLS section");
  list_named(out, before.auths | std::views::values, after.auths | std::views::values, "auth");
  if (before.process != after.process) list(out, "process changed");
  if (before.log != after.log) list(out, "log changed");
  if (before.limits != after.limits) list(out, "limits changed");
  return out.empty() ? "nothing changed" : out;
}

std::vector<std::string> needing_restart(const config::Config& before, const config::Config& after) {
  std::vector<std::string> settings;
  if (before.process.threads != after.process.threads) settings.emplace_back("process.threads");
  if (before.process.reuse_port != after.process.reuse_port) settings.emplace_back("process.reuse_port");
  return settings;
}

}  // namespace culvert::daemon
