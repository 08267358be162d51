// From a table in which the checker found no error into the members of a struct.
#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/node.hpp"
#include "config/schema.hpp"
#include "config/values.hpp"

namespace culvert::config {

// The table that a key holds; an empty one where it is not written.
inline const Node& table_in(const Node& table, std::string_view key) {
  static const Node empty;
  const Node* value = table.value_of(key);
  return value == nullptr ? empty : *value;
}

inline std::vector<std::string> words(const Node& values) {
  std::vector<std::string> out;
  for (const Node& value : values.values()) out.push_back(value.text);
  return out;
}

inline Address resolved(Address address, const Node& written_in) {
  if (address.kind == Address::Kind::unix_path) address.text = resolved(address.text, written_in);
  return address;
}

// Puts the values of one table into struct members; what is not written keeps its default.
class Reader {
 public:
  Reader(const Node& table, std::string_view section) : table_(table), section_(section) {}

  void flag(std::string_view key, bool& out) const {
    if (const Node* value = table_.value_of(key)) out = value->text == "true";
  }
  template <class Number>
  void number(std::string_view key, Number& out) const {
    if (const Node* value = table_.value_of(key)) out = static_cast<Number>(*parse_integer(value->text));
  }
  template <class Number>
  void size(std::string_view key, Number& out) const {
    if (const Node* value = table_.value_of(key)) out = static_cast<Number>(*parse_size(value->text));
  }
  template <class Time>  // milliseconds, or an optional of them
  void duration(std::string_view key, Time& out) const {
    if (const Node* value = table_.value_of(key)) out = *parse_duration(value->text);
  }
  void text(std::string_view key, std::string& out) const {
    if (const Node* value = table_.value_of(key)) out = value->text;
  }
  void text_or_off(std::string_view key, std::string& out) const {
    text(key, out);
    if (out == "off") out.clear();
  }
  void file(std::string_view key, std::string& out) const {
    const Node* value = table_.value_of(key);
    if (value == nullptr) return;
    const bool is_word = value->text == find_key(section_, key)->choices;
    out = is_word ? value->text : resolved(value->text, *value);
  }
  template <class List>  // of strings, or an optional of one
  void list(std::string_view key, List& out) const {
    if (const Node* value = table_.value_of(key)) out = words(*value);
  }
  template <class Number>
  void numbers(std::string_view key, std::vector<Number>& out) const {
    const Node* value = table_.value_of(key);
    if (value == nullptr) return;
    out.clear();
    for (const Node& each : value->values()) out.push_back(static_cast<Number>(*parse_integer(each.text)));
  }
  // The schema lists the words of a choice in the order of the enumerators.
  template <class Enum>
  void choice(std::string_view key, Enum& out) const {
    const Node* value = table_.value_of(key);
    if (value == nullptr) return;
    const std::vector<std::string_view> choices = words_of(find_key(section_, key)->choices);
    out = static_cast<Enum>(std::find(choices.begin(), choices.end(), value->text) - choices.begin());
  }
  template <class Enum>
  void choice(std::string_view key, std::optional<Enum>& out) const {
    if (table_.find(key) != nullptr) choice(key, out.emplace());
  }

 private:
  const Node& table_;
  std::string_view section_;
};

}  // namespace culvert::config
