// What would break: requests of one kind counted as those of another, or forgotten at a reload.
#include "proxy/counts.hpp"

#include <gtest/gtest.h>

#include <set>

#include "culvert/status.hpp"

namespace culvert::proxy {
namespace {

using std::chrono::milliseconds;

std::uint64_t count_of(const RouteCounts& counts, std::string_view method, std::uint16_t listener, std::uint16_t status) {
  for (const RouteCounts::Row& row : counts.rows) {
    if (row.method == method && row.listener() == listener && row.status() == status) return row.count;
  }
  return 0;
}

TEST(RequestKind, DiffersByMethodListenerAndStatus) {
  std::set<std::uint64_t> kinds;
  for (const std::string_view method : methods()) kinds.insert(request_kind(method, 1, 200));
  EXPECT_EQ(kinds.size(), methods().size());
  EXPECT_NE(request_kind("GET", 1, 200), request_kind("GET", 2, 200));
  EXPECT_NE(request_kind("GET", 1, 200), request_kind("GET", 1, 201));
}

TEST(RouteCounts, CountsEachKindByItself) {
  RouteCounts counts("api");
  for (int i = 0; i < 3; ++i) counts.add("GET", 0, 200, milliseconds(0), 0, 10);
  counts.add("POST", 0, 200, milliseconds(0), 7, 10);
  counts.add("GET", 0, 502, milliseconds(0), 0, 10);
  counts.add("GET", 1, 200, milliseconds(0), 0, 10);
  counts.add("GET", 0, 200, milliseconds(0), 0, 10);
  EXPECT_EQ(count_of(counts, "GET", 0, 200), 4u);
  EXPECT_EQ(count_of(counts, "POST", 0, 200), 1u);
  EXPECT_EQ(count_of(counts, "GET", 0, 502), 1u);
  EXPECT_EQ(count_of(counts, "GET", 1, 200), 1u);
  EXPECT_EQ(counts.request_bytes, 7u);
  EXPECT_EQ(counts.response_bytes, 70u);
}

TEST(RouteCounts, SortsDurationsByPowersOfTwo) {
  EXPECT_EQ(duration_bucket(std::chrono::microseconds(999)), 0u);
  EXPECT_EQ(duration_bucket(milliseconds(1)), 1u);
  EXPECT_EQ(duration_bucket(milliseconds(2)), 2u);
  EXPECT_EQ(duration_bucket(milliseconds(3)), 2u);
  EXPECT_EQ(duration_bucket(milliseconds(1024)), 11u);
  EXPECT_EQ(duration_bucket(std::chrono::hours(1)), DurationCounts().size() - 1);
}

TEST(Counts, GoOnUnderTheSameName) {
  Counts counts;
  const Ref<RouteCounts> before = counts.route("api");
  EXPECT_TRUE(counts.route("api") == before);
  EXPECT_FALSE(counts.route("other") == before);
  EXPECT_EQ(counts.listener("web"), 0);
  EXPECT_EQ(counts.listener("https"), 1);
  EXPECT_EQ(counts.listener("web"), 0);
}

}  // namespace
}  // namespace culvert::proxy
