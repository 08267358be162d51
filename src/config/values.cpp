#include "config/values.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <re2/re2.h>

#include "config/diagnostic.hpp"
#include "config/schema.hpp"

namespace culvert::config {
namespace {

constexpr std::uint64_t day_ms = 24ull * 60 * 60 * 1000;
constexpr std::uint64_t duration_ms_max = 3650 * day_ms;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr std::array<Unit, 5> duration_units{
    {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}, {"d", day_ms}}};
constexpr std::array<Unit, 7> size_units{{{"B", 1},
                                          {"kB", 1000},
                                          {"MB", 1000 * 1000},
                                          {"GB", 1000 * 1000 * 1000},
                                          {"KiB", 1024},
                                          {"MiB", 1024 * 1024},
                                          {"GiB", 1024 * 1024 * 1024}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

std::string_view take_while(std::string_view& text, bool (*belongs)(char)) {
  const auto end = std::find_if_not(text.begin(), text.end(), belongs);
  const std::string_view taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(taken.size());
  return taken;
}

const Unit* find_unit(std::span<const Unit> units, std::string_view name) {
  const auto found = std::find_if(units.begin(), units.end(), [&](const Unit& unit) { return unit.name == name; });
  return found == units.end() ? nullptr : &*found;
}

// "30 seconds" and its like: the number and the first word behind it.
struct Guess {
  std::string number;
  std::string word;  // lower case
};
Guess guess(std::string_view text) {
  Guess parts;
  const auto blank = [](char c) { return c == ' '; };
  take_while(text, blank);
  parts.number = take_while(text, is_digit);
  take_while(text, blank);
  parts.word = lower(text);
  return parts;
}

std::string meant_duration(std::string_view text) {
  const Guess parts = guess(text);
  if (parts.number.empty()) return "for example \"30s\"";
  if (parts.word.empty()) return in_quotes(parts.number + "s") + " or " + in_quotes(parts.number + "ms") + "?";
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> beginnings{
      {{"ms", "ms"}, {"mil", "ms"}, {"s", "s"}, {"m", "m"}, {"h", "h"}, {"d", "d"}}};
  for (const auto& [beginning, unit] : beginnings) {
    const bool is_word = std::all_of(parts.word.begin(), parts.word.end(), is_letter);
    if (is_word && parts.word.starts_with(beginning)) return did_you_mean(parts.number + std::string(unit));
  }
  return "for example \"30s\"";
}

std::string meant_size(std::string_view text) {
  const Guess parts = guess(text);
  if (parts.number.empty()) return "for example \"16KiB\"";
  if (parts.word.empty()) {
    const Parsed<std::uint64_t> bytes = parse_integer(parts.number);
    const bool is_kibibytes = bytes && *bytes >= 1024 && *bytes % 1024 == 0;
    return is_kibibytes ? did_you_mean(std::to_string(*bytes / 1024) + "KiB")
                        : in_quotes(parts.number + "B") + " or " + in_quotes(parts.number + "KiB") + "?";
  }
  constexpr std::array<std::pair<char, std::string_view>, 4> beginnings{
      {{'k', "KiB"}, {'m', "MiB"}, {'g', "GiB"}, {'b', "B"}}};
  for (const auto& [beginning, unit] : beginnings) {
    if (parts.word.front() == beginning) return did_you_mean(parts.number + std::string(unit));
  }
  return "for example \"16KiB\"";
}

bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  const auto belongs = [&](char c) { return is_digit(c) || is_letter(c) || marks.find(c) != std::string_view::npos; };
  return !text.empty() && std::all_of(text.begin(), text.end(), belongs);
}

// Calls visit(NAME) for each {NAME} in a template; false where braces do not match.
template <class Visit>
bool for_each_placeholder(std::string_view text, Visit&& visit) {
  while (true) {
    const std::size_t brace = text.find_first_of("{}");
    if (brace == std::string_view::npos) return true;
    const std::size_t end = text.find_first_of("{}", brace + 1);
    if (text[brace] == '}' || end == std::string_view::npos || text[end] == '{') return false;
    visit(text.substr(brace + 1, end - brace - 1));
    text.remove_prefix(end + 1);
  }
}

bool is_group(std::string_view name) { return name.size() == 1 && name[0] >= '1' && name[0] <= '9'; }

Wrong bad_path(std::string_view text, std::string label) {
  return {"bad-path", in_quotes(text) + " is not a path", std::move(label), ""};
}

Wrong bad_host(std::string_view text, std::string label) {
  return {"bad-host", in_quotes(text) + " is not a host", std::move(label), ""};
}

// Clears the bits behind the prefix.
Endpoint masked(Endpoint address, unsigned prefix) {
  for (std::size_t i = 0; i < address.address.size(); ++i) {
    const unsigned first_bit = static_cast<unsigned>(i) * 8;
    const unsigned kept = prefix <= first_bit ? 0 : std::min(prefix - first_bit, 8u);
    address.address[i] = static_cast<std::uint8_t>(address.address[i] & (0xff00u >> kept));
  }
  return address;
}

}  // namespace

Parsed<std::uint64_t> parse_integer(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return Wrong{"bad-number", in_quotes(text) + " is not a number", "", ""};
  return value;
}

Parsed<milliseconds> parse_duration(std::string_view text) {
  if (text == "off" || text == "0") return no_limit;
  const Wrong wrong{"bad-duration", in_quotes(text) + " is not a duration", meant_duration(text),
                    std::string(duration_help)};
  std::uint64_t total = 0;
  std::uint64_t last_factor = duration_ms_max;
  std::string_view rest = text;
  do {
    const Parsed<std::uint64_t> number = parse_integer(take_while(rest, is_digit));
    const Unit* unit = find_unit(duration_units, take_while(rest, is_letter));
    if (!number || unit == nullptr || unit->factor >= last_factor) return wrong;
    last_factor = unit->factor;
    const bool fits = *number <= duration_ms_max / unit->factor;
    if (fits) total += *number * unit->factor;
    if (!fits || total > duration_ms_max) {
      return Wrong{"bad-duration", in_quotes(text) + " is too long", "at most \"3650d\"", std::string(duration_help)};
    }
  } while (!rest.empty());
  return milliseconds(total);
}

Parsed<std::uint64_t> parse_size(std::string_view text) {
  if (text == "off" || text == "0") return std::uint64_t{0};
  const Wrong wrong{"bad-size", in_quotes(text) + " is not a size", meant_size(text), std::string(size_help)};
  std::string_view rest = text;
  const Parsed<std::uint64_t> number = parse_integer(take_while(rest, is_digit));
  const Unit* unit = find_unit(size_units, rest);
  if (!number || unit == nullptr) return wrong;
  constexpr std::uint64_t size_bytes_max = 1ull << 60;
  if (*number > size_bytes_max / unit->factor) {
    return Wrong{"bad-size", in_quotes(text) + " is too large", "", std::string(size_help)};
  }
  return *number * unit->factor;
}

Parsed<Network> parse_network(std::string_view text) {
  const Wrong wrong{"bad-network", in_quotes(text) + " is not an address or network", "for example \"10.0.0.0/8\"", ""};
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto address = Endpoint::parse_ip(text.substr(0, slash));
  if (!address) return wrong;
  const unsigned longest = address->family == Endpoint::Family::ipv4 ? 32 : 128;
  if (slash == text.size()) return Network{*address, static_cast<std::uint8_t>(longest)};

  const std::string_view digits = text.substr(slash + 1);
  const Parsed<std::uint64_t> prefix = parse_integer(digits);
  if (!prefix || *prefix > longest) return wrong;
  const Network network{masked(*address, static_cast<unsigned>(*prefix)), static_cast<std::uint8_t>(*prefix)};
  if (network.base == *address) return network;
  const std::string suffix = "/" + std::string(digits);
  return Wrong{"host-bits", in_quotes(text) + " has bits set after " + suffix,
               did_you_mean(network.base.ip() + suffix), ""};
}

Parsed<HostPattern> parse_host(std::string_view text) {
  HostPattern pattern{lower(text), text.starts_with("*.")};
  if (pattern.wildcard) pattern.text.erase(0, 1);
  const std::string_view host = pattern.wildcard ? std::string_view(pattern.text).substr(1) : pattern.text;

  if (host == "*") return bad_host(text, "leave \"host\" out to match every host");
  const bool is_ipv6 = !pattern.wildcard && host.starts_with('[') && host.ends_with(']');
  if (is_ipv6) {
    const auto address = Endpoint::parse_ip(host.substr(1, host.size() - 2));
    if (address && address->family == Endpoint::Family::ipv6) return pattern;
    return bad_host(text, "no IPv6 address in the brackets");
  }
  if (host.find("://") != std::string_view::npos) return bad_host(text, "without scheme and path");
  if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
    if (Endpoint::parse_ip(host)) {
      return bad_host(text, "an IPv6 address is written " + in_quotes("[" + std::string(host) + "]"));
    }
    const std::size_t kept = text.size() - host.size() + colon;
    return bad_host(text, "without port: " + in_quotes(text.substr(0, kept)));
  }
  if (host.find('*') != std::string_view::npos) return bad_host(text, "\"*\" stands first: \"*.example.com\"");
  const auto belongs = [](char c) { return is_digit(c) || is_letter(c) || c == '-' || c == '_' || c == '.'; };
  if (!std::all_of(host.begin(), host.end(), belongs)) {
    return bad_host(text, "letters, digits, \"-\" and \".\"; others in their xn-- form");
  }
  if (host.empty() || host.starts_with('.') || host.ends_with('.') || host.find("..") != std::string_view::npos) {
    return bad_host(text, "for example \"www.example.com\" or \"*.example.com\"");
  }
  return pattern;
}

