// If these fail, requests go to the wrong upstream, or past the conditions that were to keep them out.
#include "proxy/route.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "base/arena.hpp"
#include "base/block_pool.hpp"
#include "proxy/access_policy.hpp"
#include "proxy/authenticator.hpp"
#include "proxy/upstream.hpp"
#include "wire/header_names.hpp"

namespace culvert::proxy {
namespace {

class RouteTest : public ::testing::Test {
 protected:
  RouteTest() {
    request.listener = "web";
    request.method = "GET";
    request.host = "www.example.com";
    request.path = "/api/v1";
    request.query = "preview=1&flag&name=a%20b&empty=";
    request.headers = &headers;
    request.client = *Endpoint::parse_ip("10.1.2.3");
    header("X-Beta", "1");
    header("x-beta", "two");
  }
  void header(std::string_view name, std::string_view value) {
    headers.push(arena, {wire::header_id(name), name, value});
  }
  bool matches() {
    config::Route written;
    written.match = match;
    return Route(written, make_ref<RouteCounts>(""), nullptr, nullptr).matches(request, captures);
  }

  BlockPool blocks;
  Arena arena{blocks};
  HeaderList headers;
  RequestView request;
  Captures captures;
  config::Match match;
};

using HostMatch = RouteTest;
using PathMatch = RouteTest;
using FieldMatch = RouteTest;
using RegexMatch = RouteTest;

TEST_F(RouteTest, WithoutConditionsMatchesEverything) {
  EXPECT_TRUE(matches());
  request = {};
  EXPECT_TRUE(matches());
}

TEST_F(RouteTest, CertificateIsComparedByEachConditionThatIsWritten) {
  const std::string fingerprint(64, 'A');
  config::CertificateMatch& wanted = match.certificate.emplace();
  EXPECT_FALSE(matches()) << "it has shown none";
  const PeerCertificate shown{.subject = "CN=alice,OU=Billing,O=Test",
                              .common_name = "alice",
                              .name = "alice.svc.test",
                              .fingerprint = fingerprint,
                              .der = {},
                              .chain = {}};
  request.certificate = &shown;
  EXPECT_TRUE(matches());
  wanted.subjects = {{"CN=bob,*"}, {"*,OU=Billing,*"}};
  EXPECT_TRUE(matches());
  wanted.names = {{"*.svc.test"}};
  EXPECT_TRUE(matches());
  wanted.fingerprints = {std::string(64, 'B'), fingerprint};
  EXPECT_TRUE(matches());
  wanted.fingerprints = {std::string(64, 'B')};
  EXPECT_FALSE(matches());
  wanted.fingerprints.clear();
  wanted.names = {{"alice"}, {"CN=alice,*"}};
  EXPECT_FALSE(matches());
  wanted.names.clear();
  wanted.subjects = {{"CN=alice"}};
  EXPECT_FALSE(matches());
}

TEST_F(RouteTest, OneOfAListIsEnoughAndNoneIsNot) {
  match.listeners = {"admin", "web"};
  match.methods = {"POST", "GET"};
  EXPECT_TRUE(matches());
  match.listeners = {"admin"};
  EXPECT_FALSE(matches());
  match.listeners.clear();
  match.methods = {"POST"};
  EXPECT_FALSE(matches());
}

TEST_F(RouteTest, AllConditionsMustHold) {
  match.hosts = {{"www.example.com", false}};
  match.paths = {{"/api", true}};
  match.query = {{"preview", "1", false}};
  EXPECT_TRUE(matches());
  match.query = {{"preview", "2", false}};
  EXPECT_FALSE(matches());
}

TEST_F(RouteTest, MethodsAreTakenByTheLetter) {
  match.methods = {"GET"};
  request.method = "HEAD";
  EXPECT_FALSE(matches());
  request.method = "get";
  EXPECT_FALSE(matches());
}

TEST_F(RouteTest, ClientsAreMatchedByTheirNetwork) {
  match.clients = {{*Endpoint::parse_ip("10.0.0.0"), 8}};
  EXPECT_TRUE(matches());
  request.client = *Endpoint::parse_ip("11.0.0.1");
  EXPECT_FALSE(matches());
}

TEST_F(HostMatch, ExactlyOrNotAtAll) {
  match.hosts = {{"www.example.com", false}};
  EXPECT_TRUE(matches());
  request.host = "example.com";
  EXPECT_FALSE(matches());
  request.host = "";
  EXPECT_FALSE(matches());
}

TEST_F(HostMatch, AStarStandsForOneOrMoreLabels) {
  match.hosts = {{".example.com", true}};
  for (const char* host : {"www.example.com", "a.b.example.com"}) {
    request.host = host;
    EXPECT_TRUE(matches()) << host;
  }
  for (const char* host : {"example.com", ".example.com", "notexample.com", "www.example.com.evil", ""}) {
    request.host = host;
    EXPECT_FALSE(matches()) << host;
  }
}

TEST_F(PathMatch, APrefixEndsAtASegment) {
  match.paths = {{"/api", true}};
  for (const char* path : {"/api", "/api/", "/api/v1"}) {
    request.path = path;
    EXPECT_TRUE(matches()) << path;
  }
  for (const char* path : {"/apix", "/ap", "/", "/v1/api", "/API"}) {
    request.path = path;
    EXPECT_FALSE(matches()) << path;
  }
}

TEST_F(PathMatch, SlashStarMatchesEveryTarget) {
  match.paths = {{"", true}};
  for (const char* path : {"/", "/api", "*"}) {
    request.path = path;
    EXPECT_TRUE(matches()) << path;
  }
}

TEST_F(PathMatch, WithoutAStarExactly) {
  match.paths = {{"/other", false}, {"/api/v1", false}};
  EXPECT_TRUE(matches());
  request.path = "/api/v1/";
  EXPECT_FALSE(matches());
}

TEST_F(FieldMatch, HeaderNamesHaveNoCaseAndAnyLineWillDo) {
  match.headers = {{"X-BETA", "two", false}};
  EXPECT_TRUE(matches());
  match.headers = {{"x-beta", "TWO", false}};
  EXPECT_FALSE(matches());
  match.headers = {{"x-beta", "", true}};
  EXPECT_TRUE(matches());
  match.headers = {{"x-gamma", "", true}};
  EXPECT_FALSE(matches());
}

TEST_F(FieldMatch, WithoutHeadersNoHeaderConditionHolds) {
  match.headers = {{"x-beta", "", true}};
  request.headers = nullptr;
  EXPECT_FALSE(matches());
}

TEST_F(FieldMatch, QueryNamesAndValuesAreTakenAsTheyWereSent) {
  const auto holds = [this](std::string name, std::string value) {
    match.query = {{std::move(name), std::move(value), false}};
    return matches();
  };
  EXPECT_TRUE(holds("preview", "1"));
  EXPECT_TRUE(holds("flag", ""));
  EXPECT_TRUE(holds("empty", ""));
  EXPECT_TRUE(holds("name", "a%20b"));
  EXPECT_FALSE(holds("name", "a b"));
  EXPECT_FALSE(holds("Preview", "1"));
  EXPECT_FALSE(holds("preview", "11"));
  EXPECT_FALSE(holds("view", "1"));
}

TEST_F(FieldMatch, AStarAsksOnlyWhetherTheNameIsThere) {
  match.query = {{"flag", "", true}};
  EXPECT_TRUE(matches());
  match.query = {{"empty", "", true}};
  EXPECT_TRUE(matches());
  match.query = {{"fla", "", true}};
  EXPECT_FALSE(matches());
  request.query = "";
  match.query = {{"", "", true}};
  EXPECT_FALSE(matches());
}

TEST_F(RegexMatch, IsFoundAnywhereUnlessAnchored) {
  match.path_regex = "v[0-9]";
  EXPECT_TRUE(matches());
  match.path_regex = "^v[0-9]";
  EXPECT_FALSE(matches());
}

TEST_F(RegexMatch, FillsTheGroups) {
  match.path_regex = "^/(api)/(v1)?(/more)?";
  ASSERT_TRUE(matches());
  EXPECT_EQ(captures.group[0], "/api/v1");
  EXPECT_EQ(captures.group[1], "api");
  EXPECT_EQ(captures.group[2], "v1");
  EXPECT_EQ(captures.group[3], "");
  EXPECT_EQ(captures.group[9], "");
}

TEST_F(RegexMatch, KeepsTheFirstNineOfMoreGroups) {
  request.path = "/abcdefghijk";
  match.path_regex = "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)";
  ASSERT_TRUE(matches());
  EXPECT_EQ(captures.group[9], "i");
}

TEST_F(RegexMatch, LeavesTheGroupsAloneWhereTheRouteDoesNotMatch) {
  captures.group[1] = "before";
  match.path_regex = "^/(nothing)";
  EXPECT_FALSE(matches());
  match.path_regex = "^/(api)";
  match.methods = {"POST"};
  EXPECT_FALSE(matches());
  EXPECT_EQ(captures.group[1], "before");
}

TEST_F(RegexMatch, TakesTimeInProportionToThePathWhateverTheExpression) {
  const std::string path = "/" + std::string(20'000, 'a');
  request.path = path;
  match.path_regex = "^/(a|aa)+$";
  EXPECT_TRUE(matches());
  match.path_regex = "^/(a|aa)+b$";
  EXPECT_FALSE(matches());
}

}  // namespace
}  // namespace culvert::proxy
