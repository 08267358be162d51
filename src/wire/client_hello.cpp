#include "wire/client_hello.hpp"

#include <algorithm>
#include <cstdint>

#include "base/ascii.hpp"
#include "wire/byte_cursor.hpp"

namespace culvert::wire {
namespace {

// RFC 8446 5.1: type, version, length.
constexpr std::size_t record_head_bytes = 5;
constexpr std::byte record_handshake{22};
constexpr std::byte version_major{3};
constexpr std::size_t fragment_bytes_max = 16'384;

// RFC 8446 4: type, length.
constexpr std::size_t message_head_bytes = 4;
constexpr unsigned message_client_hello = 1;

constexpr unsigned extension_server_name = 0;
constexpr unsigned extension_alpn = 16;
constexpr unsigned extension_encrypted_client_hello = 0xfe0d;
constexpr unsigned name_type_host = 0;
constexpr unsigned encrypted_client_hello_outer = 0;

constexpr std::size_t host_name_bytes_max = 253;
constexpr std::size_t label_bytes_max = 63;

// Letters, digits and hyphens, and the underscore that names have in practice.
bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= label_bytes_max && std::ranges::all_of(label, [](char c) {
    return ascii::is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
  });
}

// RFC 6066 3: labels without a dot at the end. Where the last one is a number, it is an IPv4 address.
bool is_host_name(std::string_view name) {
  if (name.size() > host_name_bytes_max) return false;
  for (;;) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == std::string_view::npos) return !std::ranges::all_of(label, ascii::is_digit);
    name.remove_prefix(dot + 1);
  }
}

void append(std::vector<std::byte>& to, Bytes bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

Bytes take(Bytes& input, std::size_t bytes_max) {
  const Bytes taken = input.first(std::min(input.size(), bytes_max));
  input = input.subspan(taken.size());
  return taken;
}

}  // namespace

Result<bool> ClientHelloReader::read(Bytes& input) {
  while (!input.empty()) {
    if (fragment_bytes_ == 0) {
      if (auto error = take_record_head(input)) return error;
    } else {
      Result<bool> complete = take_fragment(input);
      if (!complete || *complete) return complete;
    }
  }
  return false;
}

// One byte of it.
std::error_code ClientHelloReader::take_record_head(Bytes& input) {
  append(taken_, take(input, 1));
  ++record_head_bytes_;
  const Bytes head = Bytes(taken_).last(record_head_bytes_);
  const bool is_handshake = head[0] == record_handshake && (head.size() == 1 || head[1] == version_major);
  if (!is_handshake) return message_.empty() ? PrefaceError::not_tls : PrefaceError::tls_record_type;
  if (head.size() < record_head_bytes) return {};
  fragment_bytes_ = ByteCursor(head.last(2)).number(2);
  if (fragment_bytes_ == 0 || fragment_bytes_ > fragment_bytes_max) return PrefaceError::tls_record_length;
  record_head_bytes_ = 0;
  return {};
}

// What there is of it, up to the end of the message's head or of the message.
Result<bool> ClientHelloReader::take_fragment(Bytes& input) {
  const bool in_head = message_.size() < message_head_bytes;
  const std::size_t wanted = (in_head ? message_head_bytes : message_bytes()) - message_.size();
  const Bytes piece = take(input, std::min(fragment_bytes_, wanted));
  append(taken_, piece);
  append(message_, piece);
  fragment_bytes_ -= piece.size();
  if (auto error = judge_message()) return error;
  if (message_.size() < message_head_bytes || message_.size() < message_bytes()) return false;
  if (auto error = parse_message()) return error;
  return true;
}

// What is wrong with it so far. Its length counts with what the stream has besides it.
std::error_code ClientHelloReader::judge_message() const {
  if (ByteCursor(message_).number(1) != message_client_hello) return PrefaceError::not_client_hello;
  if (message_.size() < message_head_bytes) return {};
  const std::size_t heads = taken_.size() - message_.size();
  return heads + message_bytes() > client_hello_bytes_max ? PrefaceError::client_hello_too_long : std::error_code();
}

std::size_t ClientHelloReader::message_bytes() const {
  ByteCursor head(message_);
  head.take(1);
  return message_head_bytes + head.number(3);
}

std::error_code ClientHelloReader::parse_message() {
  ByteCursor body(Bytes(message_).subspan(message_head_bytes));
  body.take(2 + 32);  // legacy_version, random
  const Bytes session_id = body.block(1);
  const Bytes cipher_suites = body.block(2);
  const Bytes compression_methods = body.block(1);
  if (!body.ok() || session_id.size() > 32 || cipher_suites.empty() || cipher_suites.size() % 2 != 0 ||
      compression_methods.empty()) {
    return PrefaceError::client_hello_malformed;
  }
  if (body.empty()) return {};  // TLS 1.2 has it without extensions, too
  ByteCursor extensions(body.block(2));
  if (!body.ok() || !body.empty()) return PrefaceError::client_hello_malformed;
  while (!extensions.empty()) {
    const unsigned type = extensions.number(2);
    const Bytes content = extensions.block(2);
    if (!extensions.ok()) return PrefaceError::client_hello_malformed;
    if (auto error = parse_extension(type, content)) return error;
  }
  return {};
}

std::error_code ClientHelloReader::parse_extension(unsigned type, Bytes content) {
  unsigned bit = 0;
  switch (type) {
    case extension_server_name: bit = 1; break;
    case extension_alpn: bit = 2; break;
    case extension_encrypted_client_hello: bit = 4; break;
    default: return {};
  }
  // Programs would disagree about which of the two counts.
  if ((extensions_seen_ & bit) != 0) return PrefaceError::client_hello_extension_twice;
  extensions_seen_ |= bit;
  if (type == extension_server_name) return parse_server_name(content);
  if (type == extension_alpn) return parse_alpn(content);
  if (content.empty() || ByteCursor(content).number(1) != encrypted_client_hello_outer) {
    return PrefaceError::client_hello_extension;
  }
  hello_.encrypted_client_hello = true;
  return {};
}

// A list that has exactly one host name, since there are no names of another type.
std::error_code ClientHelloReader::parse_server_name(Bytes content) {
  ByteCursor cursor(content);
  ByteCursor list(cursor.block(2));
  const unsigned type = list.number(1);
  const Bytes name = list.block(2);
  if (!cursor.ok() || !cursor.empty() || !list.ok() || !list.empty() || type != name_type_host) {
    return PrefaceError::client_hello_extension;
  }
  const std::size_t at = static_cast<std::size_t>(name.data() - message_.data());
  for (std::size_t i = 0; i < name.size(); ++i) {
    message_[at + i] = static_cast<std::byte>(ascii::to_lower(as_text(name)[i]));
  }
  if (!is_host_name(as_text(name))) return PrefaceError::server_name_invalid;
  hello_.server_name = as_text(name);
  return {};
}

std::error_code ClientHelloReader::parse_alpn(Bytes content) {
  ByteCursor cursor(content);
  ByteCursor list(cursor.block(2));
  if (!cursor.ok() || !cursor.empty() || list.empty()) return PrefaceError::client_hello_extension;
  while (!list.empty()) {
    const Bytes name = list.block(1);
    if (!list.ok() || name.empty()) return PrefaceError::client_hello_extension;
    hello_.alpn.push_back(as_text(name));
  }
  return {};
}

}  // namespace culvert::wire
