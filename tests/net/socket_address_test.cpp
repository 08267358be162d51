// What would break: culvert would listen on, dial or report another address than it says.
#include "net/socket_address.hpp"

#include <gtest/gtest.h>
#include <sys/un.h>

namespace culvert::net {
namespace {

TEST(SocketAddress, EndpointsSurviveTheWayThereAndBack) {
  Endpoint v4{.family = Endpoint::Family::ipv4, .port = 8080};
  v4.address = {192, 0, 2, 7};
  EXPECT_EQ(to_endpoint(to_socket_address(v4).get()), v4);
  Endpoint v6{.family = Endpoint::Family::ipv6, .port = 443, .scope_id = 3};
  v6.address = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(to_endpoint(to_socket_address(v6).get()), v6);
}

TEST(SocketAddress, APathFitsUpToItsLimit) {
  const std::size_t most = sizeof(sockaddr_un{}.sun_path) - 1;
  Address address{.kind = Address::Kind::unix_path, .ip = {}, .text = std::string(most, 'p'), .port = 0};
  Result<SocketAddress> fits = to_socket_address(address);
  ASSERT_TRUE(fits);
  EXPECT_EQ(reinterpret_cast<const sockaddr_un&>(fits->storage).sun_path, address.text);
  EXPECT_EQ(to_endpoint(fits->get()).family, Endpoint::Family::unix_socket);
  address.text += 'p';
  EXPECT_EQ(to_socket_address(address).error(), std::errc::filename_too_long);
}

TEST(SocketAddress, AnUnboundDescriptorHasNoAddress) {
  EXPECT_EQ(local_endpoint(-1).family, Endpoint::Family::none);
}

}  // namespace
}  // namespace culvert::net
