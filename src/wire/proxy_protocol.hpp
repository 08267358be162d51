// The PROXY protocol, versions 1 and 2, as HAProxy specifies it: the first bytes of a connection that somebody relays,
// which say whose it is. The reader takes both, byte by byte if need be; the writer makes either.
//
//   Result<bool> complete = reader.read(input);   // what it has taken is off `input`; what is left is the stream's own
//   if (!complete) close(complete.error());
//   if (*complete) use(reader.addresses());
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "culvert/bytes.hpp"
#include "culvert/endpoint.hpp"
#include "culvert/error.hpp"
#include "wire/preface_error.hpp"

namespace culvert::wire {

enum class ProxyProtocol : std::uint8_t { v1, v2 };

// Who connected, and whereto. Both Family::none: the header says nothing of that (LOCAL, UNKNOWN, UNSPEC), and the
// addresses of the connection itself hold.
struct ProxyAddresses {
  Endpoint source;
  Endpoint destination;
  bool operator==(const ProxyAddresses&) const = default;
};

// A version 1 line with its CRLF, as specified, and a whole version 2 header. The latter could be 64 KiB; what is written
// in practice is below 536 bytes, with a client's certificate among its fields a few KiB.
inline constexpr std::size_t proxy_line_bytes_max = 107;
inline constexpr std::size_t proxy_header_bytes_max = 4096;

class ProxyHeaderReader {
 public:
  // True: the header is complete, and nothing behind it was taken. False: it goes on. After an error nothing that the
  // peer sends means anything: call it no more.
  Result<bool> read(Bytes& input);
  const ProxyAddresses& addresses() const { return addresses_; }  // once it is complete

 private:
  std::error_code judge_start() const;
  bool is_line() const;
  Result<bool> read_line();
  Result<bool> read_binary();
  std::error_code parse_line();
  std::error_code parse_binary();
  std::error_code parse_fields(Bytes fields) const;
  bool has_checksum(Bytes sum) const;

  std::vector<std::byte> header_;  // as far as it has arrived
  ProxyAddresses addresses_;
};

// Writes a header at `out`, at most proxy_line_bytes_max bytes, and returns how many. Where one address is IPv4 and the
// other IPv6, the former is written as IPv6 (::ffff:192.0.2.1). Without a client's address the header is UNKNOWN or UNSPEC.
std::size_t write_proxy_header(std::byte* out, ProxyProtocol version, ProxyAddresses addresses);

}  // namespace culvert::wire