Parsed<std::string> parse_fingerprint(std::string_view text) {
  constexpr std::size_t digits_of_sha256 = 64;
  std::string digits;
  for (const char c : lower(text)) {
    if (c != ':') digits += c;
  }
  const auto belongs = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); };
  if (digits.size() != digits_of_sha256 || !std::all_of(digits.begin(), digits.end(), belongs)) {
    return Wrong{"bad-fingerprint", in_quotes(text) + " is not a SHA-256 fingerprint", "",
                 "64 hex digits, as openssl x509 -noout -fingerprint -sha256 prints them"};
  }
  for (char& c : digits) c = c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
  return digits;
}

Parsed<HashOn> parse_hash_on(std::string_view text) {
  using Kind = HashOn::Kind;
  if (text == "client") return HashOn{Kind::client, {}};
  if (text == "path") return HashOn{Kind::path, {}};
  constexpr std::array<std::pair<std::string_view, Kind>, 3> named{
      {{"query:", Kind::query}, {"header:", Kind::header}, {"cookie:", Kind::cookie}}};
  for (const auto& [prefix, kind] : named) {
    if (text.starts_with(prefix) && text.size() > prefix.size()) return HashOn{kind, std::string(text.substr(prefix.size()))};
  }
  return Wrong{"bad-hash-key", in_quotes(text) + " is nothing to hash on", "",
               "\"client\", \"path\", \"query:NAME\", \"header:NAME\" or \"cookie:NAME\""};
}

