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

struct Difference {
  std::vector<std::string_view> added, changed, removed;  // names
};

// Of objects that have a name.
template <class Items>
Difference difference(const Items& before, const Items& after) {
  const auto old_items = by_name(before);
  const auto new_items = by_name(after);
  Difference found;
  for (const auto& [name, item] : new_items) {
    const auto old_item = old_items.find(name);
    if (old_item == old_items.end()) {
      found.added.push_back(name);
    } else if (*old_item->second != *item) {
      found.changed.push_back(name);
    }
  }
  for (const auto& [name, item] : old_items) {
    if (!new_items.contains(name)) found.removed.push_back(name);
  }
  return found;
}

// `call` hears of every kind of object that has a name, with what is different.
template <class Call>
void for_each_kind(const config::Config& before, const config::Config& after, Call call) {
  const auto values = [](const auto& map) { return map | std::views::values; };
  call("listener", difference(before.listeners, after.listeners));
  call("route", difference(before.routes, after.routes));
  call("upstream", difference(values(before.upstreams), values(after.upstreams)));
  call("tunnel", difference(values(before.tunnels), values(after.tunnels)));
  call("TLS section", difference(values(before.tls), values(after.tls)));
  call("auth", difference(values(before.auths), values(after.auths)));
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

namespace {

// Sections that are there once.
std::vector<std::string_view> changed_sections(const config::Config& before, const config::Config& after) {
  std::vector<std::string_view> changed;
  if (before.process != after.process) changed.emplace_back("process");
  if (before.log != after.log) changed.emplace_back("log");
  if (before.admin != after.admin) changed.emplace_back("admin");
  if (before.limits != after.limits) changed.emplace_back("limits");
  return changed;
}

}  // namespace

std::string describe_changes(const config::Config& before, const config::Config& after) {
  std::string out;
  for_each_kind(before, after, [&](std::string_view kind, const Difference& found) {
    list_count(out, found.added.size(), kind, " added");
    list_count(out, found.changed.size(), kind, " changed");
    list_count(out, found.removed.size(), kind, " removed");
    if (kind == "route" && reordered(before.routes, after.routes)) list(out, "routes reordered");
  });
  for (const std::string_view section : changed_sections(before, after)) list(out, std::string(section) + " changed");
  return out.empty() ? "nothing changed" : out;
}

std::vector<std::string> list_changes(const config::Config& before, const config::Config& after) {
  std::vector<std::string> lines;
  for_each_kind(before, after, [&](std::string_view kind, const Difference& found) {
    const auto add = [&](std::string_view what, const std::vector<std::string_view>& names) {
      for (const std::string_view name : names) {
        lines.push_back(std::string(kind).append(" ").append(what).append(": ").append(name));
      }
    };
    add("added", found.added);
    add("changed", found.changed);
    add("removed", found.removed);
    if (kind == "route" && reordered(before.routes, after.routes)) lines.emplace_back("routes reordered");
  });
  for (const std::string_view section : changed_sections(before, after)) lines.push_back(std::string(section) + " changed");
  return lines;
}

std::vector<std::string> effects_of(const config::Config& before, const config::Config& after,
                                    const admin::ProcessView& process, const admin::Summary& now) {
  std::vector<std::string> lines;
  const auto of_listeners = difference(before.listeners, after.listeners);
  for (const admin::ListenerSummary& listener : process.listeners) {
    if (std::ranges::count(of_listeners.removed, listener.name) == 0 || listener.connections == 0) continue;
    lines.push_back("listener " + listener.name + ": " + counted(listener.connections, "connection") +
                    " closed after the request under way");
  }
  const auto of_upstreams = difference(before.upstreams | std::views::values, after.upstreams | std::views::values);
  for (const auto& [name, upstream] : now.upstreams) {
    const bool concerned = std::ranges::count(of_upstreams.changed, name) + std::ranges::count(of_upstreams.removed, name) > 0;
    std::uint64_t busy = 0;
    std::uint64_t idle = 0;
    for (const proxy::ServerReport& server : upstream.servers) {
      busy += server.under_way;
      idle += server.connections_free;
    }
    if (!concerned || busy + idle == 0) continue;
    lines.push_back("upstream " + name + ": " + counted(busy, "request") + " under way finished, " +
                    counted(idle, "idle connection") + " closed");
  }
  std::uint64_t kept = 0;
  for (const proxy::StreamRows* streams : {&now.tunnels, &now.upgrades}) {
    for (const auto& [name, counts] : *streams) kept += counts.standing();
  }
  if (kept > 0) lines.push_back(counted(kept, "tunnel") + " and upgraded connections kept");
  return lines;
}

std::vector<std::string> needing_restart(const config::Config& before, const config::Config& after) {
  std::vector<std::string> settings;
  if (before.process.threads != after.process.threads) settings.emplace_back("process.threads");
  if (before.process.reuse_port != after.process.reuse_port) settings.emplace_back("process.reuse_port");
  return settings;
}

}  // namespace culvert::daemon
