// If these fail, a reload costs connections of those whom it does not concern, or leaves them with the old settings.
#include "culvert/http.hpp"
#include "proxy/site.hpp"

#include <gtest/gtest.h>

#include <string>

#include "proxy/scripted_checker.hpp"
#include "proxy/scripted_resolver.hpp"
#include "support/world.hpp"

namespace culvert::proxy {
namespace {

class SiteTest : public ::testing::Test {
 protected:
  SiteTest() {
    upstream("a");
    upstream("b");
    route("to a", config::ToUpstream{"a"}, "/a");
    route("to b", config::ToUpstream{"b"}, "/b");
    route("fixed", config::Respond{}, "/fixed");
    listener("web");
  }
  void upstream(const std::string& name) {
    const Address server = Address::of(*Endpoint::parse_ip("10.0.0.1", 80));
    config.upstreams[name] = {.name = name, .servers = {server}};
  }
  void route(const std::string& name, decltype(config::Route::action) action, const std::string& path) {
    config.routes.push_back({.name = name, .match = {.paths = {{path, false}}}, .action = std::move(action)});
  }
  void listener(const std::string& name) {
    config.listeners.push_back({.name = name, .addresses = {}, .max_connections = 0, .server = {}});
  }
  // The site of `config` as it is now, in place of the one before.
  void reload() {
    const auto make_upstream = [this](const config::Upstream& written) {
      ++made;
      return make_ref<Upstream>(written, http, FleetSeat{fleets, 0});
    };
    const auto make_authenticator = [this](const config::Auth& written) {
      return make_ref<Authenticator>(written, world.loop(), Passwords{checker, guesses});
    };
    site = Site(config, site, counts, make_upstream, make_authenticator);
  }
  Ref<Route> find(std::string_view path) {
    RequestView request;
    request.path = path;
    Captures captures;
    const Ref<Route>* found = site.find(request, captures);
    return found == nullptr ? Ref<Route>() : *found;
  }
  Ref<Upstream> upstream_of(std::string_view name) { return site.upstreams().find(name)->second; }

