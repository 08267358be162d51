// What would break: an operator would not learn from the log what a reload has done, or what it could not do.
#include "daemon/config_changes.hpp"

#include <gmock/gmock.h>

namespace culvert::daemon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

config::Listener listener(const std::string& name) {
  config::Listener result;
  result.name = name;
  return result;
}
config::Route route(const std::string& name) {
  config::Route result;
  result.name = name;
  return result;
}

config::Config some() {
  config::Config config;
  config.listeners = {listener("http"), listener("local")};
  config.routes = {route("api"), route("pages"), route("rest")};
  config.upstreams["api"].name = "api";
  return config;
}

TEST(ConfigChanges, NothingChanged) { EXPECT_EQ(describe_changes(some(), some()), "nothing changed"); }

TEST(ConfigChanges, CountsByKindAndByWhatHappened) {
  config::Config after = some();
  after.listeners.push_back(listener("more"));
  after.routes[0].strip_prefix = "/api";
  after.routes[1].strip_prefix = "/pages";
  after.routes.pop_back();
  after.upstreams.clear();
  after.upstreams["new"].name = "new";
  EXPECT_EQ(describe_changes(some(), after),
            "1 listener added, 2 routes changed, 1 route removed, 1 upstream added, 1 upstream removed");
}

TEST(ConfigChanges, NamesTheSectionsThatAreNoLists) {
  config::Config after = some();
  after.process.shutdown_timeout = std::chrono::seconds(1);
  after.log.level = config::LogLevel::debug;
  after.limits.max_connections = 10;
  EXPECT_EQ(describe_changes(some(), after), "process changed, log changed, limits changed");
}

TEST(ConfigChanges, SeesThatAUserWasAdded) {
  config::Config before = some();
  before.auths["teams"].name = "teams";
  config::Config after = before;
  after.auths["teams"].users.emplace("ann", "x");
  EXPECT_EQ(describe_changes(before, after), "1 auth changed");
}

TEST(ConfigChanges, SeesAnotherOrderOfRoutes) {
  config::Config after = some();
  std::swap(after.routes[0], after.routes[1]);
  EXPECT_EQ(describe_changes(some(), after), "routes reordered");
}

TEST(ConfigChanges, NamesWhatNeedsARestart) {
  config::Config after = some();
  EXPECT_THAT(needing_restart(some(), after), IsEmpty());
  after.process.threads = 7;
  after.process.reuse_port = false;
  EXPECT_THAT(needing_restart(some(), after), ElementsAre("process.threads", "process.reuse_port"));
}

TEST(ConfigChanges, CountsLikePeople) {
  EXPECT_EQ(counted(0, "error"), "0 errors");
  EXPECT_EQ(counted(1, "error"), "1 error");
  EXPECT_EQ(counted(2, "error"), "2 errors");
}

}  // namespace
}  // namespace culvert::daemon
