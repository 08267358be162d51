// If these fail, a client loses its server, or somebody else's cookie decides.
#include "proxy/request_key.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/arena.hpp"
#include "wire/header_names.hpp"

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;
using Kind = config::HashOn::Kind;

class RequestKeyTest : public ::testing::Test {
 protected:
  void line(std::string_view name, std::string_view value) { headers.push(arena, {wire::header_id(name), name, value}); }
  std::uint64_t key(Kind kind, std::string name = {}) {
    request.headers = &headers;
    return hash_key({kind, std::move(name)}, request);
  }

  BlockPool pool;
  Arena arena{pool};
  HeaderList headers;
  RequestView request;
};

TEST_F(RequestKeyTest, IsOfWhatIsHashedOnAndNothingElse) {
  request.client = *Endpoint::parse_ip("192.0.2.1", 1000);
  request.path = "/a";
  request.query = "x=1&user=ann&user=bob";
  line("X-User", "ann");
  line("Cookie", "a=b; sid=ann");
  const std::uint64_t ann = stable_hash("ann");
  EXPECT_EQ(key(Kind::path), stable_hash("/a"));
  EXPECT_EQ(key(Kind::query, "user"), ann);
  EXPECT_EQ(key(Kind::header, "x-user"), ann);
  EXPECT_EQ(key(Kind::cookie, "sid"), ann);
  const std::uint64_t client = key(Kind::client);
  request.client.port = 2000;
  EXPECT_EQ(key(Kind::client), client) << "it is the address that counts";
  request.client = *Endpoint::parse_ip("192.0.2.2", 1000);
  EXPECT_NE(key(Kind::client), client);
}

TEST_F(RequestKeyTest, IsThatOfNothingWhereThereIsNone) {
  const std::uint64_t nothing = stable_hash("");
  EXPECT_EQ(key(Kind::query, "user"), nothing);
  EXPECT_EQ(key(Kind::header, "X-User"), nothing);
  EXPECT_EQ(key(Kind::cookie, "sid"), nothing);
  request.query = "user&users=1";
  EXPECT_EQ(key(Kind::query, "user"), nothing);
}

TEST_F(RequestKeyTest, FindsCookiesByTheirWholeName) {
  line("Cookie", "xsid=1; sid2=2;sid=3; sid=4");
  line("Cookie", "other=5");
  EXPECT_EQ(cookie(headers, "sid"), "3");
  EXPECT_EQ(cookie(headers, "other"), "5");
  EXPECT_EQ(cookie(headers, "si"), std::nullopt);
  EXPECT_EQ(cookie(headers, "SID"), std::nullopt) << "names of cookies have a case";
}

TEST_F(RequestKeyTest, ReadsOnlyWhatItHasWritten) {
  config::Affinity settings{.cookie = "home", .max_age = 0s};
  EXPECT_EQ(affinity_cookie(settings, 0x1234abcd, false), "home=1234abcd; Path=/; HttpOnly; SameSite=Lax");
  settings.max_age = 90s;
  EXPECT_EQ(affinity_cookie(settings, 1, true), "home=1; Path=/; HttpOnly; SameSite=Lax; Max-Age=90; Secure");
  for (const std::string_view wrong : {"", "g", "12x", "0x12", "-1", "11111111111111111"}) {
    HeaderList lines;
    const std::string value = "home=" + std::string(wrong);
    lines.push(arena, {HeaderId::cookie, "Cookie", value});
    EXPECT_EQ(affinity_of(lines, settings), std::nullopt) << wrong;
  }
  line("Cookie", "home=1234abcd");
  EXPECT_EQ(affinity_of(headers, settings), 0x1234abcdu);
}

}  // namespace
}  // namespace culvert::proxy
