#include "config/network.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

namespace culvert::config {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const Endpoint& address) {
  return address.family == Endpoint::Family::ipv6 &&
         std::equal(mapped_prefix.begin(), mapped_prefix.end(), address.address.begin());
}

bool same_prefix(std::span<const std::uint8_t> left, std::span<const std::uint8_t> right, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(whole), right.begin())) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || (left[whole] ^ right[whole]) >> (8 - rest) == 0;
}

}  // namespace

bool Network::contains(const Endpoint& address) const {
  const std::span<const std::uint8_t> bytes(address.address);
  if (is_mapped(address)) {
    return base.family == Endpoint::Family::ipv4 &&
           same_prefix(base.address, bytes.subspan(mapped_prefix.size()), prefix);
  }
  const bool is_ip = address.family == Endpoint::Family::ipv4 || address.family == Endpoint::Family::ipv6;
  return is_ip && address.family == base.family && same_prefix(base.address, bytes, prefix);
}

}  // namespace culvert::config
