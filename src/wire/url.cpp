#include "wire/url.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <vector>

#include "base/ascii.hpp"
#include "culvert/endpoint.hpp"

namespace culvert::wire {
namespace {

using namespace std::string_view_literals;

struct Scheme {
  std::string_view name;
  std::uint16_t default_port;
};
constexpr Scheme schemes[] = {{"http", 80}, {"https", 443}, {"ws", 80}, {"wss", 443}};

constexpr std::string_view slashes = "/\\";  // to these schemes a backslash is a slash
constexpr std::string_view digits = "0123456789";
constexpr std::string_view hex_digits = "0123456789abcdefABCDEF";
// What has to be encoded beside control characters, blanks and all that is not ASCII; "?" and "#" do not get there.
constexpr std::string_view encoded_in_path = "\"<>`{}";
constexpr std::string_view encoded_in_query = "\"<>'";

bool is_visible_ascii(char c) { return c > ' ' && c < '\x7f'; }
bool is_space_or_control(char c) { return static_cast<unsigned char>(c) <= ' '; }
bool all_of(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos;
}

// Cuts off what stands before the first of `delimiters`, which stays.
std::string_view take_until(std::string_view& rest, std::string_view delimiters) {
  const std::string_view taken = rest.substr(0, rest.find_first_of(delimiters));
  rest.remove_prefix(taken.size());
  return taken;
}

// What people paste: blanks and control characters around it, line ends and tabs anywhere.
std::string cleaned(std::string_view text) {
  while (!text.empty() && is_space_or_control(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space_or_control(text.back())) text.remove_suffix(1);
  std::string clean;
  std::copy_if(text.begin(), text.end(), std::back_inserter(clean),
               [](char c) { return c != '\t' && c != '\n' && c != '\r'; });
  return clean;
}

void append_encoded(std::string& out, std::string_view text, std::string_view encoded) {
  for (const char c : text) {
    if (is_visible_ascii(c) && encoded.find(c) == std::string_view::npos) {
      out += c;
    } else {
      constexpr std::string_view upper = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', upper[byte >> 4], upper[byte & 15]});
    }
  }
}

// ---- the host

// "10", "012" and "0xa" are the same number to everybody who takes part of an IPv4 address for one.
std::optional<std::uint64_t> ipv4_number(std::string_view part) {
  if (part.empty()) return std::nullopt;
  int base = 10;
  if (part.starts_with("0x")) {
    base = 16;
    part.remove_prefix(2);
  } else if (part.size() > 1 && part.front() == '0') {
    base = 8;
  }
  std::uint64_t number = 0;
  const auto [stopped, error] = std::from_chars(part.data(), part.data() + part.size(), number, base);
  if (!part.empty() && (error != std::errc{} || stopped != part.data() + part.size())) return std::nullopt;
  return number;
}

bool is_ipv4_number(std::string_view part) {
  if (part.starts_with("0x")) return all_of(part.substr(2), hex_digits);
  return !part.empty() && all_of(part, digits);
}

std::vector<std::string_view> labels_of(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  std::vector<std::string_view> labels;
  for (;;) {
    labels.push_back(take_until(host, "."));
    if (host.empty()) return labels;
    host.remove_prefix(1);
  }
}

// One to four numbers; the last one fills the bytes that are left: "127.1" is 127.0.0.1.
std::optional<std::string> ipv4_text(const std::vector<std::string_view>& parts) {
  constexpr std::size_t bytes = 4;
  if (parts.size() > bytes) return std::nullopt;
  std::uint64_t address = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t width = i + 1 < parts.size() ? 1 : bytes - i;
    const std::optional<std::uint64_t> number = ipv4_number(parts[i]);
    if (!number || *number >> (8 * width) != 0) return std::nullopt;
    address = address << (8 * width) | *number;
  }
  Endpoint endpoint{.family = Endpoint::Family::ipv4};
  for (std::size_t i = 0; i < bytes; ++i) endpoint.address[i] = static_cast<std::uint8_t>(address >> (24 - 8 * i));
  return endpoint.ip();
}

std::optional<std::string> ipv6_text(std::string_view bracketed) {
  if (bracketed.size() < 2 || bracketed.back() != ']') return std::nullopt;
  const std::optional<Endpoint> endpoint = Endpoint::parse_ip(bracketed.substr(1, bracketed.size() - 2));
  if (!endpoint || endpoint->family != Endpoint::Family::ipv6) return std::nullopt;
  return endpoint->ip();
}

std::optional<std::string> host_text(std::string_view text) {
  if (text.starts_with('[')) return ipv6_text(text);
  const std::string host = ascii::lower(percent_decode(text));
  if (host.empty()) return std::nullopt;
  for (const char c : host) {
    if (!is_visible_ascii(c) || "#%/:<>?@[\\]^|"sv.find(c) != std::string_view::npos) return std::nullopt;
  }
  const std::vector<std::string_view> labels = labels_of(host);
  return is_ipv4_number(labels.back()) ? ipv4_text(labels) : host;
}

// ---- the parts, in the order in which they stand

const Scheme* take_scheme(std::string_view& rest) {
  const std::string name = ascii::lower(take_until(rest, ":"));
  const auto* scheme = std::find_if(std::begin(schemes), std::end(schemes), [&](Scheme s) { return s.name == name; });
  return rest.empty() || scheme == std::end(schemes) ? nullptr : scheme;
}

void parse_credentials(std::string_view text, Url& url) {
  url.user = percent_decode(take_until(text, ":"));
  if (!text.empty()) url.password = percent_decode(text.substr(1));
}

bool parse_port(std::string_view text, std::uint16_t default_port, Url& url) {
  if (text.empty()) return true;
  const std::optional<std::uint64_t> number = ascii::parse_decimal(text);
  if (!number || *number > UINT16_MAX) return false;
  if (*number != default_port) url.port = static_cast<std::uint16_t>(*number);
  return true;
}

bool parse_authority(std::string_view text, std::uint16_t default_port, Url& url) {
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    parse_credentials(text.substr(0, at), url);
    text.remove_prefix(at + 1);
  }
  const std::size_t address_end = text.starts_with('[') ? text.find(']') : 0;
  const std::size_t colon = text.find(':', std::min(address_end, text.size()));
  std::optional<std::string> host = host_text(text.substr(0, colon));
  if (!host) return false;
  url.host = std::move(*host);
  return colon == std::string_view::npos || parse_port(text.substr(colon + 1), default_port, url);
}

// "." and ".." in every spelling; "%2e" is a dot here.
std::size_t dots_in(std::string_view segment) {
  std::size_t dots = 0;
  for (; !segment.empty(); ++dots) {
    if (segment.front() != '.' && !ascii::iequals(segment.substr(0, 3), "%2e")) return 0;
    segment.remove_prefix(segment.front() == '.' ? 1 : 3);
  }
  return dots;
}

std::string parse_path(std::string_view text) {
  std::string path;
  if (!text.empty()) text.remove_prefix(1);
  for (bool more = true; more;) {
    const std::string_view segment = take_until(text, slashes);
    more = !text.empty();
    if (more) text.remove_prefix(1);
    const std::size_t dots = dots_in(segment);
    const bool is_dots = dots == 1 || dots == 2;
    if (dots == 2 && !path.empty()) path.erase(path.rfind('/'));
    if (!is_dots || !more) path += '/';
    if (!is_dots) append_encoded(path, segment, encoded_in_path);
  }
  return path;
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  const std::string clean = cleaned(text);
  std::string_view rest = clean;
  const Scheme* scheme = take_scheme(rest);
  if (scheme == nullptr) return errc::ERR_INVALID_URL;
  rest.remove_prefix(1);
  // As many slashes as there are, even none.
  rest.remove_prefix(std::min(rest.find_first_not_of(slashes), rest.size()));

  Url url{.scheme = std::string(scheme->name)};
  if (!parse_authority(take_until(rest, "/\\?#"), scheme->default_port, url)) return errc::ERR_INVALID_URL;
  url.path = parse_path(take_until(rest, "?#"));
  const std::string_view query = take_until(rest, "#");
  if (!query.empty()) append_encoded(url.query, query.substr(1), encoded_in_query);
  return url;
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view hex = text.substr(i + 1, 2);
    if (text[i] == '%' && hex.size() == 2 && all_of(hex, hex_digits)) {
      unsigned byte = 0;
      std::from_chars(hex.data(), hex.data() + hex.size(), byte, 16);
      decoded += static_cast<char>(byte);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

}  // namespace culvert::wire
