// Every section and key that a configuration may have: one table, which drives the checks, the suggestions, and the
// reference for operators.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace culvert::config {

enum class Type : std::uint8_t {
  // sections
  table,         // [section]; choices: words that may stand for it
  named_tables,  // [section.NAME]
  tables,        // [[section]]
  // tables whose keys are the operator's own
  fields,         // { preview = "*" }
  header_fields,  // { X-Env = "beta" }: names and values of header lines
  // values
  boolean,
  integer,   // choices: "MIN-MAX" or the numbers allowed
  duration,  // choices: words that are none
  size,      // choices: "MIN-MAX"
  choice,    // choices: the words allowed
  access_field,  // choices: the words to suggest
  text,
  file,      // a path, relative to the configuration file; choices: words that are none
  file_or_tables,
  threads,   // "auto" or a number
  secret,    // "literal", { file = ".." }, { env = ".." }, { credential = ".." }
  listen_address,
  server_address,
  networks_or_choice,
  network,
  ip_address,
  host,
  path,
  path_prefix,
  regex,
  method,
  header_name,
  header_value,
  protocol,  // as the Upgrade field names it
  template_text,  // choices: the {placeholders} allowed, besides {1} to {9}
  tunnel_rule,
  parent_proxy,   // the URL of a proxy; choices: words that are none
  hash_on,        // choices: the words to suggest
  status_range,
  fingerprint,    // SHA-256 of a certificate, in hex digits
  upstream,       // the name of an [upstream.NAME], or a URL
  reference,      // choices: the section whose name this is, and words that are none
};

// How much of a key works in this version.
inline constexpr std::string_view all_works = "*";
inline constexpr std::string_view not_yet = "";  // any use is refused
// Otherwise: the only values that work so far, separated by single blanks.

inline constexpr std::string_view required = "(required)";

struct Key {
  std::string_view section;   // "" the root, "upstream.*" any [upstream.NAME], "route[]" any [[route]]
  std::string_view name;
  Type type;
  bool many;                  // one value, or a list of them
  std::string_view standard;  // the value that holds where none is given, as a file would say it; or `required`
  std::string_view choices;   // see Type; separated by single blanks
  std::string_view works;
  std::string_view about;
};

std::span<const Key> schema();

// The row for a key, or null. A listener knows what [server] knows.
const Key* find_key(std::string_view section, std::string_view name);
std::vector<std::string_view> names_in(std::string_view section);
// The section that a key of a section type opens: "upstream.*.health".
std::string section_of(const Key& key);
std::vector<std::string_view> words_of(std::string_view choices);

}  // namespace culvert::config
