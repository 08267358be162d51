// What the words of a configuration mean. Each function reads one value, or says what is wrong with it.
#pragma once
#include <cassert>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/config.hpp"

namespace culvert::config {

// The words of a diagnostic about one value; where it stands is for the caller to say.
struct Wrong {
  std::string code;
  std::string text;
  std::string label;
  std::string help;
};

// A value, or what is wrong with it.
template <class T>
class [[nodiscard]] Parsed {
 public:
  Parsed(T value) : value_(std::move(value)) {}                   // NOLINT: meant to convert
  Parsed(Wrong wrong) : wrong_(std::move(wrong)) {}               // NOLINT: meant to convert

  explicit operator bool() const { return !wrong_; }
  const T& operator*() const& { assert(!wrong_); return value_; }
  T operator*() && { assert(!wrong_); return std::move(value_); }  // by value: for (auto& x : *parse(...)) is safe
  const T* operator->() const { assert(!wrong_); return &value_; }
  const std::optional<Wrong>& wrong() const { return wrong_; }

 private:
  T value_{};
  std::optional<Wrong> wrong_;
};

inline constexpr std::string_view duration_help =
    "units: ms, s, m, h, d; \"1m30s\" is allowed; \"off\" for no limit";
inline constexpr std::string_view size_help = "units: B, kB, MB, GB (1000) and KiB, MiB, GiB (1024)";

Parsed<milliseconds> parse_duration(std::string_view text);  // "30s" "1m30s" "500ms" "off" "0"
Parsed<std::uint64_t> parse_size(std::string_view text);     // "16KiB" "10MB" "off" "0"
Parsed<std::uint64_t> parse_integer(std::string_view text);  // digits only

Parsed<Network> parse_network(std::string_view text);     // "10.0.0.0/8" "::1"
Parsed<HostPattern> parse_host(std::string_view text);    // "example.com" "*.example.com" "[::1]"
Parsed<PathPattern> parse_path(std::string_view text);    // "/api" "/api/*"
std::optional<Wrong> check_path_prefix(std::string_view text);  // "/api"
std::optional<Wrong> check_method(std::string_view text);
std::optional<Wrong> check_header_name(std::string_view text);
std::optional<Wrong> check_header_value(std::string_view text);
std::optional<Wrong> check_protocol(std::string_view text);  // "websocket" "irc/6.9"
Parsed<std::string> parse_fingerprint(std::string_view text);  // "AB:CD:.." "abcd..": capitals without colons
Parsed<HashOn> parse_hash_on(std::string_view text);            // "client" "path" "header:X-User"
Parsed<StatusRange> parse_status_range(std::string_view text);  // "204" "200-399"
// {NAME} for the names in `placeholders`, {1} to {9}.
std::optional<Wrong> check_template(std::string_view text, std::string_view placeholders);
// The highest of {1} to {9} in a template, 0 if there is none.
unsigned highest_group(std::string_view text);
// How many groups an expression has.
Parsed<unsigned> parse_regex(std::string_view text);

}  // namespace culvert::config
