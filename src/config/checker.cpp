#include "config/checker.hpp"

#include <algorithm>

#include "config/addresses.hpp"
#include "config/cross_check.hpp"
#include "config/schema.hpp"
#include "config/secret.hpp"
#include "config/suggest.hpp"
#include "config/value_check.hpp"

namespace culvert::config {
namespace {

using Kind = Node::Kind;

// A table on its way through the schema.
struct Place {
  std::string section;  // as the schema names it: "upstream.*"
  std::string name;     // as the operator does: "upstream.api"
  Span at;              // what to underline when something is missing in it
  bool works = true;    // false inside a section that does not work yet: said once, at the section

  std::string title() const { return section.ends_with("[]") ? "[[" + name + "]]" : "[" + name + "]"; }
  std::string name_of(std::string_view key) const { return (name.empty() ? "" : name + ".") + std::string(key); }
};

class SchemaCheck {
 public:
  SchemaCheck(const Node& root, Diagnostics& diagnostics, Diagnostics& unsupported)
      : root_(root), diagnostics_(diagnostics), unsupported_(unsupported) {}

  void check_table(const Node& table, const Place& place) {
    for (const Entry& entry : table.entries) {
      if (const Key* key = find_key(place.section, entry.key)) {
        check_entry(*key, entry, place);
      } else {
        report_unknown(entry, place);
      }
    }
    for (const std::string_view name : names_in(place.section)) {
      if (find_key(place.section, name)->standard != required || table.find(name) != nullptr) continue;
      report(error_at(place.at, "missing-key", place.title() + " has no " + in_quotes(name)));
    }
  }

 private:
  void check_entry(const Key& key, const Entry& entry, const Place& place) {
    const Node& value = entry.value;
    Place inside{section_of(key), place.name_of(entry.key), entry.at, place.works};
    if (key.type == Type::named_tables) return check_named_tables(key, entry, inside);
    if (place.works && needs_later_version(key, value)) {
      report_unsupported(entry.at, inside.name);
      inside.works = false;
    }
    switch (key.type) {
      case Type::table: return check_plain_table(key, entry, inside);
      case Type::tables: return check_tables(entry, inside);
      case Type::fields:
      case Type::header_fields: return check_fields(key, value, inside.name);
      case Type::file_or_tables:
        return value.kind == Kind::list ? check_tables(entry, inside) : check_one(key, value, inside.name);
      case Type::secret: return check_secret(key, value, inside.name);
      default: break;
    }
    if (!key.many && value.kind == Kind::list) return report_unwanted_list(key, value, inside.name);
    if (value.kind == Kind::list && value.items.empty() && !may_be_empty(key)) {
      report(error_at(value.at, "empty-list", in_quotes(inside.name) + " is an empty list"));
    }
    for (const Node& each : value.values()) check_one(key, each, inside.name);
  }

  void check_one(const Key& key, const Node& value, const std::string& name) {
    if (auto diagnostic = check_value(key, value, name)) return report(std::move(*diagnostic));
    if (key.type == Type::reference) {
      const std::vector<std::string_view> choices = words_of(key.choices);
      if (std::find(choices.begin() + 1, choices.end(), value.text) == choices.end()) check_reference(choices.front(), value);
    }
    if (key.type == Type::upstream && !is_url(value.text)) check_reference("upstream", value);
  }

  void check_plain_table(const Key& key, const Entry& entry, const Place& inside) {
    if (entry.value.kind == Kind::table) return check_table(entry.value, inside);
    if (entry.value.kind == Kind::boolean && !key.choices.empty()) return;
    report_no_table(entry, inside.name, "write " + inside.title() + " with single brackets");
  }

  void check_named_tables(const Key& key, const Entry& section, const Place& inside) {
    if (section.value.kind != Kind::table) return report_no_table(section, inside.name, name_help(section.key));
    for (const Entry& entry : section.value.entries) {
      if (entry.value.is_scalar() || !(entry.value.kind == Kind::table || entry.value.bracketed)) {
        report(error_at(entry.at, "wrong-type", "[" + section.key + "] sections have a name",
                        in_quotes(entry.key) + " is read as a " + section.key + " name here", name_help(section.key)));
        return;  // the other keys are wrong for the same reason
      }
      const Place named{inside.section, inside.name_of(entry.key), entry.at, inside.works && key.works == all_works};
      if (inside.works && !named.works) report_unsupported(entry.at, named.name);
      check_name(entry);
      if (entry.value.kind == Kind::table) {
        check_table(entry.value, named);
      } else {
        report_no_table(entry, named.name, "write [" + named.name + "] with single brackets: the name makes it unique");
      }
    }
  }

  void check_tables(const Entry& entry, const Place& inside) {
    if (entry.value.kind == Kind::table && entry.value.bracketed) {
      report(error_at(entry.at, "wrong-type", "[" + inside.name + "] must be written [[" + inside.name + "]]",
                      "single brackets", "several may follow each other; their order counts"));
      return;
    }
    if (entry.value.kind != Kind::list) return report(wrong_type(inside.name, "a list of tables", entry.value));
    for (const Node& item : entry.value.items) {
      Place each = inside;
      each.at = item.at;
      if (item.kind == Kind::table) {
        check_table(item, each);
      } else {
        report(wrong_type(inside.name, "a list of tables", item));
      }
    }
  }

  void check_fields(const Key& key, const Node& value, const std::string& name) {
    if (value.kind != Kind::table) {
      return report(wrong_type(name, "a table", value, "for example { X-Env = \"beta\" }"));
    }
    for (const Entry& field : value.entries) {
      if (key.type == Type::header_fields) {
        if (const auto wrong = check_header_name(field.key)) {
          report(error_at(field.at, wrong->code, wrong->text, wrong->label));
        }
      }
      check_one(key, field.value, name + "." + field.key);
    }
  }

