#include "net/socket_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace culvert::net {

namespace {

Result<SocketAddress> unix_address(const std::string& path) {
  SocketAddress result;
  auto& to = reinterpret_cast<sockaddr_un&>(result.storage);
  if (path.empty()) return std::make_error_code(std::errc::invalid_argument);
  if (path.size() >= sizeof(to.sun_path)) return std::make_error_code(std::errc::filename_too_long);
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, path.c_str(), path.size() + 1);
  result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return result;
}

}  // namespace

SocketAddress to_socket_address(const Endpoint& endpoint) {
  SocketAddress result;
  if (endpoint.family == Endpoint::Family::ipv4) {
    auto& to = reinterpret_cast<sockaddr_in&>(result.storage);
    to.sin_family = AF_INET;
    to.sin_port = htons(endpoint.port);
    std::memcpy(&to.sin_addr, endpoint.address.data(), sizeof(to.sin_addr));
    result.size = sizeof(to);
  } else {
    auto& to = reinterpret_cast<sockaddr_in6&>(result.storage);
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(endpoint.port);
    to.sin6_scope_id = endpoint.scope_id;
    std::memcpy(&to.sin6_addr, endpoint.address.data(), sizeof(to.sin6_addr));
    result.size = sizeof(to);
  }
  return result;
}

Result<SocketAddress> to_socket_address(const Address& address) {
  if (address.kind == Address::Kind::unix_path) return unix_address(address.text);
  const bool ip = address.ip.family == Endpoint::Family::ipv4 || address.ip.family == Endpoint::Family::ipv6;
  if (address.kind != Address::Kind::ip || !ip) return std::make_error_code(std::errc::invalid_argument);
  return to_socket_address(address.ip);
}

Endpoint to_endpoint(const sockaddr* address) {
  Endpoint result;
  if (address->sa_family == AF_INET) {
    const auto& from = *reinterpret_cast<const sockaddr_in*>(address);
    result.family = Endpoint::Family::ipv4;
    result.port = ntohs(from.sin_port);
    std::memcpy(result.address.data(), &from.sin_addr, sizeof(from.sin_addr));
  } else if (address->sa_family == AF_INET6) {
    const auto& from = *reinterpret_cast<const sockaddr_in6*>(address);
    result.family = Endpoint::Family::ipv6;
    result.port = ntohs(from.sin6_port);
    result.scope_id = from.sin6_scope_id;
    std::memcpy(result.address.data(), &from.sin6_addr, sizeof(from.sin6_addr));
  } else if (address->sa_family == AF_UNIX) {
    result.family = Endpoint::Family::unix_socket;
  }
  return result;
}

Address bound_address(int fd) {
  SocketAddress bound;
  bound.size = sizeof(bound.storage);
  if (getsockname(fd, bound.get(), &bound.size) != 0) return {};
  if (bound.family() != AF_UNIX) return Address::of(to_endpoint(bound.get()));
  const auto& name = reinterpret_cast<const sockaddr_un&>(bound.storage);
  Address address;
  address.kind = Address::Kind::unix_path;
  address.text.assign(name.sun_path, bound.size - offsetof(sockaddr_un, sun_path));
  const bool abstract = address.text.starts_with('\0');
  if (abstract) address.text.front() = '@';
  if (!abstract) address.text.resize(std::min(address.text.size(), address.text.find('\0')));
  return address;
}

Endpoint local_endpoint(int fd) {
  SocketAddress address;
  address.size = sizeof(address.storage);
  if (getsockname(fd, address.get(), &address.size) != 0) return {};
  return to_endpoint(address.get());
}

}  // namespace culvert::net
