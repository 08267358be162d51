// What would break: one client could take all tunnels or move all bytes, or places would be lost.
#include "proxy/tunnel_places.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace culvert::proxy {
namespace {

using namespace std::chrono_literals;

const TimePoint start = TimePoint(100h);

class TunnelPlacesTest : public ::testing::Test {
 protected:
  Reason take(std::string_view client, TunnelPlaces::Place& place, TimePoint now = start) {
    return places.take(service, client, TunnelPlaces::Use::tunnel, now, place);
  }

  config::Tunnel service{.name = "s", .auth = {}, .private_networks = {}, .rules = {}};
  TunnelPlaces places;
};

TEST_F(TunnelPlacesTest, AsManyAsThereAreAndNotOneMore) {
  service.max_tunnels = 2;
  std::vector<TunnelPlaces::Place> taken(3);
  EXPECT_EQ(take("a", taken[0]), Reason::none);
  EXPECT_EQ(take("b", taken[1]), Reason::none);
  EXPECT_EQ(take("c", taken[2]), Reason::tunnels_exhausted);
  config::Tunnel other = service;
  other.name = "other";
  EXPECT_EQ(places.take(other, "c", TunnelPlaces::Use::tunnel, start, taken[2]), Reason::none);
  taken.erase(taken.begin());
  TunnelPlaces::Place again;
  EXPECT_EQ(take("c", again), Reason::none);
}

TEST_F(TunnelPlacesTest, ForOneClientTheSame) {
  service.max_tunnels_per_client = 1;
  TunnelPlaces::Place first, second, other;
  EXPECT_EQ(take("a", first), Reason::none);
  EXPECT_EQ(take("a", second), Reason::client_tunnels_exhausted);
  EXPECT_EQ(take("b", other), Reason::none);
  first = {};
  EXPECT_EQ(take("a", second), Reason::none);
}

TEST_F(TunnelPlacesTest, MovedIsTakenOnce) {
  service.max_tunnels = 1;
  TunnelPlaces::Place first, second;
  EXPECT_EQ(take("a", first), Reason::none);
  {
    const TunnelPlaces::Place moved = std::move(first);
    EXPECT_EQ(take("a", second), Reason::tunnels_exhausted);
  }
  EXPECT_EQ(take("a", second), Reason::none);
}

TEST_F(TunnelPlacesTest, WithoutLimitsThereIsNoAccount) {
  TunnelPlaces::Place place, limited;
  EXPECT_EQ(place.account(), nullptr);
  EXPECT_EQ(take("a", place), Reason::none);
  EXPECT_EQ(place.account(), nullptr);
  place = {};
  EXPECT_EQ(places.clients("s"), 0u) << "nothing of it is kept";
  service.bandwidth_per_client = 1;
  EXPECT_EQ(take("a", limited), Reason::none);
  EXPECT_NE(limited.account(), nullptr);
}

TEST_F(TunnelPlacesTest, AClientsTunnelsShareOneAccountThatOutlivesThem) {
  service.max_bytes_per_client = 10;
  service.max_bytes_per_client_interval = 1min;
  {
    TunnelPlaces::Place first, second, other;
    EXPECT_EQ(take("a", first), Reason::none);
    EXPECT_EQ(take("a", second), Reason::none);
    EXPECT_EQ(take("b", other), Reason::none);
    EXPECT_EQ(first.account(), second.account());
    EXPECT_NE(first.account(), other.account());
    first.account()->spend(10, start);
  }
  TunnelPlaces::Place place;
  EXPECT_EQ(take("a", place, start + 59s), Reason::client_bytes_exhausted);
  EXPECT_EQ(take("b", place, start + 59s), Reason::none);
  EXPECT_EQ(take("a", place, start + 60s), Reason::none);
}

TEST_F(TunnelPlacesTest, RequestsShareTheAccountAndAreNoTunnels) {
  service.max_tunnels = service.max_tunnels_per_client = 1;
  service.max_bytes_per_client = 10;
  const auto take_request = [&](TunnelPlaces::Place& place) {
    return places.take(service, "a", TunnelPlaces::Use::request, start, place);
  };
  TunnelPlaces::Place request, another, tunnel;
  EXPECT_EQ(take_request(request), Reason::none);
  EXPECT_EQ(take("a", tunnel), Reason::none) << "which has one place, and nobody has it";
  EXPECT_EQ(take_request(another), Reason::none);
  EXPECT_EQ(request.account(), tunnel.account());
  another = {};
  tunnel = {};
  request.account()->spend(10, start);
  EXPECT_EQ(take_request(another), Reason::client_bytes_exhausted);
  service.max_bytes_per_client = 0;
  EXPECT_EQ(take("a", tunnel), Reason::none);
  request = {};
  tunnel = {};
  EXPECT_EQ(places.clients("s"), 0u);
}

TEST_F(TunnelPlacesTest, ClientsAreForgottenOnceTheirIntervalIsOver) {
  service.max_bytes_per_client = 10;
  service.max_bytes_per_client_interval = 1min;
  TunnelPlaces::Place stays;
  EXPECT_EQ(take("stays", stays), Reason::none);
  for (int i = 0; i < 5'000; ++i) {
    TunnelPlaces::Place place;
    EXPECT_EQ(take(std::to_string(i), place, start + i * 1s), Reason::none);
    place.account()->spend(1, start + i * 1s);
  }
  EXPECT_LE(places.clients("s"), 2'000u);
  TunnelPlaces::Place place;
  EXPECT_EQ(take("4999", place, start + 5'000s), Reason::none);
  EXPECT_EQ(place.account()->spent(start + 5'000s), 1u);
}

TEST_F(TunnelPlacesTest, SoManyClientsWithoutATunnelAreKept) {
  service.max_bytes_per_client = 10;
  for (std::size_t i = 0; i < TunnelPlaces::idle_clients_max + 100; ++i) {
    TunnelPlaces::Place place;
    EXPECT_EQ(take(std::to_string(i), place), Reason::none);
    place.account()->spend(1, start);
  }
  EXPECT_EQ(places.clients("s"), TunnelPlaces::idle_clients_max);
}

}  // namespace
}  // namespace culvert::proxy
