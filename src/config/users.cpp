#include "config/users.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "config/diagnostic.hpp"

namespace culvert::config {

namespace {

constexpr std::string_view hash_help = "use culvert hash-password";
constexpr std::size_t des_chars = 13;

bool is_crypt_base64(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '/';
}

bool all_crypt_base64(std::string_view text) { return std::ranges::all_of(text, is_crypt_base64); }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// What crypt(3) takes in a salt; "$" ends it.
bool belongs_to_setting(char c) {
  return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f &&
         std::string_view("!*:;\\").find(c) == std::string_view::npos;
}

bool is_whole(std::string_view rest, const HashMethod& method) {
  const std::size_t digest = rest.rfind('$') + 1;
  return static_cast<std::size_t>(std::ranges::count(rest, '$')) == method.fields &&
         std::ranges::all_of(rest.substr(0, digest), belongs_to_setting) &&
         rest.size() - digest == method.digest_chars && all_crypt_base64(rest.substr(digest));
}

Wrong bad_hash(std::string_view user, std::string_view what) {
  return {"bad-hash", "the password of " + in_quotes(user) + std::string(what), "", std::string(hash_help)};
}

Wrong bad_user(std::string text) { return {"bad-user", std::move(text), "", "a line is USER:HASH"}; }

}  // namespace

std::optional<Wrong> check_user_name(std::string_view name) {
  if (name.empty()) return bad_user("this user has no name");
  if (std::ranges::any_of(name, is_control)) return bad_user("this user's name has a control character");
  if (name.find(':') != std::string_view::npos) return bad_user("this user's name has a \":\"");
  if (name.starts_with('#')) return bad_user("this user's name begins with \"#\"");
  if (name.size() > user_name_bytes_max) {
    return bad_user("this user's name is longer than " + std::to_string(user_name_bytes_max) + " bytes");
  }
  return std::nullopt;
}

std::optional<Wrong> check_hash(std::string_view user, std::string_view hash) {
  for (const HashMethod& method : hash_methods) {
    if (!hash.starts_with(method.prefix)) continue;
    if (is_whole(hash.substr(method.prefix.size()), method)) return std::nullopt;
    return bad_hash(user, " has a hash that is not whole, or more than a hash");
  }
  if (hash.empty()) return bad_hash(user, " is missing");
  if (hash.starts_with("$1$") || hash.starts_with("$apr1$")) return bad_hash(user, " is hashed with MD5, which is too weak");
  if (hash.starts_with("{SHA}")) return bad_hash(user, " is hashed with SHA-1, which is too weak");
  if (hash.starts_with('$')) return bad_hash(user, " is hashed in a way that culvert does not take");
  if (hash.size() == des_chars && all_crypt_base64(hash)) return bad_hash(user, " is hashed with DES, which is too weak");
  return bad_hash(user, " is not hashed");
}

ParsedUsers parse_users(std::string_view text) {
  ParsedUsers parsed;
  std::map<std::string_view, std::uint32_t> lines;  // on which each user stands
  for (std::uint32_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos || line.starts_with('#')) continue;

    const auto is_wrong = [&](Wrong wrong) { parsed.wrong.push_back({number, std::move(wrong)}); };
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      is_wrong(bad_user("this line has no \":\""));
      continue;
    }
    const std::string_view name = line.substr(0, colon);
    const std::string_view hash = line.substr(colon + 1);
    if (auto wrong = check_user_name(name)) {
      is_wrong(std::move(*wrong));
      continue;
    }
    const auto [first, is_new] = lines.emplace(name, number);
    if (!is_new) {
      is_wrong({"duplicate-user", in_quotes(name) + " is given twice, first in line " + std::to_string(first->second),
                "", ""});
      continue;
    }
    if (auto wrong = check_hash(name, hash)) is_wrong(std::move(*wrong));
    parsed.users.emplace(name, hash);
  }
  return parsed;
}

}  // namespace culvert::config
