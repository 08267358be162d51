#include "config/secret.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include "config/users.hpp"
#include "config/values.hpp"

namespace culvert::config {

namespace {

Parsed<std::string> of_environment(const std::string& name) {
  const char* const text = std::getenv(name.c_str());
  if (text == nullptr) return Wrong{"unset-variable", "the environment has no " + in_quotes(name), "", ""};
  return std::string(text);
}

// Of those that systemd passes in (LoadCredential=); empty where it passes none.
std::string file_of_credential(const std::string& name) {
  const char* const folder = std::getenv("CREDENTIALS_DIRECTORY");
  return folder == nullptr ? std::string() : std::string(folder) + "/" + name;
}

Parsed<std::string> of_credential(const std::string& name) {
  const std::string file = file_of_credential(name);
  if (!file.empty()) return read_text_file(file);
  return Wrong{"unset-variable", "there are no credentials: CREDENTIALS_DIRECTORY is not set", "",
               "systemd sets it for a unit with LoadCredential="};
}

Node* child(Node& table, std::string_view key) {
  const auto found = std::ranges::find(table.entries, key, &Entry::key);
  return found == table.entries.end() ? nullptr : &found->value;
}

// A text, or a table that names one source.
bool is_secret(const Node& value) {
  if (value.is_scalar()) return value.is_text();
  if (value.entries.size() != 1) return false;
  const Entry& entry = value.entries.front();
  return entry.value.is_text() && std::ranges::find(secret_sources, entry.key) != std::end(secret_sources);
}

// "USER:PASSWORD" (RFC 7617).
std::optional<Wrong> check_credentials(std::string_view secret) {
  const bool control = std::ranges::any_of(secret, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (secret.find(':') != std::string_view::npos && !control) return std::nullopt;
  return Wrong{"bad-secret", "credentials are USER:PASSWORD, without control characters", "", ""};
}

class SecretReader {
 public:
  explicit SecretReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void read_credentials(Node& value) {
    if (!read(value)) return;
    if (const auto wrong = check_credentials(value.text)) report(value.at, *wrong);
  }

  void read_users(Node& value) {
    const Node written = value;
    if (!read(value)) return;
    const ParsedUsers parsed = parse_users(value.text);
    for (const auto& [line, wrong] : parsed.wrong) report_line(written, line, wrong);
    if (!parsed.users.empty() || !parsed.wrong.empty()) return;
    diagnostics_.push_back(warning_at(place_of(written), "no-users", "there is no user: nobody can pass"));
  }

 private:
  // Puts the secret in the place of what says where it is; false where there is none.
  bool read(Node& value) {
    if (!is_secret(value)) return false;
    const Parsed<std::string> secret = read_secret(value);
    if (const auto& wrong = secret.wrong()) {
      report(value.at, *wrong);
      return false;
    }
    if (const Node* path = value.value_of("file")) warn_of_readers(*path);
    value = Node{.kind = Node::Kind::string, .at = value.at, .text = *secret, .items = {}, .entries = {}};
    return true;
  }

  void warn_of_readers(const Node& path) {
    using std::filesystem::perms;
    std::error_code error;
    const perms permissions = std::filesystem::status(resolved(path.text, path), error).permissions();
    if (error || (permissions & perms::others_read) == perms::none) return;
    diagnostics_.push_back(warning_at(path.at, "world-readable", "everybody can read " + in_quotes(path.text),
                                      "chmod o-r", "it holds secrets"));
  }

  // The line is not shown, for there are passwords in it.
  void report_line(const Node& users, std::uint32_t line, const Wrong& wrong) {
    if (const Node* path = users.value_of("file")) return report({resolved(path->text, *path), line, 1, 0, {}}, wrong);
    Wrong in_line = wrong;
    in_line.text = "line " + std::to_string(line) + ": " + wrong.text;
    report(place_of(users), in_line);
  }

  static Span place_of(const Node& secret) {
    if (!secret.is_scalar()) return secret.at;
    return {secret.at.file, secret.at.line, secret.at.column, 0, {}};
  }

  void report(const Span& at, const Wrong& wrong) {
    diagnostics_.push_back(error_at(at, wrong.code, wrong.text, wrong.label, wrong.help));
  }

  Diagnostics& diagnostics_;
};

// Calls read(value) for each value that has this key in a table [section.NAME].
template <class Read>
void for_each(Node& root, std::string_view section, std::string_view key, Read read) {
  Node* const tables = child(root, section);
  if (tables == nullptr) return;
  for (Entry& table : tables->entries) {
    if (Node* const value = child(table.value, key)) read(*value);
  }
}

// The same for the rules of tunnels.
template <class Read>
void for_each_rule(Node& root, std::string_view key, Read read) {
  for_each(root, "tunnel", "rule", [&](Node& rules) {
    for (Node& rule : rules.items) {
      if (Node* const value = child(rule, key)) read(*value);
    }
  });
}

}  // namespace

Parsed<std::string> read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file || file.bad()) {
    return Wrong{"unreadable", "cannot read " + in_quotes(path) + ": " + std::system_category().message(errno), "", ""};
  }
  return text;
}

Parsed<std::string> read_text_file(const std::string& path) {
  Parsed<std::string> whole = read_file(path);
  if (!whole) return whole;
  std::string text = *std::move(whole);
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

Parsed<std::string> read_secret(const Node& value) {
  if (value.is_scalar()) return value.text;
  if (const Node* path = value.value_of("file")) return read_text_file(resolved(path->text, *path));
  if (const Node* name = value.value_of("env")) return of_environment(name->text);
  return of_credential(value.value_of("credential")->text);
}

std::string file_of_secret(const Node& value) {
  if (const Node* path = value.value_of("file")) return resolved(path->text, *path);
  if (const Node* name = value.value_of("credential")) return file_of_credential(name->text);
  return {};
}

void read_secrets(Node& root, Diagnostics& diagnostics) {
  SecretReader reader(diagnostics);
  for_each(root, "upstream", "auth", [&](Node& value) { reader.read_credentials(value); });
  for_each(root, "tunnel", "parent_auth", [&](Node& value) { reader.read_credentials(value); });
  for_each_rule(root, "parent_auth", [&](Node& value) { reader.read_credentials(value); });
  for_each(root, "auth", "users", [&](Node& value) { reader.read_users(value); });
}

}  // namespace culvert::config
