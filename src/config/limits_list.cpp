#include "config/limits_list.hpp"

#include <algorithm>
#include <string_view>

#include "config/addresses.hpp"
#include "config/cross_check.hpp"
#include "config/schema.hpp"

namespace culvert::config {

namespace {

// Times and sizes, and numbers that are the most there may be.
bool is_limit(const Key& key) {
  return key.works == all_works && (key.type == Type::duration || key.type == Type::size ||
                                    (key.type == Type::integer && key.name.starts_with("max_")));
}

// What is off where nobody asks for it, and why nothing is without bounds for that.
struct Instead {
  std::string_view section;
  std::string_view name;
  std::string_view note;
};
constexpr Instead instead[] = {
    {"limits", "max_connections", "as many as the limit of open files lets be"},
    {"listener.*", "max_connections", "limits.max_connections bounds all listeners together"},
    {"server", "timeout", "every wait has a limit of its own"},
    {"server", "max_requests_per_socket", "a connection takes no more with every request"},
    {"server", "max_body_size", "bodies are streamed: min_body_rate and request_timeout bound them"},
    {"server", "connections_checking_interval", "no limit is late"},
    {"server", "keep_alive_initial_delay", "the system's"},
    {"server", "upgrade_max_lifetime", "upgrade_idle_timeout ends those that nothing moves in"},
    {"server", "hsts", "browsers are told nothing"},
    {"tunnel.*", "max_lifetime", "idle_timeout ends those that nothing moves in"},
    {"tunnel.*", "max_bytes", "nothing of it is kept"},
    {"tunnel.*", "bandwidth", "a slow side stops the other"},
    {"tunnel.*", "bandwidth_per_client", "a slow side stops the other"},
    {"tunnel.*", "max_bytes_per_client", "nothing of it is kept"},
    {"tunnel.*", "max_tunnels", "limits.max_connections bounds them"},
    {"tunnel.*", "max_tunnels_per_client", "limits.max_connections_per_client bounds them"},
    {"upstream.*", "slow_start", "a server that is back has its whole share at once"},
    {"upstream.*", "max_requests", "limits.max_connections bounds them"},
    {"upstream.*", "max_sockets", "one for each request: limits.max_connections bounds them"},
    {"upstream.*", "check_free_after", "only for what cannot be repeated"},
    {"upstream.*", "max_pending", "each gives up after pending_timeout or connect_timeout"},
    {"upstream.*", "pending_timeout", "connect_timeout is for the wait as well"},
    {"upstream.*", "max_total_sockets", "one for each request: limits.max_connections bounds them"},
};

std::string note_of(const Key& key) {
  const auto found = std::ranges::find_if(
      instead, [&](const Instead& row) { return row.section == key.section && row.name == key.name; });
  return found == std::end(instead) ? std::string() : std::string(found->note);
}

// Tables in which a key is looked for, the one that counts first.
using Tables = std::vector<const Node*>;

struct Found {
  std::string value;
  std::string origin;
};

Found find(const Tables& tables, std::string_view name, std::string_view standard) {
  for (const Node* table : tables) {
    const Node* value = table->value_of(name);
    if (value == nullptr) continue;
    const Span& at = value->at;
    return {value->text, at.file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column)};
  }
  return {std::string(standard), "default"};
}

class LimitsList {
 public:
  explicit LimitsList(const Node& root) : root_(root) {}

