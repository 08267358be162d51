// If this fails, a line of a users file crashes culvert, or lets somebody in by a hash that is none.
//
// The input is the file. A reading of its own, by lines and expressions, must come to the same users.
#include "config/users.hpp"

#include <map>
#include <regex>
#include <string>

#include "fuzz/target.hpp"

namespace culvert::fuzz {
namespace {

bool is_hash(const std::string& text) {
  static const std::regex form(
      R"((\$g?y\$[!-#%-~]*\$[!-#%-~]*\$[./0-9A-Za-z]{43}|\$2[by]\$[!-#%-~]*\$[./0-9A-Za-z]{53}|)"
      R"(\$6\$(rounds=[!-#%-~]*\$)?[!-#%-~]*\$[./0-9A-Za-z]{86}|\$5\$(rounds=[!-#%-~]*\$)?[!-#%-~]*\$[./0-9A-Za-z]{43}))");
  return std::regex_match(text, form);
}

}  // namespace

void run(std::string_view input) {
  if (input.size() > 4096) return;  // expressions take their time
  const config::ParsedUsers parsed = config::parse_users(input);
  std::map<std::string, std::string> first;  // the hash with which each name is seen first
  std::uint32_t lines = 0;
  for (std::string_view rest = input; !rest.empty(); ++lines) {
    std::string line(take_line(rest));
    if (line.ends_with('\r')) line.pop_back();
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || line.front() == '#') continue;
    first.emplace(line.substr(0, colon), line.substr(colon + 1));
  }
  std::size_t wrong_hashes = 0;
  std::uint32_t last = 0;
  for (const auto& [number, wrong] : parsed.wrong) {
    EXPECT_GT(number, last);
    EXPECT_LE(number, lines);
    EXPECT_FALSE(wrong.code.empty() || wrong.text.empty());
    if (wrong.code == "bad-hash") ++wrong_hashes;
    last = number;
  }
  for (const auto& [name, hash] : parsed.users) {
    EXPECT_FALSE(name.empty() || name.size() > config::user_name_bytes_max);
    EXPECT_EQ(name.find_first_of(std::string("\0\n\x1f\x7f:", 5)), std::string::npos) << name;
    ASSERT_TRUE(first.contains(name)) << name;
    EXPECT_EQ(hash, first[name]);
    if (config::check_hash(name, hash)) continue;
    EXPECT_TRUE(is_hash(hash)) << hash;
  }
  for (const auto& [name, hash] : parsed.users) wrong_hashes -= config::check_hash(name, hash) ? 1 : 0;
  EXPECT_EQ(wrong_hashes, 0u) << "each hash that is none is told";
}

}  // namespace culvert::fuzz
