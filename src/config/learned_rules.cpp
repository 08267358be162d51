#include "config/learned_rules.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/ascii.hpp"
#include "base/json_text.hpp"
#include "config/addresses.hpp"
#include "config/cross_check.hpp"
#include "config/reader.hpp"

namespace culvert::config {

namespace {

constexpr std::string_view first_line = "# culvert: learned rules of ";
constexpr std::string_view what_it_is =
    "# What has passed while it learned although its rules or its default deny it. Move what is to stay allowed into the\n"
    "# configuration and take `learn` out. Whenever something new is learned, this file is written anew.\n";
// In the order in which they stand behind a destination.
constexpr std::array<std::string_view, 4> labels{"# times: ", ", first: ", ", last: ", ", denied by: "};

// A JSON string is one of TOML.
std::string in_toml(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

bool is_bare_key(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    const char lower = ascii::to_lower(c);
    return (lower >= 'a' && lower <= 'z') || ascii::is_digit(c) || c == '-' || c == '_';
  });
}

std::string section(std::string_view tunnel) {
  return "tunnel." + (is_bare_key(tunnel) ? std::string(tunnel) : in_toml(tunnel));
}

// Comments in TOML have no control characters.
std::string plain(std::string_view text) {
  const bool control = std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return control ? std::string() : std::string(text);
}

// What stands behind a destination; one that nobody knows any more was seen once.
Learned read_notes(std::string_view line) {
  std::array<std::string_view, labels.size()> values;
  std::size_t at = line.find(labels[0]);
  for (std::size_t i = 0; i < labels.size() && at != std::string_view::npos; ++i) {
    const std::string_view rest = line.substr(at + labels[i].size());
    const std::size_t end = i + 1 < labels.size() ? rest.find(labels[i + 1]) : rest.size();
    if (end == std::string_view::npos) break;
    values[i] = rest.substr(0, end);
    at += labels[i].size() + end;
  }
  return {.times = std::max<std::uint64_t>(1, ascii::parse_decimal(values[0]).value_or(1)),
          .first = plain(values[1]),
          .last = plain(values[2]),
          .denied_by = plain(values[3])};
}

std::optional<std::string> text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Without writing anything: what stands in the way of learning into `path`.
std::optional<std::string> obstacle(const std::string& path, std::string_view tunnel) {
  if (std::error_code ignored; std::filesystem::is_directory(path, ignored)) return "it is a directory";
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return std::strerror(errno);
  const std::optional<std::string> text = text_of(path);
  return text ? LearnedRules(tunnel).read(*text) : std::nullopt;
}

}  // namespace

std::optional<std::string> LearnedRules::read(std::string_view text) {
  const Source source("", text);
  if (source.line(1) != std::string(first_line).append("[").append(section(tunnel_)).append("]")) {
    return "it is not what [" + section(tunnel_) + "] has learned";
  }
  Diagnostics diagnostics;
  const std::optional<Node> root = read_toml(source, diagnostics);
  if (has_errors(diagnostics)) return "line " + std::to_string(diagnostics.front().at.line) + ": " + diagnostics.front().text;
  for (const Entry* tunnel : named_tables_of(*root, "tunnel")) {
    for (const Node* rule : tables_of(tunnel->value, "rule")) read_rule(*rule, source);
  }
  return std::nullopt;
}

void LearnedRules::read_rule(const Node& rule, const Source& source) {
  const Node* const targets = rule.value_of("allow");
  const Node* const users = rule.value_of("users");
  if (targets == nullptr) return;
  for (const Node& target : targets->values()) {
    const Learned notes = read_notes(source.line(target.at.line));
    if (!parse_tunnel_target(target.text)) continue;
    if (users == nullptr) {
      add("", target.text, notes);
    } else {
      for (const Node& user : users->values()) add(user.text, target.text, notes);
    }
  }
}

bool LearnedRules::add(std::string_view user, std::string_view target, const Learned& learned) {
  const auto of_user = users_.find(user);
  if (of_user != users_.end()) {
    if (const auto known = of_user->second.find(target); known != of_user->second.end()) {
      known->second.times += learned.times;
      known->second.last = learned.last;
      return false;
    }
  }
  if (destinations_ == destinations_max) return false;
  ++destinations_;
  users_[std::string(user)].emplace(target, learned);
  return true;
}

std::string to_toml(const LearnedRules& rules) {
  const std::string name = section(rules.tunnel());
  std::string out(first_line);
  out.append("[").append(name).append("]\n").append(what_it_is);
  if (rules.destinations() == LearnedRules::destinations_max) {
    out.append("# It has as many destinations as it may: others have passed and are not in it.\n");
  }
  for (const auto& [user, targets] : rules.users()) {
    out.append("\n[[").append(name).append(".rule]]\n");
    out.append("name = ").append(in_toml(user.empty() ? "learned" : "learned from " + user)).append("\n");
    if (!user.empty()) out.append("users = [").append(in_toml(user)).append("]\n");
    out.append("allow = [\n");
    for (const auto& [target, learned] : targets) {
      out.append("  ").append(in_toml(target)).append(",  ").append(labels[0]).append(std::to_string(learned.times));
      out.append(labels[1]).append(learned.first).append(labels[2]).append(learned.last);
      out.append(labels[3]).append(learned.denied_by).append("\n");
    }
    out.append("]\n");
  }
  return out;
}

std::optional<std::string> exact_target(std::string_view host, std::uint16_t port) {
  const std::optional<Endpoint> address = Endpoint::parse_ip(host, port);
  std::string text = address ? address->unmapped().to_string() : std::string(host) + ":" + std::to_string(port);
  const Parsed<TunnelTarget> target = parse_tunnel_target(text);
  const bool is_exact = target && !target->host.wildcard && target->network.has_value() == address.has_value();
  if (!is_exact) return std::nullopt;
  return text;
}

void check_learned_files(const Node& root, Diagnostics& diagnostics) {
  std::map<std::string, const Node*> taken;
  for (const Entry* tunnel : named_tables_of(root, "tunnel")) {
    const Node* const file = tunnel->value.value_of("learn");
    if (file == nullptr) continue;
    const std::string path = std::filesystem::path(resolved(file->text, *file)).lexically_normal().string();
    const auto [first, is_new] = taken.emplace(path, file);
    if (!is_new) {
      diagnostics.push_back(error_at(file->at, "learned-twice", "two tunnels learn into " + in_quotes(file->text),
                                     "second time here")
                                .with_second(first->second->at, "first given here"));
    } else if (const std::optional<std::string> why = obstacle(path, tunnel->key)) {
      diagnostics.push_back(error_at(file->at, "unwritable", in_quotes(file->text) + " cannot be learned into: " + *why));
    }
  }
}

}  // namespace culvert::config
