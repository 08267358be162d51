#include "proxy/basic_credentials.hpp"

#include <algorithm>

#include "base/ascii.hpp"
#include "base/digest.hpp"

namespace culvert::proxy {

namespace {

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

bool may_be_sent(std::string_view password) { return password.size() <= password_bytes_max && !has_control(password); }

std::optional<BasicCredentials> parse_basic(std::string_view value) {
  constexpr std::string_view scheme = "Basic ";
  if (!ascii::iequals(value.substr(0, scheme.size()), scheme)) return std::nullopt;
  value.remove_prefix(scheme.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  if (value.size() > credentials_bytes_max) return std::nullopt;
  std::optional<std::string> pair = decode_base64(value);
  if (!pair) return std::nullopt;
  const std::size_t colon = std::min(pair->find(':'), pair->size());
  BasicCredentials credentials(std::move(*pair), colon);
  if (colon == 0 || colon == credentials.pair().size()) return std::nullopt;
  if (has_control(credentials.user()) || !may_be_sent(credentials.password())) return std::nullopt;
  return credentials;
}

}  // namespace culvert::proxy
