// If these fail, redirects lead elsewhere and rewritten requests ask for the wrong thing.
#include "proxy/placeholders.hpp"

#include <gtest/gtest.h>

namespace culvert::proxy {
namespace {

class PlaceholdersTest : public ::testing::Test {
 protected:
  PlaceholdersTest() {
    request.listener = "web";
    request.method = "GET";
    request.host = "example.com";
    request.path = "/docs/v1/a";
    request.query = "q=1";
    request.client = *Endpoint::parse_ip("2001:db8::1");
    captures.group[0] = "/docs/v1/a";
    captures.group[1] = "a";
    captures.group[9] = "nine";
  }
  std::string expanded(std::string_view text) const {
    std::string out;
    expand(out, text, {request, captures, "id-1", "https"});
    return out;
  }

  RequestView request;
  Captures captures;
};

TEST_F(PlaceholdersTest, KnowsEveryName) {
  EXPECT_EQ(expanded("{host}"), "example.com");
  EXPECT_EQ(expanded("{uri}"), "/docs/v1/a?q=1");
  EXPECT_EQ(expanded("{path}"), "/docs/v1/a");
  EXPECT_EQ(expanded("{query}"), "q=1");
  EXPECT_EQ(expanded("{method}"), "GET");
  EXPECT_EQ(expanded("{scheme}"), "https");
  EXPECT_EQ(expanded("{client}"), "2001:db8::1");
  EXPECT_EQ(expanded("{listener}"), "web");
  EXPECT_EQ(expanded("{request_id}"), "id-1");
}

TEST_F(PlaceholdersTest, KnowsTheGroups) {
  EXPECT_EQ(expanded("{0}"), "/docs/v1/a");
  EXPECT_EQ(expanded("/docs/v2/{1}"), "/docs/v2/a");
  EXPECT_EQ(expanded("[{2}{9}]"), "[nine]");
}

TEST_F(PlaceholdersTest, UriHasNoQuestionMarkWithoutAQuery) {
  request.query = "";
  EXPECT_EQ(expanded("{uri}"), "/docs/v1/a");
}

TEST_F(PlaceholdersTest, ReplacesSeveralAndKeepsWhatStandsBetween) {
  EXPECT_EQ(expanded("https://{host}:8443{uri}#{1}"), "https://example.com:8443/docs/v1/a?q=1#a");
}

TEST_F(PlaceholdersTest, LeavesOtherBracesAlone) {
  for (const char* text : {"", "plain", "{", "}", "{}", "{unknown}", "{Host}", "{10}", "{host", "host}", "{ host }"}) {
    EXPECT_EQ(expanded(text), text);
    EXPECT_FALSE(has_placeholders(text)) << text;
  }
}

TEST_F(PlaceholdersTest, FindsAPlaceholderBehindOtherBraces) {
  EXPECT_EQ(expanded("{{host}}"), "{example.com}");
  EXPECT_EQ(expanded("{x}{host}{y}"), "{x}example.com{y}");
  EXPECT_TRUE(has_placeholders("{{host}}"));
}

TEST_F(PlaceholdersTest, DoesNotExpandWhatItFilledIn) {
  request.path = "/{host}";
  EXPECT_EQ(expanded("{path}"), "/{host}");
}

TEST_F(PlaceholdersTest, AppendsToWhatIsThere) {
  std::string out = "before ";
  expand(out, "{method}", {request, captures, "", "http"});
  EXPECT_EQ(out, "before GET");
}

}  // namespace
}  // namespace culvert::proxy
