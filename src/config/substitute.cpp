#include "config/substitute.hpp"

#include <cstdlib>

namespace culvert::config {
namespace {

// The part of a value as it stands in the file; the whole value where escapes hide it.
Span span_of_part(const Span& value, std::string_view part) {
  std::size_t start = 0;  // of the value, in bytes
  for (std::uint32_t column = 1; start < value.source.size() && column < value.column; ++column) {
    do ++start;
    while (start < value.source.size() && (static_cast<unsigned char>(value.source[start]) & 0xc0) == 0x80);
  }
  const std::size_t found = value.source.find(part, start);
  if (found == std::string::npos) return value;
  Span span = value;
  span.column = count_characters(std::string_view(value.source).substr(0, found)) + 1;
  span.length = count_characters(part);
  return span;
}

void substitute_text(Node& node, Diagnostics& diagnostics) {
  std::string out;
  std::string_view rest = node.text;
  for (std::size_t start = rest.find("${"); start != std::string_view::npos; start = rest.find("${")) {
    const std::size_t end = rest.find('}', start);
    if (end == std::string_view::npos) {
      diagnostics.push_back(error_at(span_of_part(node.at, "${"), "bad-variable", "\"${\" without \"}\""));
      return;
    }
    const std::string_view whole = rest.substr(start, end + 1 - start);
    const std::string_view inner = whole.substr(2, whole.size() - 3);
    const std::size_t separator = inner.find(":-");
    const std::string name(inner.substr(0, separator));
    const char* value = std::getenv(name.c_str());

    out += rest.substr(0, start);
    if (value != nullptr) {
      out += value;
    } else if (separator != std::string_view::npos) {
      out += inner.substr(separator + 2);
    } else {
      diagnostics.push_back(error_at(span_of_part(node.at, whole), "unset-variable",
                                     in_quotes(name) + " is not set in the environment",
                                     "for a default write " + in_quotes("${" + name + ":-default}")));
    }
    rest.remove_prefix(end + 1);
  }
  node.text = out + std::string(rest);
  node.kind = Node::Kind::plain;
}

}  // namespace

void substitute(Node& node, Diagnostics& diagnostics) {
  if (node.is_text() && node.text.find("${") != std::string::npos) substitute_text(node, diagnostics);
  for (Node& item : node.items) substitute(item, diagnostics);
  for (Entry& entry : node.entries) substitute(entry.value, diagnostics);
}

}  // namespace culvert::config