Parsed<StatusRange> parse_status_range(std::string_view text) {
  const std::size_t dash = std::min(text.find('-'), text.size());
  const Parsed<std::uint64_t> first = parse_integer(text.substr(0, dash));
  const Parsed<std::uint64_t> last = dash == text.size() ? first : parse_integer(text.substr(dash + 1));
  const bool right = first && last && *first >= 100 && *first <= *last && *last <= 599;
  if (!right) {
    return Wrong{"bad-status", in_quotes(text) + " is no status code and no range of them", "", "for example \"204\" or \"200-399\""};
  }
  return StatusRange{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

Parsed<PathPattern> parse_path(std::string_view text) {
  const std::string as_text(text);
  if (!text.starts_with('/')) return bad_path(text, did_you_mean(text == "*" ? "/*" : "/" + as_text));
  if (text.find_first_of("?#") != std::string_view::npos) {
    return bad_path(text, did_you_mean(text.substr(0, text.find_first_of("?#"))));
  }
  PathPattern pattern{as_text, text.ends_with("/*")};
  if (pattern.prefix) pattern.text.erase(pattern.text.size() - 2);
  if (pattern.text.find('*') == std::string::npos) return pattern;
  if (pattern.text.find('*') == text.size() - 1) {
    return bad_path(text, did_you_mean(as_text.substr(0, text.size() - 1) + "/*"));
  }
  return bad_path(text, "\"*\" stands only at the end, as in \"/api/*\"; for more there is path_regex");
}

std::optional<Wrong> check_path_prefix(std::string_view text) {
  if (!text.starts_with('/')) return bad_path(text, did_you_mean(std::string("/").append(text)));
  const std::string_view plain = text.substr(0, text.find_first_of("?#*"));
  if (plain.size() != text.size() || (text.size() > 1 && text.ends_with('/'))) {
    const std::string_view meant = plain.substr(0, plain.find_last_not_of('/') + 1);
    return bad_path(text, meant.empty() ? "for example \"/api\"" : did_you_mean(meant));
  }
  return std::nullopt;
}

std::optional<Wrong> check_method(std::string_view text) {
  if (!is_token(text)) return Wrong{"bad-method", in_quotes(text) + " is not a method", "for example \"GET\"", ""};
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  if (upper == text) return std::nullopt;
  return Wrong{"bad-method", in_quotes(text) + " is not a method", did_you_mean(upper),
               "methods are written in capitals"};
}

std::optional<Wrong> check_header_name(std::string_view text) {
  if (is_token(text)) return std::nullopt;
  return Wrong{"bad-header", in_quotes(text) + " is not the name of a header field", "letters, digits and \"-\"", ""};
}

std::optional<Wrong> check_header_value(std::string_view text) {
  const auto forbidden = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; };
  if (std::none_of(text.begin(), text.end(), forbidden)) return std::nullopt;
  return Wrong{"bad-header", "a header field holds no line ends or control characters", "", ""};
}

std::optional<Wrong> check_protocol(std::string_view text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string name = lower(text.substr(0, slash));
  // Requests in there would be seen by no route, limit or log.
  if (name == "http" || name == "h2" || name == "h2c") {
    return Wrong{"bad-protocol", in_quotes(text) + " cannot be upgraded to: it is HTTP", "take it out",
                 "requests inside an upgraded stream would go past every rule of this configuration"};
  }
  const bool has_version = slash < text.size();
  const bool is_name = is_token(name) && (!has_version || is_token(text.substr(slash + 1)));
  if (is_name && name != "off" && text.find('*') == std::string_view::npos) return std::nullopt;
  return Wrong{"bad-protocol", in_quotes(text) + " is not the name of a protocol", "for example \"websocket\"",
               "each protocol is named; [] allows none"};
}

std::optional<Wrong> check_template(std::string_view text, std::string_view placeholders) {
  const std::vector<std::string_view> names = words_of(placeholders);
  std::string known;
  for (const std::string_view name : names) known.append("{").append(name).append("} ");
  known += "{1}..{9}";

  std::optional<std::string> unknown;
  const bool matched = for_each_placeholder(text, [&](std::string_view name) {
    if (!is_group(name) && std::find(names.begin(), names.end(), name) == names.end()) unknown = name;
  });
  if (!matched) return Wrong{"bad-placeholder", "a brace without its partner", "", "placeholders: " + known};
  if (unknown) {
    return Wrong{"bad-placeholder", "\"{" + *unknown + "}\" is not a placeholder", "", "placeholders: " + known};
  }
  return check_header_value(text);
}

unsigned highest_group(std::string_view text) {
  unsigned highest = 0;
  for_each_placeholder(text, [&](std::string_view name) {
    if (is_group(name)) highest = std::max(highest, static_cast<unsigned>(name[0] - '0'));
  });
  return highest;
}

Parsed<unsigned> parse_regex(std::string_view text) {
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 regex(re2::StringPiece(text.data(), text.size()), options);
  if (regex.ok()) return static_cast<unsigned>(regex.NumberOfCapturingGroups());
  return Wrong{"bad-regex", regex.error(), "at " + in_quotes(regex.error_arg()),
               "RE2 syntax: no look-around, no back references"};
}

}  // namespace culvert::config
