// If these fail, what was learned is forgotten, cannot be pasted, allows more than has passed, or takes memory without end.
#include "config/learned_rules.hpp"

#include <gtest/gtest.h>

#include "config/reader.hpp"

namespace culvert::config {
namespace {

using namespace std::string_literals;

Learned seen(std::uint64_t times, std::string first, std::string last) {
  return {.times = times, .first = std::move(first), .last = std::move(last), .denied_by = "the default"};
}

std::string to_toml_again(const LearnedRules& rules) {
  LearnedRules again(rules.tunnel());
  EXPECT_EQ(again.read(to_toml(rules)), std::nullopt);
  return to_toml(again);
}

TEST(LearnedRules, AreGroupedSortedAndReadBackAsTheyAre) {
  LearnedRules rules("out");
  EXPECT_TRUE(rules.add("", "b.test:443", seen(2, "t1", "t2")));
  EXPECT_TRUE(rules.add("ann", "b.test:443", seen(1, "t3", "t3")));
  EXPECT_TRUE(rules.add("", "[2001:db8::1]:443", seen(1, "t4", "t4")));
  EXPECT_FALSE(rules.add("", "b.test:443", seen(1, "t5", "t5")));
  EXPECT_EQ(rules.destinations(), 3u);
  const std::string text = to_toml(rules);
  EXPECT_EQ(text.substr(text.find("\n\n") + 2),
            "[[tunnel.out.rule]]\n"
            "name = \"learned\"\n"
            "allow = [\n"
            "  \"[2001:db8::1]:443\",  # times: 1, first: t4, last: t4, denied by: the default\n"
            "  \"b.test:443\",  # times: 3, first: t1, last: t5, denied by: the default\n"
            "]\n"
            "\n"
            "[[tunnel.out.rule]]\n"
            "name = \"learned from ann\"\n"
            "users = [\"ann\"]\n"
            "allow = [\n"
            "  \"b.test:443\",  # times: 1, first: t3, last: t3, denied by: the default\n"
            "]\n");
  EXPECT_EQ(to_toml_again(rules), text);
}

TEST(LearnedRules, ReadNamesOfAllKinds) {
  for (const std::string name : {"out", "a.b", "with \"quotes\"", "tab\there", "\x7f", "ünicode", ""}) {
    LearnedRules rules(name);
    rules.add(name, "a.test:443", {.times = 1, .first = "t", .last = "t", .denied_by = "\"rule\\n1\""});
    EXPECT_EQ(to_toml_again(rules), to_toml(rules)) << name;
  }
}

TEST(LearnedRules, ReadWhatHasLostItsNotes) {
  LearnedRules rules("out");
  const std::string head = "# culvert: learned rules of [tunnel.out]\n[[tunnel.out.rule]]\n";
  EXPECT_EQ(rules.read(head + "users = [\"ann\", \"bob\"]\nallow = \"a.test:443\"\n[[tunnel.out.rule]]\nallow = [\n"
                              "\"b.test:443\", # times: -5, first: \n\"c.test:443\", # times: 7, fir\n\"no rule\"]\n"),
            std::nullopt);
  EXPECT_EQ(rules.destinations(), 4u);
  EXPECT_EQ(rules.users().at("").at("b.test:443").times, 1u);
  EXPECT_EQ(rules.users().at("").at("c.test:443").times, 1u) << "half of a note is none";
  EXPECT_TRUE(rules.users().at("bob").contains("a.test:443"));
  EXPECT_EQ(to_toml_again(rules), to_toml(rules));
}

TEST(LearnedRules, AreNotReadFromAnotherFile) {
  const auto wrong = [](const std::string& text) { return LearnedRules("out").read(text).value_or("nothing"); };
  EXPECT_EQ(wrong(""), "it is not what [tunnel.out] has learned");
  EXPECT_EQ(wrong("[tunnel.out]\n"), "it is not what [tunnel.out] has learned");
  EXPECT_EQ(wrong("# culvert: learned rules of [tunnel.outer]\n"), "it is not what [tunnel.out] has learned");
  EXPECT_EQ(wrong("# culvert: learned rules of [tunnel.out]\nallow = [\n").substr(0, 5), "line ");
  EXPECT_EQ(wrong("# culvert: learned rules of [tunnel.out]\n"), "nothing");
}

TEST(LearnedRules, HaveRoomForSoManyDestinations) {
  LearnedRules rules("out");
  for (std::size_t i = 1; i < LearnedRules::destinations_max; ++i) {
    rules.add(i % 2 == 0 ? "ann" : "", "h" + std::to_string(i) + ".test:443", seen(1, "t", "t"));
  }
  EXPECT_EQ(to_toml(rules).find("as many destinations as it may"), std::string::npos);
  EXPECT_TRUE(rules.add("", "last.test:443", seen(1, "t", "t")));
  EXPECT_FALSE(rules.add("", "more.test:443", seen(1, "t", "t")));
  EXPECT_FALSE(rules.add("bob", "last.test:443", seen(1, "t", "t")));
  EXPECT_FALSE(rules.add("", "last.test:443", seen(1, "t", "t")));
  EXPECT_EQ(rules.users().at("").at("last.test:443").times, 2u) << "what is known is counted on";
  EXPECT_EQ(rules.destinations(), LearnedRules::destinations_max);
  EXPECT_NE(to_toml(rules).find("as many destinations as it may"), std::string::npos);
}

TEST(ExactTarget, SaysOneDestinationAndNoMore) {
  EXPECT_EQ(exact_target("a.test", 443), "a.test:443");
  EXPECT_EQ(exact_target("192.0.2.1", 80), "192.0.2.1:80");
  EXPECT_EQ(exact_target("2001:db8::1", 80), "[2001:db8::1]:80");
  EXPECT_EQ(exact_target("::ffff:192.0.2.1", 80), "192.0.2.1:80") << "as it is judged";
  for (const char* host : {"*", "*.test", "", "a b", "a\"b", "a/b", "a'b", "a$b", "a%20b", "10.0.0.0/8"}) {
    EXPECT_EQ(exact_target(host, 443), std::nullopt) << host;
  }
}

}  // namespace
}  // namespace culvert::config
