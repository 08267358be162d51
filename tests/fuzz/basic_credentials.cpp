// If this fails, credentials are read in another way than the client meant, or bytes that are none are taken for some.
//
// The input is the value of the field. A reading of its own, by the definition of RFC 7617 and with base64 by bits, must
// come to the same user and password.
#include "proxy/basic_credentials.hpp"

#include <optional>
#include <string>
#include <utility>

#include "fuzz/target.hpp"

namespace culvert::fuzz {
namespace {

std::optional<std::string> decode(const std::string& text) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0;
  unsigned held = 0;
  std::size_t at = 0;
  for (; at < text.size() && text[at] != '='; ++at) {
    const std::size_t value = alphabet.find(text[at]);
    if (value == std::string_view::npos) return std::nullopt;
    held = (held << 6) | static_cast<unsigned>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(held >> bits);
      held &= (1u << bits) - 1;
    }
  }
  const std::string padding = text.substr(at);
  const bool whole = text.size() % 4 == 0 && held == 0 && bits < 6 && padding == std::string(bits / 2, '=');
  return whole ? std::optional(bytes) : std::nullopt;
}

std::optional<std::pair<std::string, std::string>> user_and_password(std::string value) {
  if (value.size() < 6) return std::nullopt;
  for (std::size_t i = 0; i < 5; ++i) {
    if ((value[i] | 0x20) != "basic"[i]) return std::nullopt;
  }
  if (value[5] != ' ') return std::nullopt;
  while (value.size() > 5 && value[5] == ' ') value.erase(5, 1);
  const auto pair = decode(value.substr(5));
  if (!pair || value.size() - 5 > 1024) return std::nullopt;
  for (const char c : *pair) {
    if ((c >= 0 && c < ' ') || c == 0x7f) return std::nullopt;
  }
  const std::size_t colon = pair->find(':');
  if (colon == std::string::npos || colon == 0 || pair->size() - colon - 1 > 511) return std::nullopt;
  return std::pair(pair->substr(0, colon), pair->substr(colon + 1));
}

}  // namespace

void run(std::string_view input) {
  const auto expected = user_and_password(std::string(input));
  const auto credentials = proxy::parse_basic(input);
  ASSERT_EQ(credentials.has_value(), expected.has_value()) << input;
  if (!credentials) return;
  EXPECT_EQ(credentials->user(), expected->first);
  EXPECT_EQ(credentials->password(), expected->second);
  EXPECT_TRUE(proxy::may_be_sent(credentials->password()));
}

}  // namespace culvert::fuzz