  std::vector<LimitInForce> take() {
    add("[process]", "process", {&table_of("process")});
    add("[limits]", "limits", {&table_of("limits")});
    std::vector<std::string> upstreams;
    const auto use = [&](const Node& table) {
      const Node* upstream = table.value_of("upstream");
      if (upstream == nullptr || std::ranges::find(upstreams, upstream->text) != upstreams.end()) return;
      upstreams.push_back(upstream->text);
    };
    for (const Entry* listener : named_tables_of(root_, "listener")) {
      const std::string title = "[listener." + listener->key + "]";
      add(title, "listener.*", {&listener->value});
      add(title, "server", {&listener->value, &table_of("server")});
      use(listener->value);
      for (const Node* table : tables_of(listener->value, "sni")) use(*table);
    }
    const std::vector<const Node*> routes = tables_of(root_, "route");
    for (std::size_t i = 0; i < routes.size(); ++i) {
      const Node* upstream = routes[i]->value_of("upstream");
      if (upstream == nullptr) continue;
      add_route(*routes[i], "[[route]] " + route_name(*routes[i], i), upstream->text);
      use(*routes[i]);
    }
    for (const std::string& name : upstreams) {
      add(is_url(name) ? name : "[upstream." + name + "]", "upstream.*", {&upstream_table(name)});
    }
    for (const Entry* auth : named_tables_of(root_, "auth")) {
      add("[auth." + auth->key + "]", "auth.*", {&auth->value});
    }
    for (const Entry* tunnel : named_tables_of(root_, "tunnel")) {
      add("[tunnel." + tunnel->key + "]", "tunnel.*", {&tunnel->value});
    }
    return std::move(limits_);
  }

 private:
  const Node& table_of(std::string_view section) const {
    const Node* table = root_.value_of(section);
    return table == nullptr ? nothing_ : *table;
  }
  // A URL in a route is an upstream of which nothing is said.
  const Node& upstream_table(const std::string& name) const {
    const Node* table = table_of("upstream").value_of(name);
    return table == nullptr ? nothing_ : *table;
  }

  void add(const std::string& title, std::string_view section, const Tables& tables) {
    for (const std::string_view name : names_in(section)) {
      const Key* key = find_key(section, name);
      if (key->section != section || !is_limit(*key)) continue;
      Found found = find(tables, name, key->standard);
      const bool is_off = found.value == "off" || (key->type == Type::integer && found.value == "0");
      limits_.push_back({title, std::string(name), is_off ? "off" : std::move(found.value), std::move(found.origin),
                         is_off ? note_of(*key) : std::string()});
    }
  }

  // What a route does not say itself its upstream does.
  void add_route(const Node& route, const std::string& title, const std::string& upstream_name) {
    const Node& upstream = upstream_table(upstream_name);
    const std::string_view standard = find_key("upstream.*", "response_timeout")->standard;
    for (const std::string_view name : names_in("route[]")) {
      if (!is_limit(*find_key("route[]", name))) continue;
      Found found = find({&route}, name, "");
      if (found.value.empty() && name == "upgrade_idle_timeout") found = find({&route}, "idle_timeout", "");
      if (found.value.empty() && find_key("server", name) != nullptr) continue;  // the listener's, which is listed there
      if (found.value.empty()) found = find({&upstream}, "response_timeout", standard);
      limits_.push_back({title, std::string(name), std::move(found.value), std::move(found.origin), {}});
    }
  }

  const Node& root_;
  const Node nothing_;
  std::vector<LimitInForce> limits_;
};

}  // namespace

std::vector<LimitInForce> limits_in_force(const Node& root) { return LimitsList(root).take(); }

std::string to_text(const std::vector<LimitInForce>& limits) {
  std::size_t name_width = 0;
  std::size_t value_width = 0;
  for (const LimitInForce& limit : limits) {
    name_width = std::max(name_width, limit.name.size());
    value_width = std::max(value_width, limit.value.size());
  }
  const auto padded = [](std::string text, std::size_t width) {
    text.resize(width + 2, ' ');
    return text;
  };
  std::string out;
  std::string_view section;
  for (const LimitInForce& limit : limits) {
    if (limit.section != section) out.append(limit.section).append("\n");
    section = limit.section;
    out.append("  ").append(padded(limit.name, name_width)).append(padded(limit.value, value_width));
    out.append(limit.origin);
    if (!limit.note.empty()) out.append("  (").append(limit.note).append(")");
    out.append("\n");
  }
  return out;
}

}  // namespace culvert::config
