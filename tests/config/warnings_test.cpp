// If this fails, a route that can never be used goes unnoticed, or one that can is called dead.
#include "config/warnings.hpp"

#include <gtest/gtest.h>

#include "config/values.hpp"

namespace culvert::config {
namespace {

Match paths(std::initializer_list<std::string_view> patterns) {
  Match match;
  for (const std::string_view pattern : patterns) match.paths.push_back(*parse_path(pattern));
  return match;
}
Match hosts(std::initializer_list<std::string_view> patterns) {
  Match match;
  for (const std::string_view pattern : patterns) match.hosts.push_back(*parse_host(pattern));
  return match;
}
Match clients(std::initializer_list<std::string_view> networks) {
  Match match;
  for (const std::string_view network : networks) match.clients.push_back(*parse_network(network));
  return match;
}

TEST(Covers, WhatHasNoConditionCoversEverything) {
  EXPECT_TRUE(covers(Match{}, Match{}));
  EXPECT_TRUE(covers(Match{}, paths({"/a"})));
  EXPECT_FALSE(covers(paths({"/a"}), Match{}));
}

TEST(Covers, PathsEndAtSegments) {
  EXPECT_TRUE(covers(paths({"/*"}), paths({"/api/*", "/b"})));
  EXPECT_TRUE(covers(paths({"/api/*"}), paths({"/api"})));
  EXPECT_TRUE(covers(paths({"/api/*"}), paths({"/api/v1/*"})));
  EXPECT_TRUE(covers(paths({"/api/*"}), paths({"/api/*"})));
  EXPECT_FALSE(covers(paths({"/api/*"}), paths({"/apiary"})));
  EXPECT_FALSE(covers(paths({"/api/*"}), paths({"/api/a", "/b"})));
  EXPECT_FALSE(covers(paths({"/api"}), paths({"/api/*"})));
  EXPECT_FALSE(covers(paths({"/api/v1/*"}), paths({"/api/*"})));
}

TEST(Covers, CertificatesOnlyThemselves) {
  Match any;
  any.certificate = CertificateMatch{.subjects = {{"*"}}, .names = {}, .fingerprints = {}};
  Match alice;
  alice.certificate = CertificateMatch{.subjects = {{"CN=alice"}}, .names = {}, .fingerprints = {}};
  EXPECT_TRUE(covers(Match{}, alice));
  EXPECT_TRUE(covers(alice, alice));
  EXPECT_FALSE(covers(any, alice));
  EXPECT_FALSE(covers(alice, Match{}));
}

TEST(Covers, RegularExpressionsOnlyThemselves) {
  Match first;
  first.path_regex = "^/a";
  Match second;
  second.path_regex = "^/b";
  EXPECT_TRUE(covers(first, first));
  EXPECT_FALSE(covers(first, second));
  EXPECT_FALSE(covers(first, paths({"/a"})));
  EXPECT_TRUE(covers(Match{}, first));
  EXPECT_FALSE(covers(paths({"/*"}), first));
}

TEST(Covers, WildcardsTakeInWhatIsBelow) {
  EXPECT_TRUE(covers(hosts({"*.example.com"}), hosts({"www.example.com", "*.a.example.com"})));
  EXPECT_TRUE(covers(hosts({"*.example.com"}), hosts({"*.example.com"})));
  EXPECT_FALSE(covers(hosts({"*.example.com"}), hosts({"example.com"})));
  EXPECT_FALSE(covers(hosts({"*.a.example.com"}), hosts({"*.example.com"})));
  EXPECT_FALSE(covers(hosts({"a.example.com"}), hosts({"*.example.com"})));
}

TEST(Covers, NetworksTakeInSmallerOnes) {
  EXPECT_TRUE(covers(clients({"10.0.0.0/8"}), clients({"10.1.0.0/16", "10.0.0.1"})));
  EXPECT_FALSE(covers(clients({"10.1.0.0/16"}), clients({"10.0.0.0/8"})));
  EXPECT_FALSE(covers(clients({"0.0.0.0/0"}), clients({"::1"})));
}

TEST(Covers, EveryFieldOfTheEarlierMustFollow) {
  Match one;
  one.headers = {{"X-A", "1", false}};
  Match any;
  any.headers = {{"X-A", "", true}};
  Match two;
  two.headers = {{"X-A", "1", false}, {"X-B", "", true}};
  EXPECT_TRUE(covers(any, one));
  EXPECT_TRUE(covers(one, two));
  EXPECT_FALSE(covers(one, any));
  EXPECT_FALSE(covers(two, one));

  Match query;
  query.query = {{"X-A", "1", false}};
  EXPECT_FALSE(covers(query, one));
  EXPECT_FALSE(covers(one, query));
}

TEST(Covers, AllConditionsCount) {
  Match get;
  get.methods = {"GET"};
  Match get_or_head;
  get_or_head.methods = {"GET", "HEAD"};
  EXPECT_TRUE(covers(get_or_head, get));
  EXPECT_FALSE(covers(get, get_or_head));

  Match web = paths({"/a"});
  web.listeners = {"web"};
  EXPECT_TRUE(covers(paths({"/*"}), web));
  EXPECT_FALSE(covers(web, paths({"/a"})));
}

}  // namespace
}  // namespace culvert::config
