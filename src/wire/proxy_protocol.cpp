#include "wire/proxy_protocol.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <optional>
#include <string>

#include "base/ascii.hpp"
#include "base/crc32c.hpp"
#include "wire/byte_cursor.hpp"

namespace culvert::wire {
namespace {

using Family = Endpoint::Family;
using namespace std::string_view_literals;

constexpr std::string_view line_start = "PROXY ";
constexpr std::string_view signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t binary_head_bytes = 16;  // signature, version and command, family and transport, length

constexpr unsigned version_2 = 2;
constexpr unsigned command_local = 0;
constexpr unsigned command_proxy = 1;

// Family and transport in one byte. The transport is a stream's, a datagram's, or unspecified with the family.
constexpr std::uint8_t unspecified = 0x00;
constexpr std::uint8_t stream_ipv4 = 0x11;
constexpr std::uint8_t stream_ipv6 = 0x21;

constexpr std::size_t unix_path_bytes = 108;
constexpr std::uint32_t field_crc32c = 3;

// A version 2 header up to its addresses.
struct BinaryHead {
  explicit BinaryHead(Bytes header) {
    ByteCursor cursor(header);
    cursor.take(signature.size());
    version_and_command = cursor.number(1);
    family_and_transport = cursor.number(1);
    content_bytes = cursor.number(2);
  }
  unsigned version() const { return version_and_command >> 4; }
  unsigned command() const { return version_and_command & 0x0f; }

