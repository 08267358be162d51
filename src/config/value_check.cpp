#include "config/value_check.hpp"

#include <algorithm>
#include <limits>

#include "config/access_fields.hpp"
#include "config/addresses.hpp"
#include "config/suggest.hpp"
#include "config/values.hpp"

namespace culvert::config {
namespace {

using Kind = Node::Kind;

std::string_view expected(Type type) {
  switch (type) {
    case Type::boolean: return "true or false";
    case Type::integer: return "a number";
    case Type::threads: return "\"auto\" or a number";
    case Type::duration: return "a duration";
    case Type::size: return "a size";
    default: return "a string";
  }
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Diagnostic from_wrong(const Node& value, const Wrong& wrong) {
  return error_at(value.at, wrong.code, wrong.text, wrong.label, wrong.help);
}

template <class T>
std::optional<Wrong> wrong_of(const Parsed<T>& parsed) {
  return parsed.wrong();
}

std::optional<Wrong> wrong_choice(const Key& key, std::string_view text, const std::string& name) {
  const std::vector<std::string_view> words = words_of(key.choices);
  if (std::find(words.begin(), words.end(), text) != words.end()) return std::nullopt;
  const std::string_view meant = nearest(text, words);
  return Wrong{"bad-value", in_quotes(text) + " is not a value of " + in_quotes(name),
               meant.empty() ? "" : did_you_mean(meant), one_of(key.choices)};
}

std::optional<Wrong> wrong_regex(const Key& key, std::string_view text) {
  std::optional<Wrong> wrong = parse_regex(text).wrong();
  if (wrong) wrong->text = std::string(key.name) + ": " + wrong->text;
  return wrong;
}

std::optional<Wrong> wrong_rewrite(const Key& key, std::string_view text) {
  const bool is_path = text.starts_with('/') || text.starts_with('{');
  if (key.name == "rewrite" && !is_path) {
    return Wrong{"bad-path", in_quotes(text) + " is not a path", did_you_mean("/" + std::string(text)), ""};
  }
  return check_template(text, key.choices);
}

std::optional<Wrong> wrong_ip_address(std::string_view text) {
  if (Endpoint::parse_ip(text)) return std::nullopt;
  return Wrong{"bad-address", in_quotes(text) + " is not an IP address", "for example \"192.0.2.1\" or \"2001:db8::1\"", ""};
}

std::optional<Wrong> wrong_text(const Key& key, const std::string& text, const std::string& name) {
  switch (key.type) {
    case Type::choice: return wrong_choice(key, text, name);
    case Type::access_field: return is_access_field(text) ? std::nullopt : wrong_choice(key, text, name);
    case Type::networks_or_choice: return parse_network(text) ? std::nullopt : wrong_choice(key, text, name);
    case Type::listen_address: return wrong_of(parse_listen_address(text));
    case Type::server_address: return wrong_of(parse_server_address(text));
    case Type::upstream: return is_url(text) ? wrong_of(parse_url(text)) : std::nullopt;
    case Type::network: return wrong_of(parse_network(text));
    case Type::ip_address: return wrong_ip_address(text);
    case Type::host: return wrong_of(parse_host(text));
    case Type::path: return wrong_of(parse_path(text));
    case Type::path_prefix: return check_path_prefix(text);
    case Type::regex: return wrong_regex(key, text);
    case Type::method: return check_method(text);
    case Type::header_name: return check_header_name(text);
    case Type::header_fields:
    case Type::header_value: return check_header_value(text);
    case Type::protocol: return check_protocol(text);
    case Type::template_text: return wrong_rewrite(key, text);
    case Type::tunnel_rule: return wrong_of(parse_tunnel_target(text));
    case Type::hash_on: return wrong_of(parse_hash_on(text));
    case Type::status_range: return wrong_of(parse_status_range(text));
    case Type::fingerprint: return wrong_of(parse_fingerprint(text));
    case Type::parent_proxy: return !text.empty() && text == key.choices ? std::nullopt : wrong_of(parse_parent(text));
    case Type::file:
    case Type::file_or_tables:
    case Type::secret:
      if (text.empty()) return Wrong{"bad-file", in_quotes(name) + " names no file", "", ""};
      return std::nullopt;
    default: return std::nullopt;  // any text will do; names of other sections are looked up by the checker
  }
}

std::optional<Diagnostic> check_boolean(const Node& value, const std::string& name) {
  const bool is_word = value.text == "true" || value.text == "false";
  if (value.kind == Kind::boolean || (value.kind == Kind::plain && is_word)) return std::nullopt;
  const bool means_false = value.text == "off" || value.text == "0";
  const std::string meant(means_false ? "false" : value.text == "1" ? "true" : meant_boolean(value.text));
  if (meant.empty()) return wrong_type(name, "true or false", value, "write true or false");
  return wrong_type(name, "true or false", value,
                    "write " + meant + (value.kind == Kind::string ? ", without quotes" : ""));
}

// The numbers that the schema lists.
std::optional<Diagnostic> check_listed(const Key& key, const Node& value, const std::string& name) {
  const std::vector<std::string_view> numbers = words_of(key.choices);
  if (std::find(numbers.begin(), numbers.end(), value.text) != numbers.end()) return std::nullopt;
  return error_at(value.at, "bad-value", value.text + " is not a value of " + in_quotes(name), "",
                  "one of: " + std::string(key.choices));
}

// The schema's "MIN-MAX".
std::optional<Diagnostic> check_range(std::string_view range, const Node& value, const std::string& name,
                                      std::uint64_t number) {
  const std::size_t dash = range.find('-');
  const std::string from(range.substr(0, dash));
  const std::string to(range.substr(dash + 1));
  const auto bound = [](std::string_view text) {
    const Parsed<std::uint64_t> size = parse_size(text);
    return size ? *size : *parse_integer(text);
  };
  if (number >= bound(from) && number <= bound(to)) return std::nullopt;
  return error_at(value.at, "out-of-range", value.text + " is out of range for " + in_quotes(name),
                  "from " + from + " to " + to);
}

std::optional<Diagnostic> check_integer(const Key& key, const Node& value, const std::string& name) {
  if (key.type == Type::threads && value.is_text() && value.text == "auto") return std::nullopt;
  const bool is_number = value.kind == Kind::integer || (value.kind == Kind::plain && is_digits(value.text));
  if (!is_number) {
    const bool digits_in_quotes = value.kind == Kind::string && is_digits(value.text);
    return wrong_type(name, expected(key.type), value,
                      digits_in_quotes ? "write " + value.text + ", without quotes" : "");
  }
  constexpr std::string_view default_range = "0-4294967295";
  const bool is_listed = key.choices.find(' ') != std::string_view::npos;
  if (is_listed) return check_listed(key, value, name);
  const Parsed<std::uint64_t> number = parse_integer(value.text);  // a negative one is out of every range
  return check_range(key.choices.empty() ? default_range : key.choices, value, name,
                     number ? *number : std::numeric_limits<std::uint64_t>::max());
}

// What is wrong with a duration or size; a bare number lacks only its unit.
Diagnostic unit_error(const Node& value, const std::string& name, std::string_view kind, const Wrong& wrong) {
  Diagnostic diagnostic = from_wrong(value, wrong);
  if (value.kind == Kind::string || !is_digits(value.text)) return diagnostic;
  diagnostic.code = "missing-unit";
  diagnostic.text = in_quotes(name) + " is " + std::string(kind) + " and needs a unit";
  return diagnostic;
}

std::optional<Diagnostic> check_duration(const Key& key, const Node& value, const std::string& name) {
  if (!key.choices.empty() && value.is_text() && value.text == key.choices) return std::nullopt;
  const bool readable = value.is_text() || value.kind == Kind::integer;
  if (!readable) return wrong_type(name, "a duration", value, "for example \"30s\"");
  const Parsed<milliseconds> duration = parse_duration(value.text);
  return duration ? std::nullopt : std::optional(unit_error(value, name, "a duration", *duration.wrong()));
}

std::optional<Diagnostic> check_size(const Key& key, const Node& value, const std::string& name) {
  const bool readable = value.is_text() || value.kind == Kind::integer;
  if (!readable) return wrong_type(name, "a size", value, "for example \"16KiB\"");
  const Parsed<std::uint64_t> size = parse_size(value.text);
  if (!size) return unit_error(value, name, "a size", *size.wrong());
  return key.choices.empty() ? std::nullopt : check_range(key.choices, value, name, *size);
}

}  // namespace

std::string one_of(std::string_view choices) {
  std::string out;
  for (const std::string_view word : words_of(choices)) out += (out.empty() ? "one of: " : ", ") + in_quotes(word);
  return out;
}

Diagnostic wrong_type(const std::string& name, std::string_view expected, const Node& value, std::string label,
                      std::string help) {
  if (value.kind == Kind::nothing) return error_at(value.at, "wrong-type", in_quotes(name) + " has no value");
  const bool is_word = value.kind == Kind::plain && !value.text.empty();
  const std::string found = is_word ? in_quotes(value.text) : std::string(describe(value.kind));
  return error_at(value.at, "wrong-type", in_quotes(name) + " must be " + std::string(expected) + ", not " + found,
                  std::move(label), std::move(help));
}

std::optional<Diagnostic> check_value(const Key& key, const Node& value, const std::string& name) {
  if (!value.is_scalar() || value.kind == Kind::nothing) return wrong_type(name, expected(key.type), value);
  switch (key.type) {
    case Type::boolean: return check_boolean(value, name);
    case Type::integer:
    case Type::threads: return check_integer(key, value, name);
    case Type::duration: return check_duration(key, value, name);
    case Type::size: return check_size(key, value, name);
    default: break;
  }
  if (!value.is_text()) {
    std::string label = value.text.empty() ? "" : "write " + in_quotes(value.text) + " in quotes";
    return wrong_type(name, "a string", value, std::move(label));
  }
  const std::optional<Wrong> wrong = wrong_text(key, value.text, name);
  return wrong ? std::optional(from_wrong(value, *wrong)) : std::nullopt;
}

bool needs_later_version(const Key& key, const Node& value) {
  if (key.works == not_yet) return true;
  if (key.works != all_works) {
    const std::vector<std::string_view> works = words_of(key.works);
    return !std::ranges::all_of(value.values(), [&](const Node& each) {
      return std::ranges::find(works, std::string_view(each.text)) != works.end();
    });
  }
  const std::span<const Node> values = value.values();
  return std::any_of(values.begin(), values.end(), [&](const Node& each) {
    return key.type == Type::listen_address && key.section == "admin" && each.text.starts_with(inherited_prefix);
  });
}

}  // namespace culvert::config