  void check_secret(const Key& key, const Node& value, const std::string& name) {
    if (value.kind != Kind::table) return check_one(key, value, name);
    for (const Entry& entry : value.entries) {
      if (std::ranges::find(secret_sources, entry.key) != std::end(secret_sources)) {
        check_one(key, entry.value, name + "." + entry.key);
        continue;
      }
      const std::string_view meant = nearest(entry.key, secret_sources);
      report(error_at(entry.at, "unknown-key", "unknown key " + in_quotes(entry.key) + " in " + in_quotes(name),
                      meant.empty() ? "" : did_you_mean(meant), one_of("file env credential")));
    }
    if (value.entries.size() == 1) return;
    report(error_at(value.at, "bad-secret", in_quotes(name) + " comes from one place", "",
                    one_of("file env credential")));
  }

  void check_name(const Entry& entry) {
    const auto belongs = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
             c == '.';
    };
    if (!entry.key.empty() && std::all_of(entry.key.begin(), entry.key.end(), belongs)) return;
    report(error_at(entry.at, "bad-name", in_quotes(entry.key) + " is not a name",
                    "letters, digits, \"-\", \"_\" and \".\""));
  }

  void check_reference(std::string_view section, const Node& value) {
    const Node* named = root_.value_of(section);
    if (named != nullptr && named->find(value.text) != nullptr) return;
    std::vector<std::string_view> names;
    if (named != nullptr) {
      for (const Entry& entry : named->entries) names.push_back(entry.key);
    }
    const std::string_view meant = nearest(value.text, names);
    Diagnostic diagnostic = error_at(value.at, "unknown-" + std::string(section),
                                     "there is no [" + std::string(section) + "." + value.text + "]");
    if (!meant.empty()) {
      diagnostic.label = did_you_mean(meant);
      diagnostic.with_second(named->find(meant)->at, in_quotes(meant) + " is defined here");
    } else if (section == "upstream") {
      const Parsed<Address> server = parse_server_address(value.text);
      const bool is_service = server && server->kind == Address::Kind::service;
      if (server) diagnostic.label = is_service ? "a service is a server of an upstream" : did_you_mean("http://" + value.text);
    }
    report(std::move(diagnostic));
  }

  void report_unknown(const Entry& entry, const Place& place) {
    const bool is_section = place.name.empty() && !entry.value.is_scalar();
    const std::string_view meant = nearest(entry.key, names_in(place.section));
    std::string text = std::string("unknown ") + (is_section ? "section " : "key ") + in_quotes(entry.key);
    if (!place.name.empty()) text += " in " + place.title();
    report(error_at(entry.at, is_section ? "unknown-section" : "unknown-key", text,
                    meant.empty() ? home_of(entry.key) : did_you_mean(meant)));
  }

  // Where a key that stands in the wrong section would be right, if there is only one such place.
  static std::string home_of(std::string_view name) {
    std::string home;
    for (const Key& key : schema()) {
      if (key.name != name || key.section.empty()) continue;
      if (!home.empty()) return "";
      home = key.section;
    }
    if (home.empty()) return "";
    const bool repeated = home.ends_with("[]");
    for (std::size_t at = home.find("[]"); at != std::string::npos; at = home.find("[]")) home.erase(at, 2);
    for (std::size_t at = home.find('*'); at != std::string::npos; at = home.find('*')) home.replace(at, 1, "NAME");
    return "it belongs in " + (repeated ? "[[" + home + "]]" : "[" + home + "]");
  }

  void report_no_table(const Entry& entry, const std::string& name, std::string help) {
    if (entry.value.bracketed) {
      Diagnostic diagnostic = wrong_type(name, "a table", entry.value, "written with [[ ]]", std::move(help));
      diagnostic.at = entry.at;
      return report(std::move(diagnostic));
    }
    report(wrong_type(name, "a table", entry.value));
  }

  void report_unwanted_list(const Key& key, const Node& value, const std::string& name) {
    report(wrong_type(name, key.type == Type::boolean ? "true or false" : "one value", value));
  }

  void report_unsupported(const Span& at, const std::string& name) {
    unsupported_.push_back(
        error_at(at, "unsupported", in_quotes(name) + " is not supported by this version of culvert"));
  }

  static std::string name_help(const std::string& section) {
    return "write [" + section + ".NAME], for example [" + section + ".main]";
  }

  // An empty condition would match everything, which nobody means by it.
  static bool may_be_empty(const Key& key) {
    const bool of_route = key.section == "route[]" || key.section == "route[].client_certificate";
    const bool is_condition = of_route && key.type != Type::protocol;
    const bool is_place = key.type == Type::listen_address && key.section != "admin";  // operators may be served nowhere
    return !is_condition && !is_place && key.type != Type::server_address &&
           key.type != Type::tunnel_rule && key.type != Type::parent_proxy;
  }

  void report(Diagnostic diagnostic) { diagnostics_.push_back(std::move(diagnostic)); }

  const Node& root_;
  Diagnostics& diagnostics_;
  Diagnostics& unsupported_;
};

}  // namespace

void check(const Node& root, Diagnostics& diagnostics) {
  if (root.kind != Kind::table) {
    diagnostics.push_back(error_at(root.at, "wrong-type", "a configuration is a table of sections, not " +
                                                              std::string(describe(root.kind))));
    return;
  }
  Diagnostics unsupported;
  SchemaCheck(root, diagnostics, unsupported).check_table(root, Place{"", "", root.at});
  cross_check(root, diagnostics);
  if (!has_errors(diagnostics)) diagnostics.insert(diagnostics.end(), unsupported.begin(), unsupported.end());
}

}  // namespace culvert::config
