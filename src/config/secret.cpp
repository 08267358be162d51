#include "config/secret.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include "config/values.hpp"

namespace culvert::config {

namespace {

Parsed<std::string> of_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file || file.bad()) {
    return Wrong{"unreadable", "cannot read " + in_quotes(path) + ": " + std::system_category().message(errno), "", ""};
  }
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

Parsed<std::string> of_environment(const std::string& name) {
  const char* const text = std::getenv(name.c_str());
  if (text == nullptr) return Wrong{"unset-variable", "the environment has no " + in_quotes(name), "", ""};
  return std::string(text);
}

// Those that systemd passes in (LoadCredential=).
Parsed<std::string> of_credential(const std::string& name) {
  const char* const folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr) {
    return Wrong{"unset-variable", "there are no credentials: CREDENTIALS_DIRECTORY is not set", "",
                 "systemd sets it for a unit with LoadCredential="};
  }
  return of_file(std::string(folder) + "/" + name);
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

Parsed<std::string> read_secret(const Node& value) {
  if (value.is_scalar()) return value.text;
  if (const Node* path = value.value_of("file")) return of_file(resolved(path->text, *path));
  if (const Node* name = value.value_of("env")) return of_environment(name->text);
  return of_credential(value.value_of("credential")->text);
}

// "USER:PASSWORD" (RFC 7617).
Parsed<std::string> read_credentials(const Node& value) {
  Parsed<std::string> secret = read_secret(value);
  if (!secret) return secret;
  const bool control = std::ranges::any_of(*secret, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (secret->find(':') == std::string::npos || control) {
    return Wrong{"bad-secret", "credentials are USER:PASSWORD, without control characters", "", ""};
  }
  return secret;
}

}  // namespace

void read_secrets(Node& root, Diagnostics& diagnostics) {
  Node* const upstreams = child(root, "upstream");
  if (upstreams == nullptr) return;
  for (Entry& upstream : upstreams->entries) {
    Node* const auth = child(upstream.value, "auth");
    if (auth == nullptr || !is_secret(*auth)) continue;
    const Parsed<std::string> credentials = read_credentials(*auth);
    if (const auto& wrong = credentials.wrong()) {
      diagnostics.push_back(error_at(auth->at, wrong->code, wrong->text, wrong->label, wrong->help));
      continue;
    }
    *auth = Node{.kind = Node::Kind::string, .at = auth->at, .text = *credentials, .items = {}, .entries = {}};
  }
}

}  // namespace culvert::config
