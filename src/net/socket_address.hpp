// Addresses as the kernel wants them.
#pragma once
#include <sys/socket.h>

#include "culvert/endpoint.hpp"
#include "culvert/error.hpp"

namespace culvert::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

// Of kind ip or unix_path; a path that is too long is an error, and so is a name.
Result<SocketAddress> to_socket_address(const Address& address);
SocketAddress to_socket_address(const Endpoint& endpoint);  // of family ipv4 or ipv6
Endpoint to_endpoint(const sockaddr* address);
// What `fd` is bound to: kind ip, or unix_path ("@NAME" where it is abstract).
Address bound_address(int fd);
// The same without the path; Family::none where it cannot be known.
Endpoint local_endpoint(int fd);

}  // namespace culvert::net
