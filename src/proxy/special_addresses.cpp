#include "proxy/special_addresses.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <optional>

#include "config/network.hpp"

namespace culvert::proxy {

namespace {

constexpr bool metadata = true;

// Narrow ranges stand before the wider ones that they are in. IANA's registries of special-purpose addresses.
constexpr std::array ranges{
    SpecialRange{"169.254.169.254/32", "cloud metadata", metadata},
    SpecialRange{"169.254.170.2/32", "cloud metadata (container credentials)", metadata},
    SpecialRange{"169.254.170.23/32", "cloud metadata (pod identity)", metadata},
    SpecialRange{"168.63.129.16/32", "cloud metadata (wire server)", metadata},
    SpecialRange{"100.100.100.200/32", "cloud metadata", metadata},
    SpecialRange{"192.0.0.192/32", "cloud metadata", metadata},
    SpecialRange{"fd00:ec2::/32", "cloud metadata", metadata},
    SpecialRange{"fd20:ce::254/128", "cloud metadata", metadata},
    SpecialRange{"0.0.0.0/8", "this network"},
    SpecialRange{"10.0.0.0/8", "private"},
    SpecialRange{"100.64.0.0/10", "carrier-grade NAT"},
    SpecialRange{"127.0.0.0/8", "loopback"},
    SpecialRange{"169.254.0.0/16", "link-local"},
    SpecialRange{"172.16.0.0/12", "private"},
    SpecialRange{"192.0.0.0/24", "protocol assignments"},
    SpecialRange{"192.0.2.0/24", "documentation"},
    SpecialRange{"192.88.99.0/24", "6to4 relay"},
    SpecialRange{"192.168.0.0/16", "private"},
    SpecialRange{"198.18.0.0/15", "benchmarks"},
    SpecialRange{"198.51.100.0/24", "documentation"},
    SpecialRange{"203.0.113.0/24", "documentation"},
    SpecialRange{"224.0.0.0/4", "multicast"},
    SpecialRange{"240.0.0.0/4", "reserved"},
    SpecialRange{"::/128", "unspecified"},
    SpecialRange{"::1/128", "loopback"},
    SpecialRange{"::/96", "IPv4-compatible"},
    SpecialRange{"64:ff9b:1::/48", "local NAT64"},
    SpecialRange{"100::/64", "discard"},
    SpecialRange{"2001::/23", "protocol assignments"},
    SpecialRange{"2001:db8::/32", "documentation"},
    SpecialRange{"3fff::/20", "documentation"},
    SpecialRange{"5f00::/16", "segment routing"},
    SpecialRange{"fc00::/7", "unique local"},
    SpecialRange{"fe80::/10", "link-local"},
    SpecialRange{"fec0::/10", "site-local"},
    SpecialRange{"ff00::/8", "multicast"},
};

config::Network parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  config::Network network{*Endpoint::parse_ip(text.substr(0, slash)), 0};
  std::from_chars(text.data() + slash + 1, text.data() + text.size(), network.prefix);
  return network;
}

// The IPv4 address that stands in an IPv6 address of NAT64, 6to4 or ISATAP.
std::optional<Endpoint> embedded_ipv4(const Endpoint& address) {
  static const config::Network nat64 = parse("64:ff9b::/96");
  static const config::Network six_to_four = parse("2002::/16");
  if (address.family != Endpoint::Family::ipv6) return std::nullopt;
  const auto& bytes = address.address;
  const auto taken_from = [&](std::size_t at) {
    Endpoint ipv4{.family = Endpoint::Family::ipv4, .port = address.port};
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), 4, ipv4.address.begin());
    return ipv4;
  };
  const bool isatap = (bytes[8] & 0xfd) == 0 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == 0xfe;
  if (isatap || nat64.contains(address)) return taken_from(12);
  return six_to_four.contains(address) ? std::optional(taken_from(2)) : std::nullopt;
}

}  // namespace

const SpecialRange* special_range(const Endpoint& address) {
  static const auto networks = [] {
    std::array<config::Network, ranges.size()> parsed;
    std::transform(ranges.begin(), ranges.end(), parsed.begin(), [](const SpecialRange& range) { return parse(range.network); });
    return parsed;
  }();
  assert(address.family == Endpoint::Family::ipv4 || address.family == Endpoint::Family::ipv6);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (networks[i].contains(address)) return &ranges[i];
  }
  const std::optional<Endpoint> inside = embedded_ipv4(address);
  return inside ? special_range(*inside) : nullptr;
}

}  // namespace culvert::proxy
