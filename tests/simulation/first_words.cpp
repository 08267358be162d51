#include "simulation/first_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace culvert::simulation {

namespace {

using namespace std::string_literals;

const std::string v2_signature = "\r\n\r\n\0\r\nQUIT\n"s;
constexpr std::size_t v2_ipv4_bytes = 16 + 12;

std::string big_endian(std::size_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string counted(const std::string& text, int bytes) { return big_endian(text.size(), bytes) + text; }

std::string v4_of(const Endpoint& endpoint) { return {endpoint.address.begin(), endpoint.address.begin() + 4}; }

std::string v2_header(char command, const std::string& addresses) {
  return v2_signature + static_cast<char>(0x20 | command) + (addresses.empty() ? '\0' : '\x11') + counted(addresses, 2);
}

std::string extension(std::size_t type, const std::string& content) {
  return big_endian(type, 2) + counted(content, 2);
}

std::string client_hello(const std::string& extensions) {
  const std::string body = "\x03\x03"s + std::string(32, 'r') + counted("", 1) + counted("\x13\x01", 2) +
                           counted("\0"s, 1) + counted(extensions, 2);
  return "\x01"s + counted(body, 3);
}

std::string in_records(std::string_view message, std::size_t size) {
  std::string records;
  for (; !message.empty(); message.remove_prefix(std::min(size, message.size()))) {
    records += "\x16\x03\x01" + counted(std::string(message.substr(0, size)), 2);
  }
  return records;
}

}  // namespace

std::string proxy_header(ProxyHeader kind, const Endpoint& source, const Endpoint& destination) {
  switch (kind) {
    case ProxyHeader::none:
      return {};
    case ProxyHeader::v1:
      return fmt::format("PROXY TCP4 {} {} {} {}\r\n", source.ip(), destination.ip(), source.port, destination.port);
    case ProxyHeader::v2:
      return v2_header(
          1, v4_of(source) + v4_of(destination) + big_endian(source.port, 2) + big_endian(destination.port, 2));
    case ProxyHeader::local:
      return v2_header(0, "");
    case ProxyHeader::unknown:
      return "PROXY UNKNOWN\r\n";
    case ProxyHeader::broken:
      return source.port % 2 == 0 ? "PROXY TCP4 1.2.3.4 nowhere 1 2\r\n" : "GET / HTTP/1.1\r\n\r\n";
    case ProxyHeader::late:
      return source.port % 2 == 0 ? "PROXY TCP4 1.2.3.4" : v2_signature;
  }
  return {};
}

std::optional<Endpoint> take_proxy_header(std::string& bytes, bool& broken) {
  if (bytes.starts_with(v2_signature)) {
    if (bytes.size() < v2_ipv4_bytes) return std::nullopt;
    broken = bytes.compare(v2_signature.size(), 4, "\x21\x11\x00\x0c"s) != 0;
    Endpoint source{.family = Endpoint::Family::ipv4};
    std::copy_n(bytes.begin() + 16, 4, source.address.begin());
    source.port =
        static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[24]) << 8 | static_cast<unsigned char>(bytes[25]));
    bytes.erase(0, v2_ipv4_bytes);
    return source;
  }
  const std::size_t end = bytes.find("\r\n");
  constexpr std::string_view start = "PROXY TCP4 ";
  const std::string_view whole = v2_signature;
  if (start.starts_with(bytes) || whole.starts_with(bytes)) return std::nullopt;
  broken = !bytes.starts_with(start);
  if (broken || end == std::string::npos) return std::nullopt;
  const std::string line = bytes.substr(start.size(), end - start.size());
  bytes.erase(0, end + 2);
  std::uint16_t port = 0;
  const std::size_t after_addresses = line.find(' ', line.find(' ') + 1) + 1;
  std::from_chars(line.data() + after_addresses, line.data() + line.size(), port);
  std::optional<Endpoint> source = Endpoint::parse_ip(line.substr(0, line.find(' ')), port);
  broken = !source;
  return source;
}

std::string Hello::text(std::string_view host) const {
  const auto name = [](std::string_view server) {
    return extension(0, counted("\0"s + counted(std::string(server), 2), 2));
  };
  const std::string versions = extension(43, "\x02\x03\x04");
  switch (kind) {
    case Kind::none:
    case Kind::late:
      return {};
    case Kind::right:
      return in_records(client_hello(name(host) + versions), 16'000);
    case Kind::in_records:
      return in_records(client_hello(versions + name(host)), 7);
    case Kind::another_name:
      return in_records(client_hello(name("other.tls.sim")), 16'000);
    case Kind::no_name:
      return in_records(client_hello(versions), 16'000);
    case Kind::encrypted:
      return in_records(client_hello(name(host) + extension(0xfe0d, std::string(40, '\0'))), 16'000);
    case Kind::no_tls:
      return "SSH-2.0-OpenSSH_9.2\r\n";
    case Kind::broken:
      return in_records(client_hello(extension(0, "\0\x09\0"s)), 16'000);
    case Kind::too_large:
      return in_records(client_hello(extension(21, std::string(17'000, '\0'))), 5'000);
  }
  return {};
}

Hello::Answer Hello::answer(bool denies_encrypted) const {
  switch (kind) {
    case Kind::none:
    case Kind::right:
    case Kind::in_records:
      return {};
    case Kind::another_name:
      return {"tunnel_sni_mismatch", 112};
    case Kind::no_name:
      return {"tunnel_sni_missing", 109};
    case Kind::encrypted:
      return denies_encrypted ? Answer{"tunnel_ech_denied", 49} : Answer{};
    case Kind::no_tls:
      return {"tunnel_not_tls", 0};
    case Kind::broken:
    case Kind::too_large:
      return {"tls_hello_malformed", 50};
    case Kind::late:
      return {"tls_hello_timeout", 0};
  }
  return {};
}

}  // namespace culvert::simulation