  unsigned version_and_command;
  unsigned family_and_transport;
  std::size_t content_bytes;
};

// The addresses behind a head of that family and transport; nothing where there are no such.
struct Block {
  Family family;
  std::size_t address_bytes;
  std::size_t port_bytes;
};
std::optional<Block> block_of(unsigned family_and_transport) {
  switch (family_and_transport) {
    case 0x11:
    case 0x12: return Block{Family::ipv4, 4, 2};
    case 0x21:
    case 0x22: return Block{Family::ipv6, 16, 2};
    case 0x31:
    case 0x32: return Block{Family::unix_socket, unix_path_bytes, 0};
    default: return std::nullopt;
  }
}

// The word up to the next space, which is taken off as well.
std::string_view take_word(std::string_view& rest) {
  const std::size_t end = rest.find(' ');
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return word;
}

std::optional<std::uint16_t> parse_port(std::string_view word) {
  if (word.size() > 1 && word.front() == '0') return std::nullopt;
  const std::optional<std::uint64_t> number = ascii::parse_decimal(word);
  if (!number || *number > UINT16_MAX) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

bool is_ip(const Endpoint& endpoint) { return endpoint.family == Family::ipv4 || endpoint.family == Family::ipv6; }

Endpoint as_ipv6(const Endpoint& endpoint) {
  if (endpoint.family == Family::ipv6) return endpoint;
  Endpoint mapped{.family = Family::ipv6, .port = endpoint.port};
  mapped.address[10] = mapped.address[11] = 0xff;
  std::copy_n(endpoint.address.begin(), 4, mapped.address.begin() + 12);
  return mapped;
}

// Two addresses of one family, as a header must have them: an unknown destination is the address of none.
ProxyAddresses matched(ProxyAddresses addresses) {
  if (!is_ip(addresses.destination)) addresses.destination = {.family = addresses.source.family};
  if (addresses.source.family == addresses.destination.family) return addresses;
  return {.source = as_ipv6(addresses.source), .destination = as_ipv6(addresses.destination)};
}

}  // namespace

// ---- reading

Result<bool> ProxyHeaderReader::read(Bytes& input) {
  while (!input.empty()) {
    header_.push_back(input.front());
    input = input.subspan(1);
    if (auto error = judge_start()) return error;
    Result<bool> complete = is_line() ? read_line() : read_binary();
    if (!complete || *complete) return complete;
  }
  return false;
}

std::error_code ProxyHeaderReader::judge_start() const {
  const std::string_view start = is_line() ? line_start : signature;
  const std::size_t bytes = std::min(header_.size(), start.size());
  return as_text(header_).substr(0, bytes) == start.substr(0, bytes) ? std::error_code() : PrefaceError::no_proxy_header;
}

bool ProxyHeaderReader::is_line() const { return as_text(header_).front() == line_start.front(); }

Result<bool> ProxyHeaderReader::read_line() {
  const std::string_view line = as_text(header_);
  const bool after_cr = line.substr(0, line.size() - 1).ends_with('\r');
  if (after_cr != line.ends_with('\n')) return make_error_code(PrefaceError::proxy_line_end);
  if (!after_cr) {
    if (line.size() == proxy_line_bytes_max) return make_error_code(PrefaceError::proxy_line_too_long);
    return false;
  }
  if (auto error = parse_line()) return error;
  return true;
}

std::error_code ProxyHeaderReader::parse_line() {
  std::string_view rest = as_text(header_);
  rest.remove_prefix(line_start.size());
  rest.remove_suffix(2);
  const std::string_view family = take_word(rest);
  if (family == "UNKNOWN") return {};  // whatever follows
  if (family != "TCP4" && family != "TCP6") return PrefaceError::proxy_line_family;
  if (std::ranges::count(rest, ' ') != 3) return PrefaceError::proxy_line_words;
  std::array<std::string_view, 4> words;
  for (std::string_view& word : words) word = take_word(rest);

  const Family wanted = family == "TCP4" ? Family::ipv4 : Family::ipv6;
  const std::array ends{&addresses_.source, &addresses_.destination};
  for (std::size_t i = 0; i < ends.size(); ++i) {
    const std::optional<Endpoint> address = Endpoint::parse_ip(words[i]);
    const std::optional<std::uint16_t> port = parse_port(words[i + 2]);
    if (!address || address->family != wanted) return PrefaceError::proxy_line_address;
    if (!port) return PrefaceError::proxy_line_port;
    *ends[i] = *address;
    ends[i]->port = *port;
  }
  return {};
}

Result<bool> ProxyHeaderReader::read_binary() {
  if (header_.size() < binary_head_bytes) return false;
  const BinaryHead head(header_);
  if (head.version() != version_2) return make_error_code(PrefaceError::proxy_version);
  if (head.command() > command_proxy) return make_error_code(PrefaceError::proxy_command);
  const std::size_t bytes = binary_head_bytes + head.content_bytes;
  if (bytes > proxy_header_bytes_max) return make_error_code(PrefaceError::proxy_too_long);
  if (header_.size() < bytes) return false;
  if (auto error = parse_binary()) return error;
  return true;
}

std::error_code ProxyHeaderReader::parse_binary() {
  const BinaryHead head(header_);
  if (head.command() == command_local || head.family_and_transport == unspecified) return {};  // whatever follows

  const std::optional<Block> block = block_of(head.family_and_transport);
  if (!block) return PrefaceError::proxy_family;
  ByteCursor content(Bytes(header_).subspan(binary_head_bytes));
  const std::array ends{&addresses_.source, &addresses_.destination};
  for (Endpoint* const end : ends) {
    end->family = block->family;
    const Bytes address = content.take(block->address_bytes);
    if (is_ip(*end) && content.ok()) std::memcpy(end->address.data(), address.data(), address.size());
  }
  for (Endpoint* const end : ends) end->port = static_cast<std::uint16_t>(content.number(block->port_bytes));
  if (!content.ok()) return PrefaceError::proxy_too_short;
  return parse_fields(content.rest());
}

// Type, length, value: only the checksum says something to us.
std::error_code ProxyHeaderReader::parse_fields(Bytes fields) const {
  ByteCursor cursor(fields);
  while (!cursor.empty()) {
    const std::uint32_t type = cursor.number(1);
    const Bytes value = cursor.block(2);
    if (!cursor.ok()) return PrefaceError::proxy_field;
    if (type != field_crc32c) continue;
    if (value.size() != sizeof(std::uint32_t)) return PrefaceError::proxy_field;
    if (!has_checksum(value)) return PrefaceError::proxy_checksum;
  }
  return {};
}

// That of the whole header, with zeros where the sum stands.
bool ProxyHeaderReader::has_checksum(Bytes sum) const {
  const Bytes header(header_);
  const auto before = static_cast<std::size_t>(sum.data() - header.data());
  constexpr std::array<std::byte, sizeof(std::uint32_t)> zeros{};
  std::uint32_t found = crc32c(header.first(before));
  found = crc32c(zeros, found);
  found = crc32c(header.subspan(before + sum.size()), found);
  return ByteCursor(sum).number(sum.size()) == found;
}

// ---- writing

namespace {

char* append(char* out, std::string_view text) { return std::copy(text.begin(), text.end(), out); }

std::size_t write_line(char* out, const ProxyAddresses& addresses) {
  char* at = append(out, line_start);
  if (!is_ip(addresses.source)) {
    at = append(at, "UNKNOWN");
  } else {
    at = append(at, addresses.source.family == Family::ipv4 ? "TCP4 " : "TCP6 ");
    at += addresses.source.format_ip(at);
    at = append(at, " ");
    at += addresses.destination.format_ip(at);
    at = append(at, " ");
    at = ascii::append_decimal(at, addresses.source.port);
    at = append(at, " ");
    at = ascii::append_decimal(at, addresses.destination.port);
  }
  at = append(at, "\r\n");
  return static_cast<std::size_t>(at - out);
}

std::uint8_t* append_number(std::uint8_t* out, std::uint16_t number) {
  *out++ = static_cast<std::uint8_t>(number >> 8);
  *out++ = static_cast<std::uint8_t>(number);
  return out;
}

std::size_t write_binary(std::uint8_t* out, const ProxyAddresses& addresses) {
  std::uint8_t* at = std::copy(signature.begin(), signature.end(), out);
  *at++ = version_2 << 4 | command_proxy;
  if (!is_ip(addresses.source)) {
    *at++ = unspecified;
    at = append_number(at, 0);
    return static_cast<std::size_t>(at - out);
  }
  const bool ipv4 = addresses.source.family == Family::ipv4;
  const std::uint16_t address_bytes = ipv4 ? 4 : 16;
  *at++ = ipv4 ? stream_ipv4 : stream_ipv6;
  at = append_number(at, static_cast<std::uint16_t>(2 * address_bytes + 4));
  at = std::copy_n(addresses.source.address.begin(), address_bytes, at);
  at = std::copy_n(addresses.destination.address.begin(), address_bytes, at);
  at = append_number(at, addresses.source.port);
  at = append_number(at, addresses.destination.port);
  return static_cast<std::size_t>(at - out);
}

}  // namespace

std::size_t write_proxy_header(std::byte* out, ProxyProtocol version, ProxyAddresses addresses) {
  if (is_ip(addresses.source)) addresses = matched(addresses);
  return version == ProxyProtocol::v1 ? write_line(reinterpret_cast<char*>(out), addresses)
                                      : write_binary(reinterpret_cast<std::uint8_t*>(out), addresses);
}

}  // namespace culvert::wire
