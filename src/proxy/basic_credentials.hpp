// What a client says of itself in Authorization or Proxy-Authorization: Basic, RFC 7617.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/digest.hpp"

namespace culvert::proxy {

inline constexpr std::size_t password_bytes_max = 511;  // what crypt(3) takes
inline constexpr std::size_t credentials_bytes_max = 1024;  // of both, as they are sent

// Whether a client can send this password: not too long, without control characters.
bool may_be_sent(std::string_view password);

class BasicCredentials {
 public:
  BasicCredentials(std::string pair, std::size_t colon) : pair_(std::move(pair)), colon_(colon) {}
  BasicCredentials(const BasicCredentials&) = delete;
  BasicCredentials& operator=(const BasicCredentials&) = delete;
  BasicCredentials(BasicCredentials&&) = default;
  BasicCredentials& operator=(BasicCredentials&&) = default;
  ~BasicCredentials() { wipe(pair_); }

  std::string_view user() const { return std::string_view(pair_).substr(0, colon_); }  // not empty
  std::string_view password() const { return std::string_view(pair_).substr(colon_ + 1); }
  std::string_view pair() const { return pair_; }  // USER:PASSWORD

 private:
  std::string pair_;
  std::size_t colon_;
};

// Nothing where a field's value is of another scheme, or not exactly what the scheme's definition lets be sent. Bytes
// above 127 are taken as they come: charset="UTF-8" asks for one way of writing them.
std::optional<BasicCredentials> parse_basic(std::string_view value);

}  // namespace culvert::proxy
