#include "config/node.hpp"

#include <algorithm>
#include <filesystem>

namespace culvert::config {

std::uint32_t count_characters(std::string_view text) {
  const auto begins_character = [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; };
  return static_cast<std::uint32_t>(std::count_if(text.begin(), text.end(), begins_character));
}

Source::Source(std::string file, std::string_view text) : file_(std::move(file)) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  text_ = text;

  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines_.push_back(line);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

std::string_view Source::line(std::uint32_t number) const {
  return number >= 1 && number <= lines_.size() ? lines_[number - 1] : std::string_view();
}

Span Source::span(std::uint32_t number, std::uint32_t column, std::uint32_t length) const {
  return {file_, number, column, std::max(length, 1u), std::string(line(number))};
}

Span Source::rest_of_line(std::uint32_t number, std::uint32_t column) const {
  std::string_view text = line(number);
  text = text.substr(0, text.find_last_not_of(" \t") + 1);
  const std::uint32_t end = count_characters(text) + 1;
  return span(number, column, end > column ? end - column : 1);
}

const Entry* Node::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

const Node* Node::value_of(std::string_view key) const {
  const Entry* entry = find(key);
  return entry == nullptr ? nullptr : &entry->value;
}

std::span<const Node> Node::values() const {
  if (kind == Kind::list) return items;
  return {this, 1};
}

std::string resolved(const std::string& path, const Node& value) {
  if (path.starts_with('/')) return path;
  return (std::filesystem::path(value.at.file).parent_path() / path).string();
}

std::string_view describe(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::table: return "a table";
    case Node::Kind::list: return "a list";
    case Node::Kind::string:
    case Node::Kind::plain: return "a string";
    case Node::Kind::integer:
    case Node::Kind::real: return "a number";
    case Node::Kind::boolean: return "a boolean";
    case Node::Kind::date: return "a date";
    case Node::Kind::nothing: break;
  }
  return "nothing";
}

}  // namespace culvert::config
