// A configuration file as a tree, whatever it was written in. Every key and every value knows where it stands.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.hpp"

namespace culvert::config {

// The text of one file, to be shown again line by line. A byte order mark is no part of it.
class Source {
 public:
  Source(std::string file, std::string_view text);
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  const std::string& file() const { return file_; }
  const std::string& text() const { return text_; }
  std::string_view line(std::uint32_t number) const;  // from 1, without its end; empty where there is no such line
  Span span(std::uint32_t line, std::uint32_t column, std::uint32_t length) const;
  Span rest_of_line(std::uint32_t line, std::uint32_t column) const;  // without blanks at its end

 private:
  std::string file_;
  std::string text_;
  std::vector<std::string_view> lines_;
};

// How many characters of UTF-8 `text` has; columns and lengths of spans count these.
std::uint32_t count_characters(std::string_view text);

struct Entry;

struct Node {
  // TOML types its scalars; YAML's unquoted ones are `plain`, and so is a value with a ${NAME} replaced: the schema
  // decides what they are.
  enum class Kind : std::uint8_t { table, list, string, plain, integer, real, boolean, date, nothing };

  Kind kind = Kind::nothing;
  Span at;                     // the value; of a [section] its header
  std::string text;            // scalars: without quotes, numbers without underscores
  bool bracketed = false;      // a table or list of tables written with [ ] or [[ ]]
  std::vector<Node> items;     // kind list
  std::vector<Entry> entries;  // kind table, in the order of the file
  std::string read_from{};     // the file that `text` was read from, where the value only said which; else empty

  bool is_scalar() const { return kind != Kind::table && kind != Kind::list; }
  bool is_text() const { return kind == Kind::string || kind == Kind::plain; }
  const Entry* find(std::string_view key) const;    // null where there is none, or no table
  const Node* value_of(std::string_view key) const;
  // Its items, or itself where it is no list: many keys take one value or a list of them.
  std::span<const Node> values() const;
};

struct Entry {
  std::string key;
  Span at;
  Node value;
};

// `path` as `value` means it: paths are relative to the file that they are written in.
std::string resolved(const std::string& path, const Node& value);

std::string_view describe(Node::Kind kind);  // "a string"

}  // namespace culvert::config
