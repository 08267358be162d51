// An IP network in CIDR form, for rules about addresses.
#pragma once
#include <cstdint>

#include "culvert/endpoint.hpp"

namespace culvert::config {

struct Network {
  Endpoint base;               // port unused; bits behind the prefix are zero
  std::uint8_t prefix = 0;

  // An IPv4-mapped IPv6 address ("::ffff:10.0.0.1") counts as the IPv4 address in it. Unix peers are in no network.
  bool contains(const Endpoint& address) const;
  bool operator==(const Network&) const = default;
};

}  // namespace culvert::config