  test::World world;
  ScriptedResolver resolver;
  ScriptedChecker checker;
  GuessLimit guesses;
  Fleets fleets{1};
  Counts counts;
  Http http{world.loop(), world.network(), resolver};
  config::Config config;
  int made = 0;  // upstreams
  Site site;
};

TEST_F(SiteTest, IsEmptyAtFirst) {
  EXPECT_FALSE(find("/a"));
  EXPECT_FALSE(site.listener("web"));
  EXPECT_TRUE(site.upstreams().empty());
}

TEST_F(SiteTest, LeadsRoutesToTheirUpstreams) {
  reload();
  EXPECT_EQ(made, 2);
  EXPECT_EQ(find("/a")->upstream, upstream_of("a"));
  EXPECT_EQ(find("/b")->upstream, upstream_of("b"));
  EXPECT_FALSE(find("/fixed")->upstream);
  EXPECT_FALSE(find("/nowhere"));
}

TEST_F(SiteTest, FindsTheFirstThatMatches) {
  route("too late", config::Respond{}, "/a");
  reload();
  EXPECT_EQ(find("/a")->settings.name, "to a");
  std::swap(config.routes.front(), config.routes.back());
  reload();
  EXPECT_EQ(find("/a")->settings.name, "too late");
}

TEST_F(SiteTest, TakesEverythingOverWhereNothingChanged) {
  reload();
  const Ref<Route> route_before = find("/a");
  const Ref<Upstream> upstream_before = upstream_of("a");
  const Ref<ListenerPolicy> policy_before = site.listener("web");
  reload();
  EXPECT_EQ(made, 2);
  EXPECT_EQ(find("/a"), route_before);
  EXPECT_EQ(upstream_of("a"), upstream_before);
  EXPECT_EQ(site.listener("web"), policy_before);
}

TEST_F(SiteTest, MakesAnewOnlyTheUpstreamThatChangedAndItsRoutes) {
  reload();
  const Ref<Route> to_a = find("/a");
  const Ref<Route> to_b = find("/b");
  const Ref<Upstream> a = upstream_of("a");
  const Ref<Upstream> b = upstream_of("b");
  config.upstreams["a"].max_sockets = 7;
  reload();
  EXPECT_EQ(made, 3);
  EXPECT_FALSE(upstream_of("a") == a);
  EXPECT_EQ(upstream_of("a")->settings.max_sockets, 7u);
  EXPECT_EQ(upstream_of("b"), b);
  EXPECT_FALSE(find("/a") == to_a) << "its settings are the same, but it leads elsewhere";
  EXPECT_EQ(find("/a")->upstream, upstream_of("a"));
  EXPECT_EQ(find("/b"), to_b);
}

TEST_F(SiteTest, LetsAnUpstreamGoThatIsUsedNoMore) {
  reload();
  const Ref<Route> under_way = find("/b");  // as an exchange holds it
  config.upstreams.erase("b");
  config.routes.erase(config.routes.begin() + 1);
  reload();
  EXPECT_EQ(site.upstreams().size(), 1u);
  EXPECT_FALSE(find("/b"));
  EXPECT_EQ(under_way->upstream->settings.name, "b") << "it stays as long as somebody needs it";
}

TEST_F(SiteTest, MakesAnewTheRouteThatChanged) {
  reload();
  const Ref<Route> to_a = find("/a");
  const Ref<Route> to_b = find("/b");
  config.routes[0].strip_prefix = "/a";
  reload();
  EXPECT_EQ(made, 2) << "the pool is not the route's";
  EXPECT_FALSE(find("/a") == to_a);
  EXPECT_EQ(find("/a")->settings.strip_prefix, "/a");
  EXPECT_EQ(find("/b"), to_b);
}

TEST_F(SiteTest, UsersChangeOnlyWithWhatIsWrittenOfThem) {
  config.auths["ops"].name = "ops";
  config.auths["ops"].users["ann"] = "x";
  config.routes[0].auth = "ops";
  reload();
  const Ref<Route> to_a = find("/a");
  EXPECT_EQ(to_a->authenticator->settings, config.auths["ops"]);
  EXPECT_FALSE(find("/b")->authenticator);
  config.routes[1].strip_prefix = "/b";
  reload();
  EXPECT_EQ(find("/a"), to_a) << "with those who are known";
  config.auths["ops"].users["ann"] = "y";
  reload();
  EXPECT_FALSE(find("/a")->authenticator == to_a->authenticator);
}

TEST_F(SiteTest, KeepsARouteThatOnlyMoved) {
  reload();
  const Ref<Route> to_b = find("/b");
  std::swap(config.routes[0], config.routes[1]);
  reload();
  EXPECT_EQ(find("/b"), to_b);
}

TEST_F(SiteTest, ListenersHavePoliciesOfTheirOwn) {
  listener("local");
  config.listeners[1].server.via = "local";
  reload();
  EXPECT_EQ(site.listener("web")->via_1_1, "1.1 culvert");
  EXPECT_EQ(site.listener("local")->via_1_0, "1.0 local");
  EXPECT_FALSE(site.listener("other"));
}

TEST_F(SiteTest, PolicyChangesOnlyWithWhatItHolds) {
  reload();
  const Ref<ListenerPolicy> before = site.listener("web");
  config.listeners[0].max_connections = 5;
  config.listeners[0].addresses.push_back({});
  reload();
  EXPECT_EQ(site.listener("web"), before);
  config.listeners[0].server.via = "edge";
  reload();
  EXPECT_EQ(site.listener("web")->server.via, "edge");
  EXPECT_EQ(before->server.via, "culvert") << "for whoever came in before";
  config.listeners.clear();
  reload();
  EXPECT_FALSE(site.listener("web"));
}

}  // namespace
}  // namespace culvert::proxy
