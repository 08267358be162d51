// What would break: connections behind a load balancer would count as its own, or anybody could claim any address.
#include "wire/proxy_protocol.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/crc32c.hpp"

namespace culvert::wire {
namespace {

using namespace std::string_literals;

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string ipv4_block = "\xc0\x00\x02\x01\xc6\x33\x64\x02\xdc\x04\x01\xbb"s;  // 192.0.2.1:56324 198.51.100.2:443
const std::string ipv6_block = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01"s + "\x20\x01\x0d\xb8"s +
                               std::string(11, '\0') + "\x02"s + "\xdc\x04\x01\xbb"s;

std::string number(std::size_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = bytes; i-- > 0;) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string binary(int version_and_command, int family, const std::string& content) {
  return signature + static_cast<char>(version_and_command) + static_cast<char>(family) + number(content.size(), 2) + content;
}

std::string field(int type, const std::string& value) {
  return static_cast<char>(type) + number(value.size(), 2) + value;
}

std::string with_checksum(const std::string& content) {
  std::string header = binary(0x21, 0x11, content + field(3, number(0, 4)));
  header.replace(header.size() - 4, 4, number(crc32c(as_bytes(header)), 4));
  return header;
}

// What a reader makes of `bytes` in pieces of `piece_bytes`: the addresses and how many bytes it took, what it waits for,
// or its error.
std::string read(std::string_view bytes, std::size_t piece_bytes) {
  ProxyHeaderReader reader;
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const std::string piece(bytes.substr(taken, piece_bytes));
    Bytes input = as_bytes(piece);
    Result<bool> complete = reader.read(input);
    taken += piece.size() - input.size();
    if (!complete) {
      EXPECT_EQ(complete.error().category(), preface_category());
      return std::string(name_of(static_cast<PrefaceError>(complete.error().value())));
    }
    if (*complete) {
      const ProxyAddresses& addresses = reader.addresses();
      return addresses.source.to_string() + " > " + addresses.destination.to_string() + " in " + std::to_string(taken);
    }
    EXPECT_TRUE(input.empty());
  }
  return "needs more";
}

// The same in all pieces, with something behind it and without.
std::string read(const std::string& bytes) {
  const std::string whole = read(bytes, bytes.size() + 1);
  for (std::size_t piece = 1; piece <= std::min<std::size_t>(bytes.size(), 20); ++piece) {
    EXPECT_EQ(read(bytes, piece), whole) << "in pieces of " << piece;
  }
  if (whole != "needs more") {
    EXPECT_EQ(read(bytes + "GET / HTTP/1.1\r\n", bytes.size() + 9), whole) << "with bytes behind it";
  }
  return whole;
}

// ---- version 1

TEST(ProxyLine, HasTheAddressesOfBothEnds) {
  EXPECT_EQ(read("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"), "192.0.2.1:56324 > 198.51.100.2:443 in 45");
  EXPECT_EQ(read("PROXY TCP6 2001:db8::1 ::FFFF:192.0.2.9 0 65535\r\n"), "[2001:db8::1]:0 > [::ffff:192.0.2.9]:65535 in 49");
  EXPECT_EQ(read("PROXY TCP6 2001:0db8:0000:0000:0000:0000:0000:0001 ::1 1 2\r\n"), "[2001:db8::1]:1 > [::1]:2 in 60");
}

TEST(ProxyLine, MayKnowNothing) {
  EXPECT_EQ(read("PROXY UNKNOWN\r\n"), " >  in 15");
  EXPECT_EQ(read("PROXY UNKNOWN whatever it says 70000\r\n"), " >  in 38");
  EXPECT_EQ(read("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), " >  in 59") << "the specification's";
}

TEST(ProxyLine, IsAtMost107BytesLong) {
  const std::string start = "PROXY UNKNOWN ";
  const std::string longest = start + std::string(proxy_line_bytes_max - start.size() - 2, 'x') + "\r\n";
  EXPECT_EQ(read(longest), " >  in 107");
  EXPECT_EQ(read(start + std::string(proxy_line_bytes_max - start.size() - 1, 'x') + "\r\n"), "proxy_line_too_long");
  EXPECT_EQ(read(start + std::string(200, 'x')), "proxy_line_too_long");
}

TEST(ProxyLine, EndsInCrLfAndHasNoneBefore) {
  EXPECT_EQ(read("PROXY UNKNOWN\n"), "proxy_line_end");
  EXPECT_EQ(read("PROXY UNKNOWN\rX"), "proxy_line_end");
  EXPECT_EQ(read("PROXY TCP4 192.0.2.1\r198.51.100.2 56324 443\r\n"), "proxy_line_end");
  EXPECT_EQ(read("PROXY UNKNOWN\r\r\n"), "proxy_line_end");
}

TEST(ProxyLine, SaysItsFamilyExactly) {
  for (const char* line : {"PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n", "PROXY tcp4 1.1.1.1 2.2.2.2 1 2\r\n", "PROXY UNKNOWNS\r\n",
                           "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n", "PROXY \r\n", "PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n"}) {
    EXPECT_EQ(read(line), "proxy_line_family") << line;
  }
}

TEST(ProxyLine, HasSixWordsBetweenSingleSpaces) {
  for (const char* line : {"PROXY TCP4\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
                           "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n", "PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n",
                           "PROXY TCP4 1.1.1.1\t2.2.2.2 1 2\r\n"}) {
    EXPECT_EQ(read(line), "proxy_line_words") << line;
  }
}

TEST(ProxyLine, HasAddressesOfItsFamily) {
  for (const char* addresses : {"::1 ::2", "1.1.1.1 ::2", "1.1.1.01 2.2.2.2", "1.1.1 2.2.2.2", "1.1.1.256 2.2.2.2",
                                "0x1.1.1.1 2.2.2.2", "localhost 2.2.2.2", "1.1.1.1 2.2.2.2.", " 2.2.2.2"}) {
    EXPECT_EQ(read("PROXY TCP4 "s + addresses + " 1 2\r\n"), "proxy_line_address") << addresses;
  }
  for (const char* addresses : {"1.1.1.1 2.2.2.2", "[::1] ::2", "::1%lo ::2", "1:2:3:4:5:6:7 ::2", "1::2::3 ::2",
                                "12345::1 ::2", ":::1 ::2"}) {
    EXPECT_EQ(read("PROXY TCP6 "s + addresses + " 1 2\r\n"), "proxy_line_address") << addresses;
  }
}

TEST(ProxyLine, HasDecimalPorts) {
  for (const char* ports : {"65536 1", "1 65536", "01 1", "00 1", "+1 1", "-1 1", "0x1 1", "1a 1", "1 ", "99999999999999999999 1"}) {
    EXPECT_EQ(read("PROXY TCP4 1.1.1.1 2.2.2.2 "s + ports + "\r\n"), "proxy_line_port") << ports;
  }
}

TEST(ProxyLine, IsToldFromAnythingElseAtTheFirstByte) {
  EXPECT_EQ(read("G"), "no_proxy_header");
  EXPECT_EQ(read("proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n"), "no_proxy_header");
  EXPECT_EQ(read("PUT / HTTP/1.1\r\n"), "no_proxy_header");
  EXPECT_EQ(read("PROXY\t"), "no_proxy_header");
  EXPECT_EQ(read("PROXY"), "needs more");
  EXPECT_EQ(read("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r"), "needs more");
}

// ---- version 2

TEST(ProxyHeader, HasTheAddressesOfBothEnds) {
  EXPECT_EQ(read(binary(0x21, 0x11, ipv4_block)), "192.0.2.1:56324 > 198.51.100.2:443 in 28");
  EXPECT_EQ(read(binary(0x21, 0x21, ipv6_block)), "[2001:db8::1]:56324 > [2001:db8::2]:443 in 52");
  EXPECT_EQ(read(binary(0x21, 0x12, ipv4_block)), "192.0.2.1:56324 > 198.51.100.2:443 in 28") << "a datagram's";
  EXPECT_EQ(read(binary(0x21, 0x31, std::string(216, '\0'))), "unix: > unix: in 232");
}

TEST(ProxyHeader, MayKnowNothing) {
  EXPECT_EQ(read(binary(0x20, 0x00, "")), " >  in 16") << "LOCAL";
  EXPECT_EQ(read(binary(0x20, 0x11, ipv4_block)), " >  in 28") << "what LOCAL says besides does not count";
  EXPECT_EQ(read(binary(0x20, 0xff, "anything")), " >  in 24");
  EXPECT_EQ(read(binary(0x21, 0x00, "anything")), " >  in 24") << "UNSPEC";
}

TEST(ProxyHeader, HasAVersionACommandAndAFamilyThatAreKnown) {
  EXPECT_EQ(read(binary(0x11, 0x11, ipv4_block)), "proxy_version");
  EXPECT_EQ(read(binary(0x31, 0x11, std::string(5000, 'x'))), "proxy_version");
  EXPECT_EQ(read(binary(0x22, 0x11, ipv4_block)), "proxy_command");
  EXPECT_EQ(read(binary(0x2f, 0x11, ipv4_block)), "proxy_command");
  for (const int family : {0x01, 0x10, 0x13, 0x20, 0x30, 0x33, 0x41, 0xff}) {
    EXPECT_EQ(read(binary(0x21, family, std::string(300, '\0'))), "proxy_family") << family;
  }
}

TEST(ProxyHeader, HoldsItsAddresses) {
  EXPECT_EQ(read(binary(0x21, 0x11, ipv4_block.substr(1))), "proxy_too_short");
  EXPECT_EQ(read(binary(0x21, 0x21, ipv6_block.substr(1))), "proxy_too_short");
  EXPECT_EQ(read(binary(0x21, 0x31, std::string(215, '\0'))), "proxy_too_short");
  EXPECT_EQ(read(binary(0x21, 0x11, "")), "proxy_too_short");
}

TEST(ProxyHeader, IsAtMost4096BytesLong) {
  const std::string room(proxy_header_bytes_max - 16 - ipv4_block.size() - 3, 'x');
  EXPECT_EQ(read(binary(0x21, 0x11, ipv4_block + field(0xe0, room))), "192.0.2.1:56324 > 198.51.100.2:443 in 4096");
  EXPECT_EQ(read(binary(0x21, 0x11, ipv4_block + field(0xe0, room + 'x'))), "proxy_too_long");
  EXPECT_EQ(read(signature + "\x20\x00\xff\xff"s), "proxy_too_long") << "LOCAL as well, by its head alone";
}

TEST(ProxyHeader, MayHaveFieldsBehindTheAddresses) {
  const std::string alpn = field(1, "h2");
  const std::string noop = field(4, "");
  EXPECT_EQ(read(binary(0x21, 0x11, ipv4_block + alpn + noop)), "192.0.2.1:56324 > 198.51.100.2:443 in 36");
  EXPECT_EQ(read(binary(0x21, 0x11, ipv4_block + alpn + "\x04"s)), "proxy_field");
  EXPECT_EQ(read(binary(0x21, 0x11, ipv4_block + alpn + "\x04\x00"s)), "proxy_field");
  EXPECT_EQ(read(binary(0x21, 0x11, ipv4_block + "\x04\x00\x01"s)), "proxy_field");
}

TEST(ProxyHeader, HasTheChecksumThatItSays) {
  const std::string header = with_checksum(ipv4_block + field(1, "h2"));
  EXPECT_EQ(read(header), "192.0.2.1:56324 > 198.51.100.2:443 in 40");
  for (const std::size_t changed : {std::size_t{16}, header.size() - 9, header.size() - 1}) {
    std::string damaged = header;
    damaged[changed] ^= 1;
    EXPECT_EQ(read(damaged), "proxy_checksum") << changed;
  }
  EXPECT_EQ(read(binary(0x21, 0x11, ipv4_block + field(3, "123"))), "proxy_field");
}

TEST(ProxyHeader, IsToldFromAnythingElseAsSoonAsItDiffers) {
  EXPECT_EQ(read("\r\n\r\n\0\r\nQUIT\r"s), "no_proxy_header");
  EXPECT_EQ(read("\r\nG"), "no_proxy_header");
  EXPECT_EQ(read("\r\n\r\n"), "needs more");
  EXPECT_EQ(read(binary(0x21, 0x11, ipv4_block).substr(0, 27)), "needs more");
}

// ---- writing

std::string written(ProxyProtocol version, std::string_view source, std::string_view destination) {
  const auto endpoint = [](std::string_view ip, std::uint16_t port) {
    if (ip == "unix") return Endpoint{.family = Endpoint::Family::unix_socket};
    return Endpoint::parse_ip(ip, port).value_or(Endpoint{});
  };
  std::byte out[proxy_line_bytes_max];
  const ProxyAddresses addresses{endpoint(source, 56324), endpoint(destination, 443)};
  return std::string(as_text(Bytes(out, write_proxy_header(out, version, addresses))));
}

TEST(ProxyHeaderWriter, WritesLines) {
  EXPECT_EQ(written(ProxyProtocol::v1, "192.0.2.1", "198.51.100.2"), "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n");
  EXPECT_EQ(written(ProxyProtocol::v1, "2001:db8::1", "2001:db8::2"), "PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n");
  EXPECT_EQ(written(ProxyProtocol::v1, "unix", "198.51.100.2"), "PROXY UNKNOWN\r\n");
}

TEST(ProxyHeaderWriter, WritesVersion2) {
  EXPECT_EQ(written(ProxyProtocol::v2, "192.0.2.1", "198.51.100.2"), binary(0x21, 0x11, ipv4_block));
  EXPECT_EQ(written(ProxyProtocol::v2, "2001:db8::1", "2001:db8::2"), binary(0x21, 0x21, ipv6_block));
  EXPECT_EQ(written(ProxyProtocol::v2, "unix", "198.51.100.2"), binary(0x21, 0x00, ""));
}

TEST(ProxyHeaderWriter, WritesWhatTheReaderReads) {
  for (const ProxyProtocol version : {ProxyProtocol::v1, ProxyProtocol::v2}) {
    const auto read_back = [&](std::string_view source, std::string_view destination) {
      const std::string header = written(version, source, destination);
      const std::string found = read(header);
      return found.substr(0, found.find(" in "));
    };
    EXPECT_EQ(read_back("192.0.2.1", "198.51.100.2"), "192.0.2.1:56324 > 198.51.100.2:443");
    EXPECT_EQ(read_back("192.0.2.1", "2001:db8::2"), "[::ffff:192.0.2.1]:56324 > [2001:db8::2]:443") << "one family";
    EXPECT_EQ(read_back("2001:db8::1", "198.51.100.2"), "[2001:db8::1]:56324 > [::ffff:198.51.100.2]:443");
    EXPECT_EQ(read_back("192.0.2.1", "unix"), "192.0.2.1:56324 > 0.0.0.0:0") << "an unknown destination";
    EXPECT_EQ(read_back("2001:db8::1", ""), "[2001:db8::1]:56324 > [::]:0");
    EXPECT_EQ(read_back("", "198.51.100.2"), " > ");
    const std::string longest = "2001:db8:1111:2222:3333:4444:5555:6666";
    EXPECT_EQ(read_back(longest, longest), "[" + longest + "]:56324 > [" + longest + "]:443");
  }
}

}  // namespace
}  // namespace culvert::wire
