// If this fails, a field that stands in a message is not found, or another one is: framing and policy ask this list.
//
// The input is header lines; a line "-" takes the last one out again. The list is compared with a plain vector.
#include <algorithm>
#include <string>
#include <vector>

#include "base/arena.hpp"
#include "fuzz/target.hpp"
#include "wire/header_lookup.hpp"
#include "wire/header_names.hpp"

namespace culvert::fuzz {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

HeaderId slow_id(std::string_view name) {
  for (std::size_t id = 1; id < std::size(wire::header_rows); ++id) {
    if (lower(wire::header_rows[id].spelling) == lower(name)) return static_cast<HeaderId>(id);
  }
  return HeaderId::other;
}

// The members of a comma-separated list (RFC 9110 5.6.1); commas in quoted strings do not separate.
std::vector<std::string> members(std::string_view list) {
  std::vector<std::string> out(1);
  bool quoted = false;
  bool escaped = false;
  for (const char c : list) {
    if (c == ',' && !quoted) {
      out.emplace_back();
      continue;
    }
    if (c == '"' && !escaped) quoted = !quoted;
    escaped = quoted && c == '\\' && !escaped;
    out.back() += c;
  }
  for (std::string& member : out) {
    member.erase(0, std::min(member.find_first_not_of(" \t"), member.size()));
    member.erase(member.find_last_not_of(" \t") + 1);
  }
  return out;
}

void compare(const HeaderList& list, const std::vector<Header>& model) {
  ASSERT_EQ(list.size(), model.size());
  for (std::size_t i = 0; i < model.size(); ++i) {
    EXPECT_EQ(list[i].name, model[i].name);
    EXPECT_EQ(list[i].value, model[i].value);
  }
  for (const Header& asked : model) {
    const auto same_name = [&](const Header& line) { return lower(line.name) == lower(asked.name); };
    const auto first = static_cast<std::size_t>(std::find_if(model.begin(), model.end(), same_name) - model.begin());
    EXPECT_EQ(list.find(asked.name), &list[first]) << asked.name;
    if (asked.id == HeaderId::other) continue;
    EXPECT_TRUE(list.may_have(asked.id));
    EXPECT_EQ(list.find(asked.id), &list[first]);
    for (const std::string& token : members(asked.value)) {
      if (token.empty()) continue;
      EXPECT_TRUE(list.has_token(asked.id, token)) << token;
    }
  }
  for (std::size_t id = 1; id < std::size(wire::header_rows); ++id) {
    const auto has_id = [&](const Header& line) { return line.id == static_cast<HeaderId>(id); };
    if (std::any_of(model.begin(), model.end(), has_id)) continue;
    EXPECT_EQ(list.find(static_cast<HeaderId>(id)), nullptr);
    EXPECT_FALSE(list.has_token(static_cast<HeaderId>(id), "close"));
  }
}

}  // namespace

void run(std::string_view input) {
  BlockPool pool;
  Arena arena(pool);
  HeaderList list;
  std::vector<Header> model;
  while (!input.empty()) {
    const std::string_view line = take_line(input);
    if (line == "-" && !model.empty()) {
      list.remove_last();
      model.pop_back();
      continue;
    }
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view name = line.substr(0, colon);
    const HeaderId id = wire::header_id(name);
    EXPECT_EQ(id, slow_id(name)) << name;
    const std::string guarded = std::string(name) + std::string(wire::sixteen, ':');
    EXPECT_EQ(wire::lookup::guarded_header_id({guarded.data(), name.size()}), id) << name;
    model.push_back({id, name, line.substr(std::min(colon + 1, line.size()))});
    list.push(arena, model.back());
  }
  compare(list, model);
}

}  // namespace culvert::fuzz
