// Which hosts a condition means.
#pragma once
#include <string>
#include <string_view>

namespace culvert::config {

struct HostPattern {
  std::string text;       // lower case, without port; for "*.example.com" the part behind the star, with its dot
  bool wildcard = false;  // with an empty text it matches every host

  // `host` in lower case, without port; IPv6 in brackets.
  bool matches(std::string_view host) const {
    if (!wildcard) return host == text;
    return host.size() > text.size() && host.ends_with(text);
  }
  bool operator==(const HostPattern&) const = default;
};

}  // namespace culvert::config
