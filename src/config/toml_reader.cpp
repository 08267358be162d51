// TOML through toml++, which keeps its tables sorted by name and reports only the first syntax error.
#include <algorithm>
#include <tuple>

#include <toml++/toml.h>

#include "config/reader.hpp"
#include "config/suggest.hpp"

namespace culvert::config {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The value behind `key =` on a line, without a comment that follows it. Quoted values are none of ours.
std::string_view bare_value(std::string_view line, std::size_t equals) {
  const std::string_view value = trimmed(line.substr(equals + 1));
  if (value.empty() || std::string_view("\"'[{#").find(value.front()) != std::string_view::npos) return {};
  return trimmed(value.substr(0, value.find('#')));
}

// "[upstream.api]" where that is what the line says, otherwise empty.
std::string_view header_of(std::string_view line) {
  line = trimmed(line);
  if (!line.starts_with('[')) return {};
  const std::size_t end = line.find_last_of(']');
  return end == std::string_view::npos ? std::string_view() : line.substr(0, end + 1);
}

std::string_view key_of(std::string_view line) {
  if (!header_of(line).empty()) return {};
  return trimmed(line.substr(0, std::min(line.find('='), line.size())));
}

Span span_of_part(const Source& source, std::uint32_t line, std::string_view part) {
  const std::string_view text = source.line(line);
  const std::string_view before = text.substr(0, static_cast<std::size_t>(part.data() - text.data()));
  return source.span(line, count_characters(before) + 1, count_characters(part));
}

// toml++ says "Error while parsing WHAT: REASON"; the position says better what was being parsed.
std::string reason_of(const toml::parse_error& error) {
  const std::string text(error.description());
  const std::size_t colon = text.find(": ");
  return text.starts_with("Error while parsing ") && colon != std::string::npos ? text.substr(colon + 2) : text;
}

Diagnostic duplicate_table(const Source& source, std::uint32_t line, std::string_view header) {
  Diagnostic diagnostic = error_at(span_of_part(source, line, header), "duplicate-table",
                                   std::string(header) + " is given twice", "second time here");
  for (std::uint32_t earlier = 1; earlier < line; ++earlier) {
    const std::string_view first = header_of(source.line(earlier));
    if (first != header) continue;
    diagnostic.with_second(span_of_part(source, earlier, first), "first given here");
    break;
  }
  return diagnostic;
}

Diagnostic duplicate_key(const Source& source, std::uint32_t line, std::string_view key) {
  Diagnostic diagnostic = error_at(span_of_part(source, line, key), "duplicate-key", in_quotes(key) + " is given twice",
                                   "second time here");
  for (std::uint32_t earlier = line - 1; earlier >= 1; --earlier) {
    const std::string_view text = source.line(earlier);
    if (!header_of(text).empty()) break;
    if (key_of(text) != key) continue;
    diagnostic.with_second(span_of_part(source, earlier, key_of(text)), "first given here");
    break;
  }
  return diagnostic;
}

Diagnostic syntax_error(const Source& source, const toml::parse_error& error) {
  const std::uint32_t line = error.source().begin.line;
  const std::string_view text = source.line(line);
  // toml++ counts the end of the line as a character, and the end of the file as another one.
  const std::uint32_t column = std::min(error.source().begin.column, count_characters(text) + 1);
  const std::string reason = reason_of(error);

  if (reason.starts_with("cannot redefine existing ") && reason.ends_with('\'')) {
    const std::string_view header = header_of(text);
    if (!header.empty()) return duplicate_table(source, line, header);
    if (const std::string_view key = key_of(text); !key.empty()) return duplicate_key(source, line, key);
  }
  const std::size_t equals = text.find('=');
  const std::string_view value = equals == std::string_view::npos ? std::string_view() : bare_value(text, equals);
  if (value.empty()) {
    const bool at_line_end = reason.starts_with("unescaped control characters") && column > count_characters(text);
    return error_at(source.span(line, column, 1), "syntax", "not valid TOML: " + reason,
                    at_line_end ? "is a closing quote missing?" : "");
  }
  const std::string_view meant = meant_boolean(value);
  return error_at(span_of_part(source, line, value), "syntax",
                  "value of " + in_quotes(key_of(text)) + " is not TOML: " + reason,
                  "write " + (meant.empty() ? in_quotes(value) + " in quotes" : std::string(meant)));
}

class Converter {
 public:
  explicit Converter(const Source& source) : source_(source) {}

  Node convert(const toml::node& from) const {
    Node node;
    node.at = span_of(from.source());
    if (const toml::table* table = from.as_table()) {
      fill_table(node, *table);
    } else if (const toml::array* array = from.as_array()) {
      node.kind = Node::Kind::list;
      for (const toml::node& item : *array) node.items.push_back(convert(item));
      node.bracketed = !node.items.empty() && node.items.front().bracketed;
    } else {
      fill_scalar(node, from);
    }
    return node;
  }

 private:
  void fill_table(Node& node, const toml::table& table) const {
    node.kind = Node::Kind::table;
    node.bracketed = !table.is_inline() && trimmed(node.at.source).starts_with('[');
    for (const auto& [key, value] : table) {
      node.entries.push_back({std::string(key.str()), span_of(key.source()), convert(value)});
    }
    std::sort(node.entries.begin(), node.entries.end(), [](const Entry& left, const Entry& right) {
      return std::tie(left.at.line, left.at.column) < std::tie(right.at.line, right.at.column);
    });
  }

  static void fill_scalar(Node& node, const toml::node& from) {
    if (const auto* text = from.as_string()) {
      node.kind = Node::Kind::string;
      node.text = text->get();
    } else if (const auto* integer = from.as_integer()) {
      node.kind = Node::Kind::integer;
      node.text = std::to_string(integer->get());
    } else if (const auto* boolean = from.as_boolean()) {
      node.kind = Node::Kind::boolean;
      node.text = boolean->get() ? "true" : "false";
    } else {
      node.kind = from.is_floating_point() ? Node::Kind::real : Node::Kind::date;  // no key takes either
    }
  }

  Span span_of(const toml::source_region& region) const {
    const auto& [begin, end] = std::tie(region.begin, region.end);
    if (begin.line != end.line) return source_.rest_of_line(begin.line, begin.column);
    return source_.span(begin.line, begin.column, end.column - begin.column);
  }

  const Source& source_;
};

}  // namespace

std::optional<Node> read_toml(const Source& source, Diagnostics& diagnostics) {
  try {
    return Converter(source).convert(toml::parse(source.text()));
  } catch (const toml::parse_error& error) {
    diagnostics.push_back(syntax_error(source, error));
    return std::nullopt;
  }
}

}  // namespace culvert::config
