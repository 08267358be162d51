#include "config/network.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace culvert::config {
namespace {

bool same_prefix(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(whole), right.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || (left[whole] ^ right[whole]) >> (8 - rest) == 0;
}

}  // namespace

bool Network::contains(const Endpoint& address) const {
  const Endpoint plain = address.unmapped();
  const bool is_ip = plain.family == Endpoint::Family::ipv4 || plain.family == Endpoint::Family::ipv6;
  return is_ip && plain.family == base.family && same_prefix(base.address, plain.address, prefix);
}

}  // namespace culvert::config
