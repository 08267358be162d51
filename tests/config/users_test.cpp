// If this fails, somebody passes who should not, a hash that protects nothing is taken for one, or a password is shown.
#include "config/users.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>

#include "config/load.hpp"
#include "config/temporary_folder.hpp"

namespace culvert::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::StartsWith;

// Of "secret", one for each row of the table, in its order.
constexpr std::string_view hashes[] = {
    "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$GmcwIgvdUC9qLWcKCi6gklUa1dM3ziD43YxYNURLKy0",
    "$gy$j9T$F5Jx5fExrKuPp53xLKQ..1$uE5FcoxTz78xZpMZkpTmj/0MogyeNUSLIjdCxpQjz.8",
    "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
    "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
    "$6$rounds=5000$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1",
    "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1",
    "$5$rounds=1000$saltsalt$eKLZU9t9OoPWrqOQsoTIKG0aYkZ5rGOoOQhiIvoSWX2",
    "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA",
};

std::string wrong_hash(std::string_view hash) {
  const auto wrong = check_hash("ann", hash);
  return wrong ? wrong->text : "";
}

TEST(Hashes, OfEachKindAreTaken) {
  ASSERT_EQ(std::size(hashes), std::size(hash_methods));
  for (std::size_t i = 0; i < std::size(hashes); ++i) {
    EXPECT_TRUE(hashes[i].starts_with(hash_methods[i].prefix)) << hashes[i];
    EXPECT_EQ(wrong_hash(hashes[i]), "") << hashes[i];
  }
}

TEST(Hashes, AreWholeAndNothingMore) {
  for (const std::string_view hash : hashes) {
    const std::string whole(hash);
    const std::string text = "the password of \"ann\" has a hash that is not whole, or more than a hash";
    EXPECT_EQ(wrong_hash(whole.substr(0, whole.size() - 1)), text) << hash;
    EXPECT_EQ(wrong_hash(whole + "."), text) << hash;
    EXPECT_EQ(wrong_hash(whole + ":19000:0"), text) << hash << " as /etc/shadow has it";
    EXPECT_EQ(wrong_hash(whole + " "), text) << hash;
    std::string other = whole;
    other[whole.find('$', 1) + 1] = '\\';
    EXPECT_NE(wrong_hash(other), "") << other;
    other = whole;
    other.back() = '+';
    EXPECT_EQ(wrong_hash(other), text) << other;
  }
  EXPECT_NE(wrong_hash("$y$"), "");
  EXPECT_NE(wrong_hash("$6$a$b$" + std::string(86, 'x')), "");
}

TEST(Hashes, ThatAreWeakAreNamed) {
  EXPECT_EQ(wrong_hash("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"), "the password of \"ann\" is hashed with MD5, which is too weak");
  EXPECT_EQ(wrong_hash("$apr1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"), "the password of \"ann\" is hashed with MD5, which is too weak");
  EXPECT_EQ(wrong_hash("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="), "the password of \"ann\" is hashed with SHA-1, which is too weak");
  EXPECT_EQ(wrong_hash("rl.3StKT.4T8M"), "the password of \"ann\" is hashed with DES, which is too weak");
  EXPECT_EQ(wrong_hash("$3$$8846f7eaee8fb117ad06bdd830b7586c"), "the password of \"ann\" is hashed in a way that culvert does not take");
  EXPECT_EQ(wrong_hash("rl.3StKT.4T8"), "the password of \"ann\" is not hashed");
  EXPECT_EQ(wrong_hash(""), "the password of \"ann\" is missing");
  EXPECT_EQ(check_hash("ann", "secret")->help, "use culvert hash-password");
}

TEST(UsersFile, IsLinesOfNameAndHash) {
  const std::string first(hashes[0]);
  const std::string second(hashes[2]);
  const ParsedUsers parsed = parse_users("# ours\n\nann:" + first + "\r\n \t\n#bob:x\nbob smith:" + second);
  EXPECT_TRUE(parsed.wrong.empty());
  EXPECT_THAT(parsed.users, ElementsAre(Pair("ann", first), Pair("bob smith", second)));
}

