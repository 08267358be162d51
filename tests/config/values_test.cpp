// If this fails, a word of the configuration means something else than its documentation says.
#include "config/values.hpp"

#include <gtest/gtest.h>

namespace culvert::config {
namespace {

using namespace std::chrono_literals;

template <class T>
std::string code(const Parsed<T>& parsed) {
  return parsed ? "" : parsed.wrong()->code;
}
template <class T>
std::string label(const Parsed<T>& parsed) {
  return parsed ? "" : parsed.wrong()->label;
}

TEST(Duration, ReadsEveryUnitAndCombinations) {
  EXPECT_EQ(*parse_duration("500ms"), 500ms);
  EXPECT_EQ(*parse_duration("30s"), 30s);
  EXPECT_EQ(*parse_duration("5m"), 5min);
  EXPECT_EQ(*parse_duration("12h"), 12h);
  EXPECT_EQ(*parse_duration("2d"), 48h);
  EXPECT_EQ(*parse_duration("1m30s"), 90s);
  EXPECT_EQ(*parse_duration("1d2h3m4s5ms"), 26h + 3min + 4s + 5ms);
}

TEST(Duration, OffAndZeroAreNoLimit) {
  EXPECT_EQ(*parse_duration("off"), off);
  EXPECT_EQ(*parse_duration("0"), off);
  EXPECT_EQ(*parse_duration("0s"), off);
}

TEST(Duration, RefusesEverythingElse) {
  for (const std::string_view text : {"", "s", "30", "-1s", "1.5s", " 30s", "30s ", "30 s", "30S", "30s1m", "1s1s",
                                      "Off", "1m30", "99999999999999999999s"}) {
    EXPECT_EQ(code(parse_duration(text)), "bad-duration") << text;
  }
}

TEST(Duration, EndsAtTenYears) {
  EXPECT_TRUE(parse_duration("3650d"));
  EXPECT_EQ(code(parse_duration("3650d1ms")), "bad-duration");
  EXPECT_EQ(code(parse_duration("3651d")), "bad-duration");
  EXPECT_EQ(code(parse_duration("18446744073709551615d")), "bad-duration");
}

TEST(Duration, GuessesWhatWasMeant) {
  EXPECT_EQ(label(parse_duration("30sec")), "did you mean \"30s\"?");
  EXPECT_EQ(label(parse_duration("30 Seconds")), "did you mean \"30s\"?");
  EXPECT_EQ(label(parse_duration("5min")), "did you mean \"5m\"?");
  EXPECT_EQ(label(parse_duration("5 millis")), "did you mean \"5ms\"?");
  EXPECT_EQ(label(parse_duration("2hrs")), "did you mean \"2h\"?");
  EXPECT_EQ(label(parse_duration("30")), "\"30s\" or \"30ms\"?");
  EXPECT_EQ(label(parse_duration("soon")), "for example \"30s\"");
}

TEST(Size, ReadsEveryUnit) {
  EXPECT_EQ(*parse_size("7B"), 7u);
  EXPECT_EQ(*parse_size("16kB"), 16'000u);
  EXPECT_EQ(*parse_size("3MB"), 3'000'000u);
  EXPECT_EQ(*parse_size("2GB"), 2'000'000'000u);
  EXPECT_EQ(*parse_size("16KiB"), 16'384u);
  EXPECT_EQ(*parse_size("1MiB"), 1'048'576u);
  EXPECT_EQ(*parse_size("4GiB"), 4'294'967'296u);
  EXPECT_EQ(*parse_size("off"), 0u);
  EXPECT_EQ(*parse_size("0"), 0u);
}

TEST(Size, RefusesEverythingElse) {
  for (const std::string_view text : {"", "B", "16", "16KB", "16kb", "16kib", "1.5MB", "-1B", "16 KiB", "1KiB1B"}) {
    EXPECT_EQ(code(parse_size(text)), "bad-size") << text;
  }
}

TEST(Size, EndsAtAnExbibyte) {
  EXPECT_EQ(*parse_size("1073741824GiB"), 1ull << 60);
  EXPECT_EQ(code(parse_size("1073741825GiB")), "bad-size");
}

TEST(Size, GuessesWhatWasMeant) {
  EXPECT_EQ(label(parse_size("16kb")), "did you mean \"16KiB\"?");
  EXPECT_EQ(label(parse_size("16 M")), "did you mean \"16MiB\"?");
  EXPECT_EQ(label(parse_size("1g")), "did you mean \"1GiB\"?");
  EXPECT_EQ(label(parse_size("16384")), "did you mean \"16KiB\"?");
  EXPECT_EQ(label(parse_size("100")), "\"100B\" or \"100KiB\"?");
  EXPECT_EQ(label(parse_size("large")), "for example \"16KiB\"");
}

TEST(NetworkValue, ReadsNetworksAndSingleAddresses) {
  EXPECT_EQ(*parse_network("10.0.0.0/8"), (Network{*Endpoint::parse_ip("10.0.0.0"), 8}));
  EXPECT_EQ(*parse_network("127.0.0.1"), (Network{*Endpoint::parse_ip("127.0.0.1"), 32}));
  EXPECT_EQ(*parse_network("::1"), (Network{*Endpoint::parse_ip("::1"), 128}));
  EXPECT_EQ(*parse_network("fd00::/8"), (Network{*Endpoint::parse_ip("fd00::"), 8}));
  EXPECT_EQ(*parse_network("0.0.0.0/0"), (Network{*Endpoint::parse_ip("0.0.0.0"), 0}));
}

TEST(NetworkValue, RefusesBitsBehindThePrefix) {
  EXPECT_EQ(label(parse_network("10.20.31.1/20")), "did you mean \"10.20.16.0/20\"?");
  EXPECT_EQ(label(parse_network("fd00::1/8")), "did you mean \"fd00::/8\"?");
  EXPECT_EQ(code(parse_network("0.0.0.1/0")), "host-bits");
}

TEST(NetworkValue, RefusesEverythingElse) {
  for (const std::string_view text :
       {"", "/", "10.0.0.0/", "10.0.0.0/33", "::/129", "localhost", "10.0.0.0/-1", "10/8"}) {
    EXPECT_EQ(code(parse_network(text)), "bad-network") << text;
  }
}

TEST(Host, IsLowerCasedAndKnowsWildcards) {
  EXPECT_EQ(*parse_host("WWW.Example.com"), (HostPattern{"www.example.com", false}));
  EXPECT_EQ(*parse_host("*.Example.com"), (HostPattern{".example.com", true}));
  EXPECT_EQ(*parse_host("[::1]"), (HostPattern{"[::1]", false}));
  EXPECT_EQ(*parse_host("127.0.0.1"), (HostPattern{"127.0.0.1", false}));
  EXPECT_EQ(*parse_host("my_host"), (HostPattern{"my_host", false}));
}

TEST(Host, RefusesEverythingElse) {
  for (const std::string_view text :
       {"", "*", "*.", "a*", "*.*.com", "a.*", "example.com:80", "http://example.com", "::1", "[::1", "[x]",
        ".example.com", "example.com.", "a..b", "a b", "*.[::1]", "a/b"}) {
    EXPECT_EQ(code(parse_host(text)), "bad-host") << text;
  }
}

TEST(Path, IsExactOrAPrefixAtASegmentBorder) {
  EXPECT_EQ(*parse_path("/"), (PathPattern{"/", false}));
  EXPECT_EQ(*parse_path("/*"), (PathPattern{"", true}));
  EXPECT_EQ(*parse_path("/api"), (PathPattern{"/api", false}));
  EXPECT_EQ(*parse_path("/api/"), (PathPattern{"/api/", false}));
  EXPECT_EQ(*parse_path("/api/*"), (PathPattern{"/api", true}));
}

TEST(Path, RefusesEverythingElse) {
  for (const std::string_view text : {"", "*", "api", "/api*", "/a/*/b", "/**", "/a?b", "/a#b"}) {
    EXPECT_EQ(code(parse_path(text)), "bad-path") << text;
  }
}

TEST(PathPrefix, HasNoSlashAtItsEnd) {
  EXPECT_FALSE(check_path_prefix("/api"));
  EXPECT_FALSE(check_path_prefix("/"));
  for (const std::string_view text : {"", "api", "/api/", "/api/*", "/a?b"}) {
    EXPECT_TRUE(check_path_prefix(text)) << text;
  }
}

TEST(Method, IsATokenInCapitals) {
  EXPECT_FALSE(check_method("GET"));
  EXPECT_FALSE(check_method("M-SEARCH"));
  for (const std::string_view text : {"", "get", "GET ", "G@T"}) EXPECT_TRUE(check_method(text)) << text;
}

TEST(HeaderText, CannotBreakOutOfItsLine) {
  EXPECT_FALSE(check_header_name("X-Env"));
  for (const std::string_view text : {"", "X Env", "X-Env:", "X\n"}) EXPECT_TRUE(check_header_name(text)) << text;
  EXPECT_FALSE(check_header_value("a b\tc; \xc3\xa9"));
  EXPECT_FALSE(check_header_value(""));
  for (const std::string_view text : {"a\r\nb", "a\nb", "\x01", "\x7f"}) EXPECT_TRUE(check_header_value(text)) << text;
  EXPECT_TRUE(check_header_value(std::string_view("a\0b", 3)));
}

TEST(Template, KnowsItsPlaceholders) {
  EXPECT_FALSE(check_template("https://{host}{uri}", "host uri"));
  EXPECT_FALSE(check_template("/docs/{1}/{9}", ""));
  EXPECT_FALSE(check_template("", ""));
  for (const std::string_view text :
       {"{path}", "{", "}", "{host", "host}", "{{host}}", "{0}", "{10}", "{}", "/{host}\n"}) {
    EXPECT_TRUE(check_template(text, "host uri")) << text;
  }
}

TEST(Template, TellsItsHighestGroup) {
  EXPECT_EQ(highest_group("/{host}"), 0u);
  EXPECT_EQ(highest_group("/{2}/{7}/{1}"), 7u);
}

TEST(Regex, CountsGroupsOrSaysWhatIsWrong) {
  EXPECT_EQ(*parse_regex("^/a/(.*)/(b|c)$"), 2u);
  EXPECT_EQ(*parse_regex("/"), 0u);
  EXPECT_EQ(code(parse_regex("(")), "bad-regex");
  EXPECT_EQ(code(parse_regex("a(?=b)")), "bad-regex");
}

TEST(Fingerprint, IsReadAsOpensslPrintsIt) {
  const std::string plain = std::string(62, 'A') + "0F";
  EXPECT_EQ(*parse_fingerprint(plain), plain);
  EXPECT_EQ(*parse_fingerprint(std::string(62, 'a') + "0f"), plain);
  std::string colons;
  for (std::size_t i = 0; i < plain.size(); i += 2) colons.append(i == 0 ? "" : ":").append(plain.substr(i, 2));
  EXPECT_EQ(*parse_fingerprint(colons), plain);
  for (const std::string& text :
       {std::string(), std::string(40, 'A'), std::string(63, 'A'), std::string(65, 'A'), std::string(64, 'G')}) {
    EXPECT_EQ(code(parse_fingerprint(text)), "bad-fingerprint") << text;
  }
}

TEST(Integer, IsDigitsOnly) {
  EXPECT_EQ(*parse_integer("0"), 0u);
  EXPECT_EQ(*parse_integer("18446744073709551615"), ~0ull);
  for (const std::string_view text : {"", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616"}) {
    EXPECT_EQ(code(parse_integer(text)), "bad-number") << text;
  }
}

}  // namespace
}  // namespace culvert::config
