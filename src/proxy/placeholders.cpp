#include "proxy/placeholders.hpp"

#include <array>
#include <optional>

namespace culvert::proxy {

namespace {

using Append = void (*)(std::string& out, const PlaceholderValues& values);

struct Placeholder {
  std::string_view name;
  Append append;
};

void append_uri(std::string& out, const PlaceholderValues& values) {
  out += values.request.path;
  if (!values.request.query.empty()) out.append("?").append(values.request.query);
}

void append_client(std::string& out, const PlaceholderValues& values) {
  char text[64];
  out.append(text, values.request.client.format_ip(text));
}

constexpr std::array placeholders{
    Placeholder{"host", [](std::string& out, const PlaceholderValues& v) { out += v.request.host; }},
    Placeholder{"uri", append_uri},
    Placeholder{"path", [](std::string& out, const PlaceholderValues& v) { out += v.request.path; }},
    Placeholder{"query", [](std::string& out, const PlaceholderValues& v) { out += v.request.query; }},
    Placeholder{"method", [](std::string& out, const PlaceholderValues& v) { out += v.request.method; }},
    Placeholder{"scheme", [](std::string& out, const PlaceholderValues& v) { out += v.scheme; }},
    Placeholder{"client", append_client},
    Placeholder{"listener", [](std::string& out, const PlaceholderValues& v) { out += v.request.listener; }},
    Placeholder{"request_id", [](std::string& out, const PlaceholderValues& v) { out += v.request_id; }},
};

bool is_group(std::string_view name) { return name.size() == 1 && name[0] >= '0' && name[0] <= '9'; }

Append find(std::string_view name) {
  for (const Placeholder& placeholder : placeholders) {
    if (placeholder.name == name) return placeholder.append;
  }
  return nullptr;
}

// The text of one step of the way: what stands before the next placeholder, and its name.
struct Piece {
  std::string_view before;
  std::optional<std::string_view> name;
};

// Cuts the next piece off `rest`. A brace that opens no placeholder is text like any other.
Piece take_piece(std::string_view& rest) {
  const std::string_view text = rest;
  for (std::size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) break;
    const std::string_view name = text.substr(open + 1, close - open - 1);
    if (!is_group(name) && find(name) == nullptr) continue;
    rest.remove_prefix(close + 1);
    return {text.substr(0, open), name};
  }
  rest = {};
  return {text, std::nullopt};
}

}  // namespace

void expand(std::string& out, std::string_view text, const PlaceholderValues& values) {
  while (!text.empty()) {
    const Piece piece = take_piece(text);
    out += piece.before;
    if (!piece.name) return;
    if (is_group(*piece.name)) {
      out += values.captures.group[static_cast<std::size_t>((*piece.name)[0] - '0')];
    } else {
      find(*piece.name)(out, values);
    }
  }
}

bool has_placeholders(std::string_view text) { return take_piece(text).name.has_value(); }

}  // namespace culvert::proxy