TEST(UsersFile, SaysOfEachLineWhatIsWrong) {
  const std::string hash(hashes[0]);
  const std::string longest(user_name_bytes_max, 'n');
  const ParsedUsers parsed = parse_users("just-a-password\n:" + hash + "\nann:" + hash + "\nb\x01:" + hash + "\nann:" + hash +
                                         "\n" + longest + ":" + hash + "\nn" + longest + ":" + hash + "\neve:secret\n");
  std::vector<std::string> told;
  for (const auto& [line, wrong] : parsed.wrong) told.push_back(std::to_string(line) + " " + wrong.text);
  EXPECT_THAT(told, ElementsAre("1 this line has no \":\"", "2 this user has no name",
                                "4 this user's name has a control character", "5 \"ann\" is given twice, first in line 3",
                                "7 this user's name is longer than 255 bytes", "8 the password of \"eve\" is not hashed"));
}

TEST(UserName, CannotBeWhatALineCannotHold) {
  EXPECT_FALSE(check_user_name("ann"));
  EXPECT_FALSE(check_user_name("Ann Smith \xc3\xa9"));
  for (const char* name : {"", "a:b", "#ann", "a\nb", "a\x7f"}) EXPECT_TRUE(check_user_name(name)) << name;
}

class UsersOfAuth : public TemporaryFolder {
 protected:
  Loaded load_users(std::string_view users) {
    return load(write("culvert.toml", "[listener.web]\naddress = \":8080\"\n[[route]]\necho = true\n[auth.teams]\nusers = " +
                                          std::string(users) + "\n"));
  }
  std::string write_users(std::string_view text, mode_t mode = 0640) {
    const std::string path = write("users", text);
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
};

TEST_F(UsersOfAuth, ComeFromAFileOrTheEnvironmentOrTheConfiguration) {
  const std::string line = "ann:" + std::string(hashes[0]);
  write_users(line + "\n");
  ::setenv("CULVERT_TEST_USERS", line.c_str(), 1);
  const std::string literal = "\"" + line + "\"";
  for (const std::string_view written : {std::string_view("{ file = \"users\" }"), std::string_view("{ env = \"CULVERT_TEST_USERS\" }"),
                                         std::string_view(literal)}) {
    const Loaded loaded = load_users(written);
    EXPECT_EQ(to_text(loaded.diagnostics), "");
    ASSERT_TRUE(loaded.config) << written;
    Auth expected;
    expected.name = "teams";
    expected.users.emplace("ann", hashes[0]);
    EXPECT_EQ(loaded.config->auths.at("teams"), expected) << written;
  }
  ::unsetenv("CULVERT_TEST_USERS");
}

TEST_F(UsersOfAuth, AreWrongInALineOfTheirFile) {
  const std::string path = write_users("\nann:secret\n");
  const Loaded loaded = load_users("{ file = \"users\" }");
  EXPECT_FALSE(loaded.config);
  EXPECT_EQ(to_text(loaded.diagnostics), path + ":2:1: error: the password of \"ann\" is not hashed [bad-hash]\n"
                                                "      = use culvert hash-password\n");
}

TEST_F(UsersOfAuth, AreNotShownWhereTheyStandInTheConfiguration) {
  const Loaded loaded = load_users("\"\"\"\nann:secret\n\"\"\"");
  const std::string text = to_text(loaded.diagnostics) + to_json(loaded.diagnostics);
  EXPECT_THAT(text, HasSubstr("culvert.toml:6:9: error: line 1: the password of \"ann\" is not hashed [bad-hash]\n"));
  EXPECT_THAT(text, Not(HasSubstr("secret")));
}

TEST_F(UsersOfAuth, ThatNobodyIsAreWarnedOf) {
  write_users("# nobody yet\n");
  const Loaded loaded = load_users("{ file = \"users\" }");
  EXPECT_TRUE(loaded.config);
  EXPECT_THAT(to_text(loaded.diagnostics), HasSubstr("culvert.toml:6:9: warning: there is no user: nobody can pass [no-users]\n"));
}

TEST_F(UsersOfAuth, ThatEverybodyCanReadAreWarnedOf) {
  const std::string line = "ann:" + std::string(hashes[0]) + "\n";
  write_users(line, 0644);
  EXPECT_EQ(to_text(load_users("{ file = \"users\" }").diagnostics),
            path("culvert.toml") + ":6:18: warning: everybody can read \"users\" [world-readable]\n"
            "    6 | users = { file = \"users\" }\n"
            "      |                  ^^^^^^^ chmod o-r\n"
            "      = it holds secrets\n");
  write_users(line, 0640);
  EXPECT_EQ(to_text(load_users("{ file = \"users\" }").diagnostics), "");
}

}  // namespace
}  // namespace culvert::config
