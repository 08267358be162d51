// If this fails, docs/configuration.md says something else than the schema, or shows a file that culvert refuses.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"
#include "config/schema.hpp"
#include "config/temporary_folder.hpp"

namespace culvert::config {
namespace {

constexpr const char* page_path = CULVERT_SOURCE_DIR "/docs/configuration.md";
constexpr std::string_view mark = "ConfigurationPage.*' -->\n";  // what follows is written here

std::string read_page() {
  std::ifstream file(page_path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool is_section(const Key& key) {
  return key.type == Type::table || key.type == Type::named_tables || key.type == Type::tables;
}

std::string code(std::string_view text) { return "`" + std::string(text) + "`"; }

// ---- sections -------------------------------------------------------------------------------------------------------

// The row that opens a section; null for the root.
const Key* opener_of(std::string_view section) {
  for (const Key& key : schema()) {
    if ((is_section(key) || key.type == Type::file_or_tables) && section_of(key) == section) return &key;
  }
  return nullptr;
}

bool works(std::string_view section) {
  const Key* opener = opener_of(section);
  return opener == nullptr || (opener->works != not_yet && works(opener->section));
}

// "upstream.*.server[]" as a file writes it: [[upstream.NAME.server]].
std::string heading_of(std::string section) {
  const bool is_list = section.ends_with("[]");
  for (std::size_t at = 0; (at = section.find("[]")) != std::string::npos;) section.erase(at, 2);
  for (std::size_t at = 0; (at = section.find('*')) != std::string::npos;) section.replace(at, 1, "NAME");
  return is_list ? "[[" + section + "]]" : "[" + section + "]";
}

std::vector<std::string> sections() {
  std::vector<std::string> names;
  for (const Key& key : schema()) {
    const std::string name(key.section);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

// ---- one key --------------------------------------------------------------------------------------------------------

std::string choices_of(const Key& key) {
  std::string out;
  for (const std::string_view word : words_of(key.choices)) out += (out.empty() ? "" : ", ") + code(word);
  return out;
}

std::string number_of(const Key& key, const std::string& what) {
  if (key.choices.empty()) return what;
  const bool is_range = key.choices.find(' ') == std::string_view::npos;
  return is_range ? what + ", " + std::string(key.choices) : choices_of(key);
}

std::string value_of(const Key& key) {
  switch (key.type) {
    case Type::table: return "section " + code(heading_of(section_of(key)));
    case Type::named_tables: return "sections " + code(heading_of(section_of(key)));
    case Type::tables: return "sections " + code(heading_of(section_of(key)));
    case Type::fields: return "`{ NAME = \"VALUE\" }`";
    case Type::header_fields: return "`{ Name = \"value\" }`";
    case Type::boolean: return "`true`, `false`";
    case Type::integer: return number_of(key, "number");
    case Type::threads: return number_of(key, "`auto` or number");
    case Type::duration: return "duration";
    case Type::size: return number_of(key, "size");
    case Type::choice: return choices_of(key);
    case Type::access_field: return "field, see below";
    case Type::text: return "text";
    case Type::file: return key.choices.empty() ? "file" : choices_of(key) + " or file";
    case Type::file_or_tables: return "file";
    case Type::secret: return "secret";
    case Type::listen_address: return "address";
    case Type::server_address: return "server";
    case Type::networks_or_choice: return "network, " + choices_of(key);
    case Type::network: return "network";
    case Type::ip_address: return "IP address";
    case Type::host: return "host";
    case Type::path: return "path";
    case Type::path_prefix: return "path";
    case Type::regex: return "expression";
    case Type::method: return "method";
    case Type::header_name: return "field name";
    case Type::header_value: return "text";
    case Type::protocol: return "protocol";
    case Type::template_text: return "text with placeholders";
    case Type::tunnel_rule: return "`HOST:PORT`";
    case Type::parent_proxy: return "`http://HOST:PORT`" + (key.choices.empty() ? "" : ", " + choices_of(key));
    case Type::fingerprint: return "SHA-256 in hex digits";
    case Type::hash_on: return "`client`, `path`, `query:NAME`, `header:NAME`, `cookie:NAME`";
    case Type::status_range: return "a status code, or `FIRST-LAST`";
    case Type::upstream: return "name of an upstream, or URL";
    case Type::reference: return "name of a " + std::string(key.choices);
  }
  return {};
}

std::string standard_of(const Key& key) {
  if (key.standard == required) return "*required*";
  if (key.type == Type::boolean && key.works != all_works) return code(key.works);  // the default waits as well
  if (key.standard.empty()) return "";
  std::string out;
  const auto words = key.many ? words_of(key.standard) : std::vector<std::string_view>{key.standard};
  for (const std::string_view word : words) out += (out.empty() ? "" : ", ") + code(word);
  return out;
}

std::string row_of(const Key& key) {
  const std::string list = key.many ? "; list" : "";
  const std::string only = key.works == all_works ? "" : "; so far only " + code(key.works);
  return "| " + code(key.name) + " | " + value_of(key) + list + " | " + standard_of(key) + " | " +
         std::string(key.about) + only + " |\n";
}

// ---- the page -------------------------------------------------------------------------------------------------------

// A paragraph in lines of at most 120 characters.
std::string wrapped(const std::string& text) {
  std::string out;
  std::size_t column = 120;
  for (const std::string_view word : words_of(text)) {
    const bool fits = column + 1 + word.size() <= 120;
    out += fits ? " " : "\n";
    out += word;
    column = fits ? column + 1 + word.size() : word.size();
  }
  return out + "\n";
}

std::string tables() {
  std::string out = "\n## Every key\n";
  for (const std::string& section : sections()) {
    if (!works(section)) continue;
    const Key* opener = opener_of(section);
    out += opener == nullptr ? "\n### At the top\n"
                             : "\n### " + code(heading_of(section)) + "\n" + std::string(opener->about) + "\n\n";
    if (section == "listener.*") out += "Besides these, every key of `[server]`.\n\n";
    if (opener == nullptr) out += '\n';
    out += "| key | value | default | |\n|---|---|---|---|\n";
    for (const Key& key : schema()) {
      if (key.section == section && key.works != not_yet) out += row_of(key);
    }
    if (section != "log.access") continue;
    out += wrapped("Fields, of which those that begin with `culvert.` may be written without it: " +
                   choices_of(*find_key("log.access", "fields")) + "; and `http.request.header.NAME` for any field.");
  }
  return out;
}

std::string refused() {
  std::string out =
      "\n## Not yet\nThe format knows these, and this version refuses them, rather than pass over them in silence. So "
      "it does with\n`\"fd:NAME\"` as the address of `[admin]`.\n\n| | |\n|---|---|\n";
  for (const Key& key : schema()) {
    if (key.works != not_yet || !works(key.section)) continue;
    const std::string section(key.section);
    const std::string name = is_section(key) ? heading_of(section_of(key))
                                             : heading_of(section) + " " + std::string(key.name);
    out += "| " + code(name) + " | " + std::string(key.about) + " |\n";
  }
  return out;
}

TEST(ConfigurationPage, SaysWhatTheSchemaSays) {
  const std::string page = read_page();
  const std::size_t at = page.find(mark);
  ASSERT_NE(at, std::string::npos) << page_path << " has lost its mark";
  const std::string wanted = page.substr(0, at + mark.size()) + tables() + refused();
  if (std::getenv("CULVERT_WRITE_PAGES") != nullptr) {
    std::ofstream(page_path, std::ios::binary) << wanted;
  } else {
    EXPECT_EQ(page, wanted) << "run this test with CULVERT_WRITE_PAGES=1";
  }
}

class ConfigurationPageExamples : public TemporaryFolder {};

TEST_F(ConfigurationPageExamples, LoadWithoutAWord) {
  constexpr std::string_view begin = "```toml\n";
  const std::string page = read_page();
  int examples = 0;
  for (std::size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at)) {
    at += begin.size();
    const Loaded loaded = load(write("culvert.toml", page.substr(at, page.find("```\n", at) - at)));
    EXPECT_EQ(to_text(loaded.diagnostics), "");
    ++examples;
  }
  EXPECT_EQ(examples, 3);
}

}  // namespace
}  // namespace culvert::config
