// Addresses that are not of the public Internet, which a proxy must not reach for strangers (SSRF): one table.
#pragma once
#include <cstdint>
#include <string_view>

#include "culvert/endpoint.hpp"

namespace culvert::proxy {

struct SpecialRange {
  std::string_view network;
  std::string_view name;
  bool metadata = false;  // a service that gives a cloud's credentials to whoever asks
};

// The range that `address` belongs to, or null where it is public. An IPv6 address that stands for an IPv4 address
// (mapped, NAT64, 6to4, ISATAP) is what that is.
const SpecialRange* special_range(const Endpoint& address);

}  // namespace culvert::proxy
