// Who may pass: lines of USER:HASH, as htpasswd has them, with the hashes of crypt(3).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "config/values.hpp"

namespace culvert::config {

inline constexpr std::size_t user_name_bytes_max = 255;

// A kind of hash that is worth its name: what begins with `prefix`, goes on with so many fields that end in "$", and
// ends with so many characters of crypt's base64.
struct HashMethod {
  std::string_view prefix;
  std::size_t fields;
  std::size_t digest_chars;
};
inline constexpr HashMethod hash_methods[] = {
    {"$y$", 2, 43},   // yescrypt: parameters, salt
    {"$gy$", 2, 43},  // gost-yescrypt
    {"$2b$", 1, 53},  // bcrypt: cost; the salt has no end of its own
    {"$2y$", 1, 53},
    {"$6$rounds=", 2, 86},  // SHA-512: rounds, salt
    {"$6$", 1, 86},
    {"$5$rounds=", 2, 43},  // SHA-256
    {"$5$", 1, 43},
};

std::optional<Wrong> check_user_name(std::string_view name);
// What is wrong with the hash of `user`, which the words do not repeat.
std::optional<Wrong> check_hash(std::string_view user, std::string_view hash);

struct WrongLine {
  std::uint32_t line;  // from 1
  Wrong wrong;
};

struct ParsedUsers {
  Users users;
  std::vector<WrongLine> wrong;
};

// Blank lines, and those that begin with "#", say nothing.
ParsedUsers parse_users(std::string_view text);

}  // namespace culvert::config
