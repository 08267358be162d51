// What would break: a program's request would go to another host, or ask for another resource, than its URL says.
//
// The three tables hold what `new URL()` of Node 20 makes of each text.
#include "wire/url.hpp"

#include <gtest/gtest.h>

namespace culvert::wire {
namespace {

using namespace std::string_view_literals;

// The URL without credentials, as Node prints it.
std::string shown(const Url& url) {
  const bool is_ipv6 = url.host.find(':') != std::string::npos;
  const std::string port = url.port ? ":" + std::to_string(*url.port) : "";
  return url.scheme + "://" + (is_ipv6 ? "[" + url.host + "]" : url.host) + port + url.target();
}

struct Spelling {
  std::string_view text;
  std::string_view normal;
};
constexpr Spelling spellings[] = {
    {"http://abc:", "http://abc/"}, {"http://localhost/status?name=ryan", "http://localhost/status?name=ryan"},
    {"HTTP://A", "http://a/"}, {"https://a:443/", "https://a/"}, {"https://a:80/", "https://a:80/"},
    {"ws://a:80", "ws://a/"}, {"wss://a:443/chat", "wss://a/chat"}, {"WsS://a:80/", "wss://a:80/"},
    {"http:a", "http://a/"}, {"http:/a", "http://a/"}, {"http:///a//b", "http://a//b"}, {"http:\\\\a\\b", "http://a/b"},
    {"http:/\\/a", "http://a/"}, {"  http://a/ b \r\n", "http://a/%20b"},
    {"ht\ntp:/\t/a/b\r\nc?d\te", "http://a/bc?de"}, {"\000\037http://a/\001\037"sv, "http://a/"},
    {"http://a:80", "http://a/"}, {"http://a:0/", "http://a:0/"}, {"http://a:65535", "http://a:65535/"},
    {"http://a:0000000000000000000000080/x", "http://a/x"}, {"http://a:00081/", "http://a:81/"},
    {"http://EXAMPLE.com./", "http://example.com./"}, {"http://a..b", "http://a..b/"}, {"http://.", "http://./"},
    {"http://a_b-c~!$&'()*+,;=.d/", "http://a_b-c~!$&'()*+,;=.d/"}, {"http://ex%41mple.com/", "http://example.com/"},
    {"http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"}, {"http://127.1/", "http://127.0.0.1/"},
    {"http://0x7f.1", "http://127.0.0.1/"}, {"http://0X7F000001", "http://127.0.0.1/"},
    {"http://017700000001/", "http://127.0.0.1/"}, {"http://2130706433", "http://127.0.0.1/"},
    {"http://1.2.3.4.", "http://1.2.3.4/"}, {"http://0", "http://0.0.0.0/"}, {"http://0x", "http://0.0.0.0/"},
    {"http://1.0x.3", "http://1.0.0.3/"}, {"http://4294967295", "http://255.255.255.255/"},
    {"http://%31%32%37.1", "http://127.0.0.1/"}, {"http://1.2.3", "http://1.2.0.3/"},
    {"http://1.65535.x", "http://1.65535.x/"}, {"http://0x1g", "http://0x1g/"},
    {"http://1.2.3.4.com", "http://1.2.3.4.com/"}, {"http://256.a", "http://256.a/"}, {"http://[::1]", "http://[::1]/"},
    {"http://[::1]:80/", "http://[::1]/"}, {"http://[0:0:0:0:0:0:0:1]:8080/x", "http://[::1]:8080/x"},
    {"http://[2001:DB8::00A:0:0]", "http://[2001:db8::a:0:0]/"},
    {"http://[1:2:3:4:5:6:7::]", "http://[1:2:3:4:5:6:7:0]/"},
    {"http://[::2:3:4:5:6:7:8]", "http://[0:2:3:4:5:6:7:8]/"}, {"http://a", "http://a/"}, {"http://a/", "http://a/"},
    {"http://a?", "http://a/"}, {"http://a#", "http://a/"}, {"http://a/?", "http://a/"},
    {"http://a?b/../c", "http://a/?b/../c"}, {"http://a#b?c", "http://a/"}, {"http://a/b#c?d", "http://a/b"},
    {"http://a/b?c#d#e", "http://a/b?c"}, {"http://a\\b\\..\\c?\\d", "http://a/c?\\d"}, {"http://a/.", "http://a/"},
    {"http://a/./", "http://a/"}, {"http://a/..", "http://a/"}, {"http://a/../", "http://a/"},
    {"http://a/../../b", "http://a/b"}, {"http://a/b/..", "http://a/"}, {"http://a/b/../", "http://a/"},
    {"http://a/b/c/../d", "http://a/b/d"}, {"http://a/b/.", "http://a/b/"}, {"http://a/b/./c", "http://a/b/c"},
    {"http://a//..//b", "http://a//b"}, {"http://a/b//../c", "http://a/b/c"}, {"http://a/%2e", "http://a/"},
    {"http://a/b/%2E%2e", "http://a/"}, {"http://a/b/.%2e/c", "http://a/c"}, {"http://a/b/%2E./c", "http://a/c"},
    {"http://a/b/%2e/c", "http://a/b/c"}, {"http://a/...", "http://a/..."},
    {"http://a/.b/..c/d..", "http://a/.b/..c/d.."}, {"http://a/b/%2e%2e%2e/c", "http://a/b/%2e%2e%2e/c"},
    {"http://a/%2", "http://a/%2"}, {"http://a/%", "http://a/%"},
    {"http://a/%zz%2g%41%7e%2f", "http://a/%zz%2g%41%7e%2f"}, {"http://a/ \"#", "http://a/%20%22"},
    {"http://a/<>`{}|^[]'\\?\"<>`{}|^[]'\\ #", "http://a/%3C%3E%60%7B%7D|^[]'/?%22%3C%3E`{}|^[]%27\\%20"},
    {"http://a/\xc3\xa9?\xc3\xbc", "http://a/%C3%A9?%C3%BC"},
    {"http://a/b\001\x7f?\001\x7f", "http://a/b%01%7F?%01%7F"},
    {"http://a/\xe6\x97\xa5\xe6\x9c\xac", "http://a/%E6%97%A5%E6%9C%AC"}};

TEST(Url, HasOneNormalForm) {
  for (const auto& [text, normal] : spellings) {
    Result<Url> url = parse_url(text);
    ASSERT_TRUE(url) << text;
    EXPECT_EQ(shown(*url), normal) << text;
    EXPECT_EQ(url->user + url->password, "") << text;
  }
}

struct WithCredentials {
  std::string_view text;
  std::string_view user;
  std::string_view password;
  std::string_view rest;
};
constexpr WithCredentials with_credentials[] = {
    {"http://u%40:p@127.0.0.1:8080/a", "u@", "p", "http://127.0.0.1:8080/a"},
    {"http://u@a", "u", "", "http://a/"},
    {"http://u:@a", "u", "", "http://a/"},
    {"http://:p@a", "", "p", "http://a/"},
    {"http://@a", "", "", "http://a/"},
    {"http://:@a", "", "", "http://a/"},
    {"http://u:p:q@a", "u", "p:q", "http://a/"},
    {"http://u@v:p@a:1/", "u@v", "p", "http://a:1/"},
    {"http://%C3%A9:%3A%2F@a/", "\xc3\xa9", ":/", "http://a/"},
    {"http://\xc3\xbc:\xc3\x9f@a", "\xc3\xbc", "\xc3\x9f", "http://a/"},
    {"http://a b:c;d=e@a/", "a b", "c;d=e", "http://a/"},
    {"http://u/@b", "", "", "http://u/@b"},
    {"http://u?@b", "", "", "http://u/?@b"},
    {"http://u\\@b", "", "", "http://u/@b"},
    {"http://u:p@[::]:1", "u", "p", "http://[::]:1/"},
    {"http://a/!$&'()*+,;=:@-._~", "", "", "http://a/!$&'()*+,;=:@-._~"},
    {"http://a/?!$&()*+,;=:@-._~/?", "", "", "http://a/?!$&()*+,;=:@-._~/?"},
    {"http://a:80b@c/", "a", "80b", "http://c/"}};

TEST(Url, HasCredentialsBeforeTheLastAtOfItsAuthority) {
  for (const WithCredentials& row : with_credentials) {
    Result<Url> url = parse_url(row.text);
    ASSERT_TRUE(url) << row.text;
    EXPECT_EQ(url->user, row.user) << row.text;
    EXPECT_EQ(url->password, row.password) << row.text;
    EXPECT_EQ(shown(*url), row.rest) << row.text;
  }
}

constexpr std::string_view refused[] = {
    "", "not a url", "/path", "//a/", "http", ":", "://a", "http:", "http://", "http:///", "http:\\\\", "http://?",
    "http://#a", "http://u@", "http://u:p@/a", "http://u@:80", "http://:80", "http://a:b", "http://a:1b/",
    "http://a:-1", "http://a:+1", "http://a: 1", "http://a:65536", "http://a:99999999999999999999999", "http://a:1:2",
    "http://a::1", "http://a b/", "http://a%20b/", "http://a%00/", "http://a%2fb", "http://a%b", "http://a%25",
    "http://a<b", "http://a>b", "http://a|b", "http://a^b", "http://a[b", "http://a]b", "http://a\x7f/", "http://a%7f",
    "http://a\001b", "http://a%3ab", "http://a%40b", "http://a%23", "http://a%3f", "http://a%5c", "http://%",
    "http://1.2.3.4.5", "http://1.2.3.4.0", "http://256.1.1.1", "http://1.256.1", "http://1.2.65536",
    "http://4294967296",
    "http://0x100000000", "http://99999999999999999999", "http://0xfffffffffffffffffffff", "http://08",
    "http://1.2.3.09", "http://1..2", "http://.1", "http://a.1", "http://a.0x1", "http://a.1.", "http://1.2.3.4..5",
    "http://[", "http://[]", "http://[::1", "http://[::1]a", "http://[::1]80", "http://[::g]", "http://[1.2.3.4]",
    "http://[:1]", "http://[::1::]", "http://[1:2:3:4:5:6:7:8:9]", "http://[1:2:3:4:5:6:7]", "http://[::12345]",
    "http://[fe80::1%25eth0]", "http://[::1.2.3.04]", "http://[::1.2.3]", "http://[v1.a]", "http://::1/",
    "http://a[::1]", "http://[::1]:b", "http://[::1]@"};

TEST(Url, IsRefusedWhereNodeRefusesIt) {
  for (const std::string_view text : refused) EXPECT_EQ(parse_url(text).error(), errc::ERR_INVALID_URL) << text;
  EXPECT_EQ(make_error_code(errc::ERR_INVALID_URL).message(), "Invalid URL");
}

TEST(Url, IsRefusedBeyondTheStandard) {
  for (const std::string_view text : {"ftp://a/", "file:///a", "unix:/a", "h://a", "httpss://a",  // other schemes
                                      "http://b\xc3\xbc" "cher.example/", "http://%C3%BC/", "http://a\xff/"}) {
    EXPECT_EQ(parse_url(text).error(), errc::ERR_INVALID_URL) << text;
  }
}

TEST(Url, KeepsItsPartsApart) {
  Result<Url> url = parse_url("https://u:p@[::1]:8443/a/b?c=d#e");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->user, "u");
  EXPECT_EQ(url->password, "p");
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->path, "/a/b");
  EXPECT_EQ(url->query, "c=d");
  EXPECT_EQ(url->target(), "/a/b?c=d");
}

TEST(Url, WritesAnIpv4AddressWithinIpv6AsTheRestOfTheProgramDoes) {
  EXPECT_EQ(parse_url("http://[::ffff:102:304]/")->host, "::ffff:1.2.3.4");
  EXPECT_EQ(parse_url("http://[::FFFF:1.2.3.4]/")->host, "::ffff:1.2.3.4");
}

TEST(PercentDecode, LeavesWhatIsNoEncodedByte) {
  EXPECT_EQ(percent_decode(""), "");
  EXPECT_EQ(percent_decode("a%20b%2Fc%2f%c3%A9"), "a b/c/\xc3\xa9");
  EXPECT_EQ(percent_decode("%00"), "\0"sv);
  EXPECT_EQ(percent_decode("%2541"), "%41") << "once";
  for (const std::string_view text : {"%", "%4", "%zz", "%4g", "%g4", "%%", "%+1", "% 1", "a+b"}) {
    EXPECT_EQ(percent_decode(text), text);
  }
}

}  // namespace
}  // namespace culvert::wire
