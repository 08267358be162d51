// What would break: one client could take all tunnels, or places would be lost.
#include "proxy/tunnel_places.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace culvert::proxy {
namespace {

TEST(TunnelPlaces, AsManyAsThereAreAndNotOneMore) {
  TunnelPlaces places;
  std::vector<TunnelPlaces::Place> taken(3);
  EXPECT_EQ(places.take("s", "a", 2, 0, taken[0]), Reason::none);
  EXPECT_EQ(places.take("s", "b", 2, 0, taken[1]), Reason::none);
  EXPECT_EQ(places.take("s", "c", 2, 0, taken[2]), Reason::tunnels_exhausted);
  EXPECT_EQ(places.take("other", "c", 2, 0, taken[2]), Reason::none);
  taken.erase(taken.begin());
  TunnelPlaces::Place again;
  EXPECT_EQ(places.take("s", "c", 2, 0, again), Reason::none);
}

TEST(TunnelPlaces, ForOneClientTheSame) {
  TunnelPlaces places;
  TunnelPlaces::Place first, second, other;
  EXPECT_EQ(places.take("s", "a", 0, 1, first), Reason::none);
  EXPECT_EQ(places.take("s", "a", 0, 1, second), Reason::client_tunnels_exhausted);
  EXPECT_EQ(places.take("s", "b", 0, 1, other), Reason::none);
  first = {};
  EXPECT_EQ(places.take("s", "a", 0, 1, second), Reason::none);
}

TEST(TunnelPlaces, MovedIsTakenOnce) {
  TunnelPlaces places;
  TunnelPlaces::Place first, second;
  EXPECT_EQ(places.take("s", "a", 1, 0, first), Reason::none);
  {
    const TunnelPlaces::Place moved = std::move(first);
    EXPECT_EQ(places.take("s", "a", 1, 0, second), Reason::tunnels_exhausted);
  }
  EXPECT_EQ(places.take("s", "a", 1, 0, second), Reason::none);
}

}  // namespace
}  // namespace culvert::proxy
